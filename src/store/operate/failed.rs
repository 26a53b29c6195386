//! The failed rows for people, newest first, a page at a time.

use super::filter::{Call, Filter, api_call};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        json,
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls,
        },
    },
    model::{
        ids::{AlertId, ApiCallId},
        status::{DispatchReason, DispatchStatus},
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;
use std::collections::HashMap;

/// A failed row.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Failed {
    pub id: AlertId,
    #[serde(skip)]
    pub api_call_id: ApiCallId,
    #[serde(serialize_with = "json::time")]
    pub created_at: NaiveDateTime,
    pub alert_name: String,
    pub severity: String,
    pub instance: String,
    pub fingerprint: String,
    pub dispatch_reason: Option<DispatchReason>,
    pub dispatch_target: Option<String>,
    pub dispatch_generation: i32,
    pub dispatch_attempts: i32,
    pub dispatch_error: Option<String>,
}

/// A failed row and its webhook.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its webhook.
    pub request_id: String,
    /// The row.
    #[serde(flatten)]
    pub alert: Failed,
}

/// Up to `limit` failed rows with an id below `before`.
pub fn page(
    conn: &mut AnyConnection,
    filter: &Filter,
    before: Option<AlertId>,
    limit: i64,
) -> Result<Vec<Entry>, DatabaseError> {
    let Some(call) = api_call(conn, filter)? else { return Ok(Vec::new()) };
    let mut query = dsl::poundcake_alerts
        .filter(filter.condition())
        .filter(dsl::dispatch_status.eq(DispatchStatus::Failed))
        .order(dsl::id.desc())
        .limit(limit)
        .select(Failed::as_select())
        .into_boxed();
    if let Call::Of(call) = call {
        query = query.filter(dsl::api_call_id.eq(call));
    }
    if let Some(before) = before {
        query = query.filter(dsl::id.lt(before));
    }
    if let Some(ids) = &filter.ids {
        query = query.filter(dsl::id.eq_any(ids.clone()));
    }
    let rows: Vec<Failed> = query.load(conn)?;
    let calls: Vec<ApiCallId> = rows.iter().map(|row| row.api_call_id).collect();
    let requests: HashMap<ApiCallId, String> = poundcake_api_calls::table
        .filter(poundcake_api_calls::id.eq_any(calls))
        .select((poundcake_api_calls::id, poundcake_api_calls::request_id))
        .load::<(ApiCallId, String)>(conn)?
        .into_iter()
        .collect();
    let entry =
        |alert: Failed| Entry { request_id: requests.get(&alert.api_call_id).cloned().unwrap_or_default(), alert };
    Ok(rows.into_iter().map(entry).collect())
}
