//! Rule mode's rows: taken by the resolver when they are due, and settled without a claim.

use super::{
    StoreError,
    alerts::ERROR,
    any::AnyConnection,
    dispatch_log::{self, Entry},
    links::{self, Link, NewLink},
    schema::{
        poundcake_alerts::{self, dsl},
        poundcake_api_calls,
    },
    tx,
};
use crate::model::{
    column::column,
    ids::{AlertId, RequestId},
    status::{DispatchReason, DispatchStatus},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

/// A row whose webhook StackStorm has, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaiting {
    /// The row.
    pub alert_id: AlertId,
    /// Its webhook.
    pub request_id: RequestId,
    /// Its generation.
    pub generation: i32,
    /// How long ago it became pending (its webhook, or its last replay), by the database's clock.
    pub age: TimeDelta,
    /// How long ago the webhook was posted, by the database's clock.
    pub waited: TimeDelta,
    /// No answer came to the POST: StackStorm may not have it.
    pub uncertain: bool,
    /// When the webhook was posted last.
    pub posted_at: NaiveDateTime,
    /// When the row was taken, by the database's clock.
    pub taken_at: NaiveDateTime,
    /// How often the webhook was posted in this generation.
    pub attempts: i32,
    /// Where it was posted.
    pub target: Option<String>,
    /// See `dispatch_log`.
    pub dispatch_log: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Row {
    id: AlertId,
    dispatch_generation: i32,
    dispatch_attempts: i32,
    dispatch_log: Option<String>,
    dispatch_target: Option<String>,
    dispatch_uncertain: bool,
    attempted_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    pending_at: Option<NaiveDateTime>,
}

/// Characters of `st2_rule_matched`.
const RULES: usize = 255;
/// A row waits for about half as long as it has waited, within these bounds, until it is looked at again.
const SHORTEST: TimeDelta = TimeDelta::milliseconds(500);
const LONGEST: TimeDelta = TimeDelta::seconds(30);

/// Takes up to `limit` rows that are due and moves their due time, so that other resolvers pass them over.
pub fn take(conn: &mut AnyConnection, limit: i64) -> Result<Vec<Awaiting>, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let mut taken = Vec::new();
        for (row, request_id) in due(conn, limit, now)? {
            let posted_at = row.attempted_at.unwrap_or(row.created_at);
            let waited = now - posted_at;
            let next = now + (waited / 2).clamp(SHORTEST, LONGEST);
            let changed = diesel::update(
                dsl::poundcake_alerts
                    .find(row.id)
                    .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
                    .filter(dsl::next_attempt_at.le(now)),
            )
            .set(dsl::next_attempt_at.eq(Some(next)))
            .execute(conn)?;
            if let (1, Ok(request_id)) = (changed, RequestId::parse(&request_id)) {
                taken.push(Awaiting {
                    alert_id: row.id,
                    request_id,
                    generation: row.dispatch_generation,
                    age: now - row.pending_at.unwrap_or(row.created_at),
                    waited,
                    uncertain: row.dispatch_uncertain,
                    posted_at,
                    taken_at: now,
                    attempts: row.dispatch_attempts,
                    target: row.dispatch_target,
                    dispatch_log: row.dispatch_log,
                });
            }
        }
        Ok(taken)
    })
}

/// Read without locks; the UPDATE after it decides who gets a row.
fn due(conn: &mut AnyConnection, limit: i64, now: NaiveDateTime) -> Result<Vec<(Row, String)>, StoreError> {
    Ok(dsl::poundcake_alerts
        .inner_join(poundcake_api_calls::table)
        .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
        .filter(dsl::next_attempt_at.le(now))
        .order(dsl::next_attempt_at)
        .limit(limit)
        .select((Row::as_select(), poundcake_api_calls::request_id))
        .load(conn)?)
}

/// How a row ends that ran nothing, or of which nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// `failed` or `skipped`.
    pub status: DispatchStatus,
    /// Why.
    pub reason: DispatchReason,
    /// For `dispatch_error`.
    pub error: String,
    /// Executions that StackStorm left without running them.
    pub links: Vec<Link>,
    /// The refs of the rules that matched, for `st2_rule_matched`.
    pub rules: Option<String>,
    /// For `dispatch_log`.
    pub log: Option<Entry>,
}

/// Ends a row. False when the row has moved on; its links are written all the same, for the executions exist.
///
/// The row first, then its links: the other order deadlocks. What if we die before: the row is due again. After: the row
/// is settled, and a second write of the same changes nothing.
pub fn settle(conn: &mut AnyConnection, row: &Awaiting, end: &Settlement) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let changed = diesel::update(held(row))
            .set((
                dsl::dispatch_status.eq(end.status),
                dsl::dispatch_reason.eq(Some(end.reason)),
                dsl::dispatch_error.eq(Some(column(&end.error, ERROR))),
                dsl::dispatch_uncertain.eq(false),
                dsl::settling_since.eq(None::<NaiveDateTime>),
                dsl::next_attempt_at.eq(None::<NaiveDateTime>),
                dsl::updated_at.eq(now),
            ))
            .execute(conn)?;
        if changed == 1 {
            keep(conn, row, end, now)?;
        }
        let new = |link: &Link| NewLink { request_id: row.request_id, alert_id: row.alert_id, link: link.clone() };
        links::insert_missing(conn, &end.links.iter().map(new).collect::<Vec<_>>())?;
        Ok(changed == 1)
    })
}

fn keep(conn: &mut AnyConnection, row: &Awaiting, end: &Settlement, now: NaiveDateTime) -> Result<(), StoreError> {
    let alert = dsl::poundcake_alerts.find(row.alert_id);
    if let Some(rules) = &end.rules {
        diesel::update(alert).set(dsl::st2_rule_matched.eq(Some(column(rules, RULES)))).execute(conn)?;
    }
    if let Some(entry) = &end.log {
        append_log(conn, row.alert_id, now, entry)?;
    }
    Ok(())
}

fn append_log(conn: &mut AnyConnection, id: AlertId, now: NaiveDateTime, entry: &Entry) -> Result<(), StoreError> {
    let alert = dsl::poundcake_alerts.find(id);
    let before: Option<String> = alert.select(dsl::dispatch_log).first(conn)?;
    let log = dispatch_log::append(before.as_deref(), &entry.clone().at(now));
    diesel::update(alert).set(dsl::dispatch_log.eq(Some(log))).execute(conn)?;
    Ok(())
}

/// Writes down what is about to be done, before it is done. False when the row has moved on.
pub fn note(conn: &mut AnyConnection, row: &Awaiting, entry: &Entry) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let changed = diesel::update(held(row)).set(dsl::updated_at.eq(now)).execute(conn)?;
        if changed == 1 {
            append_log(conn, row.alert_id, now, entry)?;
        }
        Ok(changed == 1)
    })
}

type Held = diesel::dsl::Filter<
    diesel::dsl::Filter<
        diesel::dsl::Find<poundcake_alerts::table, AlertId>,
        diesel::dsl::Eq<dsl::dispatch_status, DispatchStatus>,
    >,
    diesel::dsl::Eq<dsl::dispatch_generation, i32>,
>;

/// The precondition of every UPDATE here.
fn held(row: &Awaiting) -> Held {
    dsl::poundcake_alerts
        .find(row.alert_id)
        .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
        .filter(dsl::dispatch_generation.eq(row.generation))
}
