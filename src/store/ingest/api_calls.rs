//! `poundcake_api_calls`: one row per webhook, also those that could not be parsed.

use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        inserted_ids,
        schema::poundcake_api_calls,
    },
    model::ids::ApiCallId,
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// A webhook to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiCall {
    /// Our id of the request.
    pub request_id: String,
    /// HTTP method.
    pub method: &'static str,
    /// HTTP path.
    pub path: String,
    /// Allow-listed headers as a JSON object.
    pub headers: String,
    /// Verbatim.
    pub body: String,
    /// What is answered once this row is committed.
    pub status_code: i32,
    /// The sender's `X-Request-ID`, if well-formed.
    pub client_request_id: Option<String>,
    /// The peer's address.
    pub client_address: Option<String>,
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
    client_request_id: Option<&'a str>,
    client_address: Option<&'a str>,
}

/// Inserts all in one statement and returns their ids in the same order.
pub(crate) fn insert<'a>(
    conn: &mut AnyConnection,
    calls: impl Iterator<Item = &'a NewApiCall>,
    now: NaiveDateTime,
) -> Result<Vec<ApiCallId>, DatabaseError> {
    let rows: Vec<Row<'_>> = calls
        .map(|call| Row {
            request_id: &call.request_id,
            method: call.method,
            path: &call.path,
            headers: &call.headers,
            body: &call.body,
            status_code: call.status_code,
            created_at: now,
            client_request_id: call.client_request_id.as_deref(),
            client_address: call.client_address.as_deref(),
        })
        .collect();
    each!(conn, |c| diesel::insert_into(poundcake_api_calls::table).values(&rows).execute(c))?;
    inserted_ids::of_last_insert(conn, rows.len(), ApiCallId)
}
