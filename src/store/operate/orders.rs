//! Orders as rows of `poundcake_api_calls`: who ordered what, when and why, and its result. This is the audit log.
//!
//! The row is inserted before an order changes anything and completed after its last change. A row that stays at 102 without a
//! result is an order that was cut off.

use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        inserted_ids,
        schema::poundcake_api_calls::{self, dsl},
        transaction,
    },
    model::{
        ids::{ApiCallId, RequestId},
        truncate::column,
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// The status of an order that is being carried out.
pub const UNDER_WAY: i32 = 102;
/// Characters of the columns.
const OPERATOR: usize = 255;
const PATH: usize = 255;
const ADDRESS: usize = 64;

/// The way that an order came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `POST`, `DELETE` or `CLI`.
    pub method: &'static str,
    /// The address of an HTTP client.
    pub client_address: Option<String>,
}

impl Source {
    /// From the command line.
    pub const fn cli() -> Self {
        Self { method: "CLI", client_address: None }
    }
}

/// An order as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The way that it came.
    pub source: Source,
    /// The path of the API, for the command line too.
    pub path: String,
    /// The order, as canonical JSON.
    pub body: String,
    /// Who gives it.
    pub operator: String,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_api_calls, treat_none_as_default_value = false)]
struct Row<'a> {
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    headers: &'a str,
    body: &'a str,
    status_code: i32,
    created_at: NaiveDateTime,
    client_address: Option<&'a str>,
    operator: &'a str,
    ordered_at: NaiveDateTime,
    result: Option<&'a str>,
    pause_until: Option<NaiveDateTime>,
}

/// What is known of an order when its row is inserted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'a> {
    /// The result, where the row itself is all that the order does.
    pub(super) done: Option<(i32, &'a str)>,
    /// Of a pause: when it ends.
    pub(super) pause_until: Option<NaiveDateTime>,
}

/// Writes an order down that begins now.
pub fn begin(conn: &mut AnyConnection, order: &NewOrder) -> Result<ApiCallId, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        insert(conn, order, Known::default(), now)
    })
}

/// Inserts an order's row within a transaction.
pub(super) fn insert(
    conn: &mut AnyConnection,
    order: &NewOrder,
    known: Known<'_>,
    now: NaiveDateTime,
) -> Result<ApiCallId, DatabaseError> {
    let request_id = RequestId::generate();
    let (path, operator) = (column(&order.path, PATH), column(&order.operator, OPERATOR));
    let address = order.source.client_address.as_deref().map(|address| column(address, ADDRESS));
    let row = Row {
        request_id: request_id.as_str(),
        method: order.source.method,
        path: &path,
        headers: "{}",
        body: &order.body,
        status_code: known.done.map_or(UNDER_WAY, |(status, _)| status),
        created_at: now,
        client_address: address.as_deref(),
        operator: &operator,
        ordered_at: now,
        result: known.done.map(|(_, result)| result),
        pause_until: known.pause_until,
    };
    each!(conn, |c| diesel::insert_into(poundcake_api_calls::table).values(&row).execute(c))?;
    let ids = inserted_ids::of_last_insert(conn, 1, ApiCallId)?;
    ids.first().copied().ok_or_else(|| DatabaseError::Unreadable("the order's row has no id".to_owned()))
}

/// Writes an order's result down: the status and the JSON of the answer.
pub fn complete(conn: &mut AnyConnection, id: ApiCallId, status: i32, result: &str) -> Result<(), DatabaseError> {
    diesel::update(dsl::poundcake_api_calls.find(id).filter(dsl::status_code.eq(UNDER_WAY)))
        .set((dsl::status_code.eq(status), dsl::result.eq(Some(result))))
        .execute(conn)?;
    Ok(())
}
