//! `poundcake_api_calls`: one webhook whole, or a page of them in short.

use crate::{
    clock::comparable,
    database::{
        DatabaseError,
        connection::AnyConnection,
        json::{json, time},
        page::{Page, Position, Window, after},
        schema::{
            poundcake_alerts,
            poundcake_api_calls::{self, dsl},
        },
    },
    model::{
        ids::{ApiCallId, RequestId},
        status::DispatchStatus,
    },
};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What a list shows of a row of `poundcake_api_calls`.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_api_calls)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct CallSummary {
    #[serde(skip)]
    pub id: ApiCallId,
    pub request_id: String,
    pub method: String,
    pub path: String,
    pub status_code: i32,
    #[serde(serialize_with = "time")]
    pub created_at: NaiveDateTime,
    pub client_request_id: Option<String>,
    pub client_address: Option<String>,
}

/// A row of `poundcake_api_calls`.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_api_calls)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Call {
    #[serde(flatten)]
    #[diesel(embed)]
    pub summary: CallSummary,
    #[serde(serialize_with = "json")]
    pub headers: String,
    pub body: String,
}

/// How many alerts stand in which `dispatch_status`.
pub type AlertCounts = BTreeMap<&'static str, i64>;

/// Which webhooks; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Exactly this one.
    pub request_id: Option<RequestId>,
    /// The sender's `X-Request-ID`.
    pub client_request_id: Option<String>,
    /// What the sender was answered.
    pub status_code: Option<i32>,
    /// Stored at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Stored before this time.
    pub to: Option<DateTime<Utc>>,
}

/// A webhook by its id. An order of an operator is none.
pub fn call(conn: &mut AnyConnection, request_id: RequestId) -> Result<Option<Call>, DatabaseError> {
    let found =
        dsl::poundcake_api_calls.filter(dsl::request_id.eq(request_id.to_string())).filter(dsl::operator.is_null());
    Ok(found.select(Call::as_select()).first(conn).optional()?)
}

/// A page of webhooks (orders of operators and the guard row are none), each with how many of its alerts stand where.
pub fn calls(
    conn: &mut AnyConnection,
    filter: &CallFilter,
    window: Window,
) -> Result<Page<(CallSummary, AlertCounts)>, DatabaseError> {
    let mut query = dsl::poundcake_api_calls
        .filter(dsl::operator.is_null())
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .limit(window.rows())
        .select(CallSummary::as_select())
        .into_boxed();
    if let Some(request_id) = filter.request_id {
        query = query.filter(dsl::request_id.eq(request_id.to_string()));
    }
    if let Some(id) = &filter.client_request_id {
        query = query.filter(dsl::client_request_id.eq(id));
    }
    if let Some(status_code) = filter.status_code {
        query = query.filter(dsl::status_code.eq(status_code));
    }
    if let Some(from) = filter.from {
        query = query.filter(dsl::created_at.ge(comparable(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter(dsl::created_at.lt(comparable(to)));
    }
    if let Some(position) = window.after {
        query = query.filter(after!(dsl, position));
    }
    let rows: Vec<CallSummary> = query.load(conn)?;
    let Page { rows, next } = Page::cut(rows, window, |row| Position { at: row.created_at, id: row.id.0 });
    let ids: Vec<ApiCallId> = rows.iter().map(|row| row.id).collect();
    let mut counts = alert_counts(conn, &ids)?;
    let rows = rows.into_iter().map(|row| {
        let counts = counts.remove(&row.id).unwrap_or_default();
        (row, counts)
    });
    Ok(Page { rows: rows.collect(), next })
}

fn alert_counts(
    conn: &mut AnyConnection,
    calls: &[ApiCallId],
) -> Result<HashMap<ApiCallId, AlertCounts>, DatabaseError> {
    use poundcake_alerts::dsl;
    let rows: Vec<(ApiCallId, DispatchStatus, i64)> = dsl::poundcake_alerts
        .filter(dsl::api_call_id.eq_any(calls))
        .group_by((dsl::api_call_id, dsl::dispatch_status))
        .select((dsl::api_call_id, dsl::dispatch_status, diesel::dsl::count_star()))
        .load(conn)?;
    let mut counts: HashMap<ApiCallId, AlertCounts> = HashMap::new();
    for (call, status, rows) in rows {
        counts.entry(call).or_default().insert(status.as_str(), rows);
    }
    Ok(counts)
}

/// The request ids of these webhooks.
pub fn request_ids(conn: &mut AnyConnection, calls: &[ApiCallId]) -> Result<HashMap<ApiCallId, String>, DatabaseError> {
    let mut calls = calls.to_vec();
    calls.sort_unstable();
    calls.dedup();
    let rows: Vec<(ApiCallId, String)> =
        dsl::poundcake_api_calls.filter(dsl::id.eq_any(calls)).select((dsl::id, dsl::request_id)).load(conn)?;
    Ok(rows.into_iter().collect())
}
