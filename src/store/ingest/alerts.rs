//! `poundcake_alerts`: how an alert becomes a row, and the openers of episodes.

use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        inserted_ids,
        schema::poundcake_alerts,
    },
    model::{
        alert::{IncomingAlert, InvalidAlert},
        ids::{AlertId, ApiCallId},
        plan::{Arrival, RowFate},
        status::{AlertStatus, DispatchReason, DispatchStatus},
        truncate::column,
    },
};
use chrono::NaiveDateTime;
use diesel::{prelude::*, sql_types::Text};
use std::collections::BTreeMap;

/// Widths of the label-derived columns, in characters.
const NAME: usize = 255;
const SEVERITY: usize = 64;
const URL: usize = 8_000;
pub(crate) const ERROR: usize = 2_000;

/// The columns that an arrival alone decides; computed once, before the writer's thread sees them.
#[derive(Debug, Clone)]
pub struct AlertColumns {
    fingerprint: String,
    alert_name: String,
    severity: String,
    instance: String,
    labels: String,
    annotations: String,
    status: AlertStatus,
    starts_at: Option<NaiveDateTime>,
    ends_at: Option<NaiveDateTime>,
    generator_url: Option<String>,
    error: Option<String>,
}

impl From<&Arrival> for AlertColumns {
    fn from(arrival: &Arrival) -> Self {
        match arrival {
            Arrival::Alert(alert) | Arrival::Muted(alert) => Self::of_alert(alert),
            Arrival::Invalid(invalid) => Self::of_invalid(invalid),
        }
    }
}

impl AlertColumns {
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn of_alert(alert: &IncomingAlert) -> Self {
        let label = |name, width| column(alert.label(name), width).into_owned();
        Self {
            fingerprint: alert.fingerprint.to_string(),
            alert_name: label("alertname", NAME),
            severity: label("severity", SEVERITY),
            instance: label("instance", NAME),
            labels: json(&alert.labels),
            annotations: json(&alert.annotations),
            status: alert.status,
            starts_at: alert.starts_at,
            ends_at: alert.ends_at,
            generator_url: alert.generator_url.as_deref().map(|url| column(url, URL).into_owned()),
            error: None,
        }
    }

    /// The entry itself stays readable in the webhook's body.
    fn of_invalid(invalid: &InvalidAlert) -> Self {
        Self {
            fingerprint: String::new(),
            alert_name: String::new(),
            severity: String::new(),
            instance: String::new(),
            labels: "{}".to_owned(),
            annotations: "{}".to_owned(),
            status: AlertStatus::Firing,
            starts_at: None,
            ends_at: None,
            generator_url: None,
            error: Some(column(&invalid.error, ERROR).into_owned()),
        }
    }
}

fn json(map: &BTreeMap<String, String>) -> String {
    let mut text = serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned());
    text.shrink_to_fit();
    text
}

/// An arrival with everything the fold decided: one row.
pub(crate) struct NewAlert<'a> {
    pub(crate) api_call_id: ApiCallId,
    pub(crate) columns: &'a AlertColumns,
    pub(crate) fate: RowFate,
    pub(crate) opened_by: Option<AlertId>,
    pub(crate) now: NaiveDateTime,
    pub(crate) next_attempt_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_alerts, treat_none_as_default_value = false)]
struct Row<'a> {
    api_call_id: ApiCallId,
    fingerprint: &'a str,
    alert_name: &'a str,
    severity: &'a str,
    instance: &'a str,
    labels: &'a str,
    created_at: NaiveDateTime,
    status: AlertStatus,
    annotations: &'a str,
    starts_at: Option<NaiveDateTime>,
    ends_at: Option<NaiveDateTime>,
    generator_url: Option<&'a str>,
    updated_at: NaiveDateTime,
    open_fingerprint: Option<&'a str>,
    opened_by: Option<AlertId>,
    last_seen_at: Option<NaiveDateTime>,
    closed_at: Option<NaiveDateTime>,
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_error: Option<&'a str>,
    pending_at: Option<NaiveDateTime>,
    next_attempt_at: Option<NaiveDateTime>,
}

impl<'a> From<&NewAlert<'a>> for Row<'a> {
    fn from(new: &NewAlert<'a>) -> Self {
        let NewAlert { columns, fate, now, .. } = *new;
        let opener = fate.is_opener().then_some(now);
        Self {
            api_call_id: new.api_call_id,
            fingerprint: &columns.fingerprint,
            alert_name: &columns.alert_name,
            severity: &columns.severity,
            instance: &columns.instance,
            labels: &columns.labels,
            created_at: now,
            status: columns.status,
            annotations: &columns.annotations,
            starts_at: columns.starts_at,
            ends_at: columns.ends_at,
            generator_url: columns.generator_url.as_deref(),
            updated_at: now,
            open_fingerprint: fate.is_open().then_some(columns.fingerprint.as_str()),
            opened_by: new.opened_by,
            last_seen_at: opener,
            closed_at: opener.filter(|_| !fate.is_open()),
            dispatch_status: fate.dispatch_status,
            dispatch_reason: fate.dispatch_reason,
            dispatch_error: columns.error.as_deref(),
            pending_at: fate.was_pending.then_some(now),
            next_attempt_at: (fate.dispatch_status == DispatchStatus::Pending).then_some(new.next_attempt_at),
        }
    }
}

/// `dispatch_status` of rows that are named by their ids, as an expression that no index serves. Offered the column itself,
/// MariaDB may walk the index of due rows instead of the ids, and wait there for entries that other transactions have
/// locked (it passes over locked rows that do not match only on the primary key).
pub(crate) fn status() -> coalesce<poundcake_alerts::dispatch_status, &'static str> {
    coalesce(poundcake_alerts::dispatch_status, "")
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// The first of the two that is not NULL.
    fn coalesce(value: Text, otherwise: Text) -> Text;
}

/// Rows per INSERT: below the bind limits of both databases (65,535 and 32,766), and where MariaDB is fastest (measured).
const ROWS: usize = 500;

/// Inserts in multi-row statements and returns the ids in the same order.
pub(crate) fn insert(conn: &mut AnyConnection, alerts: &[NewAlert<'_>]) -> Result<Vec<AlertId>, DatabaseError> {
    let mut all = Vec::with_capacity(alerts.len());
    for chunk in alerts.chunks(ROWS) {
        let rows: Vec<Row<'_>> = chunk.iter().map(Row::from).collect();
        each!(conn, |c| diesel::insert_into(poundcake_alerts::table).values(&rows).execute(c))?;
        all.extend(inserted_ids::of_last_insert(conn, rows.len(), AlertId)?);
    }
    Ok(all)
}
