//! Rows that this program cannot read: reported and deferred, never dropped, and never blocking other rows.
//!
//! Such a row keeps its state. It says in `dispatch_error` what is wrong with it, each look at it is a line in the log, and
//! `doctor` lists it. After a correction it continues by itself.

use super::ingest::alerts::ERROR;
use crate::{
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_alerts::dsl},
    model::{
        ids::{AlertId, ApiCallId, RequestId},
        status::DispatchStatus,
        truncate::column,
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

/// How `dispatch_error` begins on such a row.
const MARK: &str = "this row cannot be read: ";
/// When it is looked at again.
const AGAIN: TimeDelta = TimeDelta::minutes(5);
/// Rows of one look that are named in the log; the others are counted.
const NAMED: usize = 20;

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The row.
    pub alert_id: AlertId,
    /// The column, what it has, and what it should have.
    pub why: String,
}

impl Unreadable {
    pub(super) const fn new(alert_id: AlertId, why: String) -> Self {
        Self { alert_id, why }
    }
}

/// The id of an alert's webhook; `None` is a webhook that is not there.
pub(super) fn request_id(alert_id: AlertId, call: ApiCallId, text: Option<&str>) -> Result<RequestId, Unreadable> {
    let Some(text) = text else {
        return Err(Unreadable::new(alert_id, format!("poundcake_api_calls has no row {call}, its webhook")));
    };
    let why = |error| format!("request_id of its webhook, poundcake_api_calls row {call}, is {text:?}: {error}");
    RequestId::parse(text).map_err(|error| Unreadable::new(alert_id, why(error)))
}

/// Puts such rows off, in the transaction that holds their locks.
pub(super) fn put_off(conn: &mut AnyConnection, rows: &[Unreadable], now: NaiveDateTime) -> Result<(), DatabaseError> {
    for row in rows {
        let error = format!("{MARK}{}", row.why);
        diesel::update(dsl::poundcake_alerts.find(row.alert_id))
            .set((
                dsl::next_attempt_at.eq(Some(now + AGAIN)),
                dsl::claimed_by.eq(None::<String>),
                dsl::dispatch_error.eq(Some(column(&error, ERROR))),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Logs them, after COMMIT.
pub(super) fn report(rows: &[Unreadable]) {
    let minutes = AGAIN.num_minutes();
    for Unreadable { alert_id, why } in rows.iter().take(NAMED) {
        log::error!(
            event = "row_unreadable", alert_id, why;
            "this row cannot be read and is not dispatched; trying it again in {minutes} min"
        );
    }
    if rows.len() > NAMED {
        log::error!(
            event = "row_unreadable", rows = rows.len();
            "more rows cannot be read; `poundcake doctor` counts them"
        );
    }
}

/// What `doctor` tells of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marked {
    /// How many wait.
    pub rows: i64,
    /// The first of them.
    pub first: Option<Unreadable>,
}

/// The rows that some process could not read and that still wait.
pub fn marked(conn: &mut AnyConnection) -> Result<Marked, DatabaseError> {
    let waits = dsl::dispatch_status.eq_any([
        DispatchStatus::Pending,
        DispatchStatus::Queued,
        DispatchStatus::Held,
        DispatchStatus::Dispatching,
        DispatchStatus::AwaitingExecution,
    ]);
    let such = dsl::poundcake_alerts.filter(waits).filter(dsl::dispatch_error.like(format!("{MARK}%")));
    let (rows, first): (i64, Option<AlertId>) =
        such.select((diesel::dsl::count_star(), diesel::dsl::min(dsl::id))).first(conn)?;
    let Some(alert_id) = first else { return Ok(Marked::default()) };
    let error: Option<String> = dsl::poundcake_alerts.find(alert_id).select(dsl::dispatch_error).first(conn)?;
    let why = error.unwrap_or_default().trim_start_matches(MARK).to_owned();
    Ok(Marked { rows, first: Some(Unreadable { alert_id, why }) })
}
