//! The orders of operators: rows of `poundcake_api_calls`, newest first.

use crate::{
    clock::comparable,
    database::{
        DatabaseError,
        connection::AnyConnection,
        json::{json, optional_json, optional_time, time},
        page::{Page, Position, Window},
        schema::poundcake_api_calls::{self, dsl},
    },
    model::ids::ApiCallId,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

/// An order as it is shown.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_api_calls)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct OrderRow {
    pub id: ApiCallId,
    pub request_id: String,
    pub method: String,
    pub path: String,
    pub operator: Option<String>,
    pub client_address: Option<String>,
    #[serde(serialize_with = "json")]
    pub body: String,
    pub status_code: i32,
    #[serde(serialize_with = "optional_json")]
    pub result: Option<String>,
    #[serde(serialize_with = "time")]
    pub created_at: NaiveDateTime,
    #[serde(serialize_with = "optional_time")]
    pub pause_until: Option<NaiveDateTime>,
}

/// Which orders; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Who gave it.
    pub operator: Option<String>,
    /// Given at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Given before this time.
    pub to: Option<DateTime<Utc>>,
}

/// A page of orders.
pub fn orders(conn: &mut AnyConnection, filter: &OrderFilter, window: Window) -> Result<Page<OrderRow>, DatabaseError> {
    let mut query = dsl::poundcake_api_calls
        .filter(dsl::ordered_at.is_not_null())
        .order((dsl::ordered_at.desc(), dsl::id.desc()))
        .limit(window.rows())
        .select(OrderRow::as_select())
        .into_boxed();
    if let Some(operator) = filter.operator.clone() {
        query = query.filter(dsl::operator.eq(operator));
    }
    if let Some(from) = filter.from {
        query = query.filter(dsl::ordered_at.ge(comparable(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter(dsl::ordered_at.lt(comparable(to)));
    }
    if let Some(Position { at, id }) = window.after {
        query = query.filter(dsl::ordered_at.le(at).and(dsl::ordered_at.lt(at).or(dsl::id.nullable().lt(id))));
    }
    Ok(Page::cut(query.load(conn)?, window, |row| Position { at: row.created_at, id: row.id.0 }))
}

/// One order; `None`: no order has this id.
pub fn order(conn: &mut AnyConnection, id: ApiCallId) -> Result<Option<OrderRow>, DatabaseError> {
    let row = dsl::poundcake_api_calls.find(id).filter(dsl::ordered_at.is_not_null());
    Ok(row.select(OrderRow::as_select()).first(conn).optional()?)
}
