//! What became of a webhook, read for people: over HTTP and in the terminal.

use super::{
    StoreError,
    any::AnyConnection,
    schema::{poundcake_alerts, poundcake_api_calls, poundcake_st2_execution_link},
};
use crate::{
    clock,
    model::{
        ids::{AlertId, ApiCallId, RequestId},
        status::{AlertStatus, DispatchReason, DispatchStatus},
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::HashMap;

/// A webhook with its alerts.
#[derive(Debug, Clone, Serialize)]
pub struct RequestHistory {
    /// The webhook.
    #[serde(flatten)]
    pub call: Call,
    /// Those that opened an episode first.
    pub alerts: Vec<AlertHistory>,
}

/// A row of `poundcake_api_calls`.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_api_calls)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Call {
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
    #[serde(serialize_with = "json")]
    pub headers: String,
    pub body: String,
}

/// An alert with its executions.
#[derive(Debug, Clone, Serialize)]
pub struct AlertHistory {
    /// The row.
    #[serde(flatten)]
    pub alert: Alert,
    /// What StackStorm ran for it.
    pub links: Vec<ExecutionLink>,
}

/// A row of `poundcake_alerts`, without what only the program needs.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Alert {
    pub id: AlertId,
    pub fingerprint: String,
    pub alert_name: String,
    pub severity: String,
    pub instance: String,
    pub status: AlertStatus,
    #[serde(serialize_with = "optional_time")]
    pub starts_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "optional_time")]
    pub ends_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "json")]
    pub labels: String,
    #[serde(serialize_with = "json")]
    pub annotations: String,
    pub dispatch_status: DispatchStatus,
    pub dispatch_reason: Option<DispatchReason>,
    pub dispatch_target: Option<String>,
    pub dispatch_generation: i32,
    pub dispatch_attempts: i32,
    pub dispatch_error: Option<String>,
    #[serde(serialize_with = "time")]
    pub created_at: NaiveDateTime,
    #[serde(serialize_with = "optional_time")]
    pub dispatched_at: Option<NaiveDateTime>,
    pub opened_by: Option<AlertId>,
}

/// A row of `poundcake_st2_execution_link`.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_st2_execution_link)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct ExecutionLink {
    #[serde(skip)]
    pub alert_id: AlertId,
    pub st2_execution_id: String,
    pub st2_rule_ref: Option<String>,
    pub st2_action_ref: Option<String>,
    #[serde(serialize_with = "time")]
    pub created_at: NaiveDateTime,
}

/// A webhook by its id.
pub fn request(conn: &mut AnyConnection, request_id: RequestId) -> Result<Option<RequestHistory>, StoreError> {
    let request_id = request_id.to_string();
    let call = poundcake_api_calls::table
        .filter(poundcake_api_calls::request_id.eq(&request_id))
        .select(Call::as_select())
        .first::<Call>(conn)
        .optional()?;
    let Some(call) = call else { return Ok(None) };
    let alerts: Vec<Alert> = poundcake_alerts::table
        .filter(poundcake_alerts::api_call_id.eq(call.id))
        .order(poundcake_alerts::id)
        .select(Alert::as_select())
        .load(conn)?;
    let links: Vec<ExecutionLink> = poundcake_st2_execution_link::table
        .filter(poundcake_st2_execution_link::request_id.eq(&request_id))
        .order(poundcake_st2_execution_link::id)
        .select(ExecutionLink::as_select())
        .load(conn)?;
    Ok(Some(RequestHistory { call, alerts: with_links(alerts, links) }))
}

fn with_links(alerts: Vec<Alert>, links: Vec<ExecutionLink>) -> Vec<AlertHistory> {
    let mut by_alert: HashMap<AlertId, Vec<ExecutionLink>> = HashMap::new();
    for link in links {
        by_alert.entry(link.alert_id).or_default().push(link);
    }
    let history = |alert: Alert| {
        let links = by_alert.remove(&alert.id).unwrap_or_default();
        AlertHistory { alert, links }
    };
    alerts.into_iter().map(history).collect()
}

fn time<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::rfc3339(*time))
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn optional_time<S: Serializer>(time: &Option<NaiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(clock::rfc3339).serialize(serializer)
}

/// The column's JSON as it is. What is none, by somebody else's hand, is shown as the text it is.
fn json<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_str(text),
    }
}
