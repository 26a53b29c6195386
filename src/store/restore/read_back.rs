//! What StackStorm ran since the backup, as rows.
//!
//! A dispatch whose row is there is linked to it, and the row is `dispatched` in the generation that ran. One whose row is lost is
//! made again under its own id, with as much of the alert as was sent to StackStorm: `dispatched`, linked, and its episode open.
//!
//! Crash safety: each dispatch is one transaction. Again, it finds the row and its links, and changes nothing.

mod rows;

use super::episode;
use crate::{
    clock::rfc3339,
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls::dsl as calls,
        },
        transaction,
    },
    model::{
        ids::{AlertId, ApiCallId},
        status::{DispatchReason, DispatchStatus},
        trace_tag::TraceTag,
        truncate::column,
    },
    store::dispatch::{
        dispatch_log::{self, Entry, READ_BACK},
        links::{self, Link, LinkStart, NewLink},
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

pub use rows::SentAlert;

/// The executions of one alert that StackStorm still has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    /// The newest dispatch of the alert that ran, or may still run.
    pub tag: TraceTag,
    /// The newest generation that StackStorm has seen, whatever came of it.
    pub seen: i32,
    /// When the first execution of this dispatch was created.
    pub begun: NaiveDateTime,
    /// The executions that ran, of all its generations.
    pub links: Vec<Link>,
    /// What was sent of the alert. `None`: without a fingerprint no row can be made of it.
    pub alert: Option<SentAlert>,
    /// `action:pack.name` or `webhook:name`, where it is known.
    pub target: Option<String>,
}

/// What came of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The row knew, or nothing ran.
    Known(AlertId),
    /// The row was there, and knows now.
    Linked(AlertId),
    /// The row was made again.
    Made(AlertId),
    /// The row is lost, and nothing ran, or StackStorm does not show which alert it was.
    Lost,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Row {
    id: AlertId,
    fingerprint: String,
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_generation: i32,
    dispatch_route: Option<String>,
    guard_target: Option<String>,
    dispatch_log: Option<String>,
}

/// By its id, which another alert may have by now; then by its webhook and fingerprint: it was made again under another id.
fn row(conn: &mut AnyConnection, tag: &TraceTag, fingerprint: Option<&str>) -> Result<Option<Row>, DatabaseError> {
    let Some(call) = call(conn, tag)? else { return Ok(None) };
    let of_call = || dsl::poundcake_alerts.filter(dsl::api_call_id.eq(call)).select(Row::as_select());
    let by_id: Option<Row> = of_call().filter(dsl::id.eq(tag.alert_id)).first(conn).optional()?;
    match (by_id, fingerprint) {
        (None, Some(fingerprint)) => Ok(of_call().filter(dsl::fingerprint.eq(fingerprint)).first(conn).optional()?),
        (found, _) => Ok(found),
    }
}

fn call(conn: &mut AnyConnection, tag: &TraceTag) -> Result<Option<ApiCallId>, DatabaseError> {
    let call = calls::poundcake_api_calls.filter(calls::request_id.eq(tag.request_id.to_string()));
    Ok(call.select(calls::id).first(conn).optional()?)
}

/// Writes one dispatch.
pub fn write(conn: &mut AnyConnection, dispatched: &Dispatched) -> Result<Outcome, DatabaseError> {
    transaction::write(conn, |conn| take(conn, dispatched))
}

/// What [`write()`] would do.
pub fn look(conn: &mut AnyConnection, dispatched: &Dispatched) -> Result<Outcome, DatabaseError> {
    transaction::rolled_back(conn, |conn| take(conn, dispatched))
}

fn take(conn: &mut AnyConnection, dispatched: &Dispatched) -> Result<Outcome, DatabaseError> {
    let fingerprint = dispatched.alert.as_ref().map(|alert| alert.fingerprint.as_str());
    match (row(conn, &dispatched.tag, fingerprint)?, &dispatched.alert) {
        (Some(row), _) => link(conn, &row, dispatched),
        (None, Some(alert)) if !dispatched.links.is_empty() => make(conn, alert, dispatched).map(Outcome::Made),
        (None, _) => Ok(Outcome::Lost),
    }
}

fn link(conn: &mut AnyConnection, row: &Row, dispatched: &Dispatched) -> Result<Outcome, DatabaseError> {
    let known = links::of_alert(conn, row.id)?;
    let generation = row.dispatch_generation.max(dispatched.seen);
    let now = transaction::now(conn)?;
    if dispatched.links.iter().all(|link| known.contains(&link.execution_id)) {
        // Nothing new ran. A row that waits is raised by `waiting::raise`.
        if row.dispatch_status.is_final() && generation > row.dispatch_generation {
            diesel::update(dsl::poundcake_alerts.find(row.id))
                .set((dsl::dispatch_generation.eq(generation), dsl::updated_at.eq(now)))
                .execute(conn)?;
        }
        return Ok(Outcome::Known(row.id));
    }
    let from = format!("{}/{}", row.dispatch_status, row.dispatch_reason.map_or("-", DispatchReason::as_str));
    let entry = Entry { from: Some(from), ..entry(now, dispatched) };
    diesel::update(dsl::poundcake_alerts.find(row.id))
        .set((
            rows::settled(dispatched),
            // A replay that the backup does not know.
            (generation > row.dispatch_generation).then(|| dsl::pending_at.eq(Some(dispatched.begun))),
            dsl::dispatch_generation.eq(generation),
            dsl::dispatch_log.eq(Some(dispatch_log::append(row.dispatch_log.as_deref(), &entry))),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    let start = LinkStart {
        fingerprint: row.fingerprint.clone(),
        route: row.dispatch_route.clone(),
        guard_target: row.guard_target.clone(),
        started_at: Some(dispatched.begun),
    };
    insert_links(conn, row.id, dispatched, &start)?;
    Ok(Outcome::Linked(row.id))
}

fn make(conn: &mut AnyConnection, alert: &SentAlert, dispatched: &Dispatched) -> Result<AlertId, DatabaseError> {
    let now = transaction::now(conn)?;
    let call = match call(conn, &dispatched.tag)? {
        Some(call) => call,
        None => rows::insert_call(conn, dispatched)?,
    };
    let is_open = episode::takes_over(conn, &alert.fingerprint, (alert.starts_at, dispatched.begun), now)?;
    let taken =
        dsl::poundcake_alerts.find(dispatched.tag.alert_id).select(dsl::id).first::<AlertId>(conn).optional()?;
    let id = taken.is_none().then_some(dispatched.tag.alert_id);
    let log = dispatch_log::append(None, &entry(now, dispatched));
    let id = rows::insert_alert(conn, &rows::New { id, call, alert, dispatched, is_open, log, now })?;
    let start = LinkStart {
        fingerprint: alert.fingerprint.clone(),
        started_at: Some(dispatched.begun),
        ..LinkStart::default()
    };
    insert_links(conn, id, dispatched, &start)?;
    Ok(id)
}

fn entry(now: NaiveDateTime, dispatched: &Dispatched) -> Entry {
    let Dispatched { tag, begun, .. } = dispatched;
    let text = format!("StackStorm ran {tag} at {}, which the restored backup does not know", rfc3339(*begun));
    let entry = Entry { generation: Some(tag.generation), ..Entry::new(now, READ_BACK).detail(&text) };
    match dispatched.links.first() {
        Some(link) => entry.execution(&link.execution_id),
        None => entry,
    }
}

fn insert_links(
    conn: &mut AnyConnection,
    alert_id: AlertId,
    dispatched: &Dispatched,
    start: &LinkStart,
) -> Result<(), DatabaseError> {
    let request_id = dispatched.tag.request_id;
    let new = |link: &Link| NewLink { request_id, alert_id, link: link.clone(), start: start.clone() };
    let new: Vec<NewLink> = dispatched.links.iter().map(new).collect();
    links::insert_missing(conn, &new)?;
    Ok(())
}

/// The rules that ran, as the column has them.
fn rules(links: &[Link]) -> Option<String> {
    let mut rules: Vec<&str> = links.iter().filter_map(|link| link.rule_ref.as_deref()).collect();
    rules.dedup();
    (!rules.is_empty()).then(|| column(&rules.join(","), 255).into_owned())
}
