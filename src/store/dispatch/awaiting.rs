//! Rule mode's rows: taken by the resolver when they are due, and ended without a claim.

use super::{
    claim::Texts,
    dispatch_log::{self, Entry},
    links::{self, Link, LinkStart, NewLink},
};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls,
        },
        transaction,
    },
    model::{
        ids::{AlertId, ApiCallId, RequestId},
        status::{DispatchReason, DispatchStatus},
        truncate::column,
    },
    store::{
        ingest::alerts::ERROR,
        unreadable::{self, Unreadable},
    },
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
    /// Nothing shows that the POST is over.
    pub silent: bool,
    /// Since when lookups have been healthy and empty.
    pub settling_since: Option<NaiveDateTime>,
    /// When the webhook was posted last.
    pub posted_at: NaiveDateTime,
    /// When the row was taken, by the database's clock.
    pub taken_at: NaiveDateTime,
    /// How often the webhook was posted in this generation.
    pub attempts: i32,
    /// Where it was posted.
    pub target: Option<String>,
    /// The alert's labels.
    pub labels: Texts,
    /// See `dispatch_log`.
    pub dispatch_log: Option<String>,
    /// What its links copy.
    pub start: LinkStart,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Row {
    id: AlertId,
    api_call_id: ApiCallId,
    dispatch_generation: i32,
    dispatch_attempts: i32,
    dispatch_log: Option<String>,
    dispatch_target: Option<String>,
    dispatch_uncertain: bool,
    dispatch_silent: bool,
    settling_since: Option<NaiveDateTime>,
    #[diesel(deserialize_as = String)]
    labels: Texts,
    attempted_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    pending_at: Option<NaiveDateTime>,
    fingerprint: String,
    dispatch_route: Option<String>,
    guard_target: Option<String>,
    started_at: Option<NaiveDateTime>,
}

/// Characters of `st2_rule_matched`.
const RULES: usize = 255;
/// A row waits for about half as long as it has waited, within these bounds, until it is looked at again.
const SHORTEST: TimeDelta = TimeDelta::milliseconds(500);
const LONGEST: TimeDelta = TimeDelta::seconds(30);

fn next_look(waited: TimeDelta) -> TimeDelta {
    (waited / 2).clamp(SHORTEST, LONGEST)
}

/// Takes up to `limit` rows that are due and moves their due time, so that other resolvers pass them over.
pub fn take(conn: &mut AnyConnection, limit: i64) -> Result<Vec<Awaiting>, DatabaseError> {
    let (taken, unreadable) = transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let (mut taken, mut unreadable) = (Vec::new(), Vec::new());
        for (row, request_id) in due(conn, limit, now)? {
            let waited = now - row.posted_at();
            let next = now + next_look(waited);
            let changed = diesel::update(
                dsl::poundcake_alerts
                    .find(row.id)
                    .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
                    .filter(dsl::next_attempt_at.le(now)),
            )
            .set(dsl::next_attempt_at.eq(Some(next)))
            .execute(conn)?;
            if changed != 1 {
                continue;
            }
            match row.read(&request_id) {
                Ok(request_id) => taken.push(row.taken(request_id, now)),
                Err(row) => unreadable.push(row),
            }
        }
        unreadable::put_off(conn, &unreadable, now)?;
        Ok((taken, unreadable))
    })?;
    unreadable::report(&unreadable);
    Ok(taken)
}

impl Row {
    fn posted_at(&self) -> NaiveDateTime {
        self.attempted_at.unwrap_or(self.created_at)
    }

    /// Its webhook's id. Without its labels it would be posted again by another route.
    fn read(&self, request_id: &str) -> Result<RequestId, Unreadable> {
        self.labels.check(self.id, "labels")?;
        unreadable::request_id(self.id, self.api_call_id, Some(request_id))
    }

    fn taken(self, request_id: RequestId, now: NaiveDateTime) -> Awaiting {
        Awaiting {
            alert_id: self.id,
            request_id,
            generation: self.dispatch_generation,
            age: now - self.pending_at.unwrap_or(self.created_at),
            waited: now - self.posted_at(),
            uncertain: self.dispatch_uncertain,
            silent: self.dispatch_silent,
            settling_since: self.settling_since,
            posted_at: self.posted_at(),
            taken_at: now,
            attempts: self.dispatch_attempts,
            target: self.dispatch_target,
            labels: self.labels,
            dispatch_log: self.dispatch_log,
            start: LinkStart {
                fingerprint: self.fingerprint,
                route: self.dispatch_route,
                guard_target: self.guard_target,
                started_at: self.started_at,
            },
        }
    }
}

/// Read without locks; the UPDATE after it decides who gets a row.
fn due(conn: &mut AnyConnection, limit: i64, now: NaiveDateTime) -> Result<Vec<(Row, String)>, DatabaseError> {
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
pub struct RulesEnd {
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
/// The row first, then its links: the other order deadlocks. Crash safety: before it the row is due again. After: the row
/// has ended, and a second write of the same changes nothing.
pub fn end(conn: &mut AnyConnection, row: &Awaiting, end: &RulesEnd) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let changed = diesel::update(held(row))
            .set((
                dsl::dispatch_status.eq(end.status),
                dsl::dispatch_reason.eq(Some(end.reason)),
                dsl::dispatch_error.eq(Some(column(&end.error, ERROR))),
                dsl::dispatch_uncertain.eq(false),
                dsl::settling_since.eq(None::<NaiveDateTime>),
                dsl::next_attempt_at.eq(None::<NaiveDateTime>),
                dsl::updated_at.eq(now),
                end.reason.ends_start().then(|| dsl::started_at.eq(None::<NaiveDateTime>)),
            ))
            .execute(conn)?;
        if changed == 1 {
            keep(conn, row, end, now)?;
        }
        let new = |link: &Link| NewLink {
            request_id: row.request_id,
            alert_id: row.alert_id,
            link: link.clone(),
            start: row.start.clone(),
        };
        links::insert_missing(conn, &end.links.iter().map(new).collect::<Vec<_>>())?;
        Ok(changed == 1)
    })
}

fn keep(conn: &mut AnyConnection, row: &Awaiting, end: &RulesEnd, now: NaiveDateTime) -> Result<(), DatabaseError> {
    let alert = dsl::poundcake_alerts.find(row.alert_id);
    if let Some(rules) = &end.rules {
        diesel::update(alert).set(dsl::st2_rule_matched.eq(Some(column(rules, RULES)))).execute(conn)?;
    }
    if let Some(entry) = &end.log {
        append_log(conn, row.alert_id, now, entry)?;
    }
    Ok(())
}

fn append_log(conn: &mut AnyConnection, id: AlertId, now: NaiveDateTime, entry: &Entry) -> Result<(), DatabaseError> {
    let alert = dsl::poundcake_alerts.find(id);
    let before: Option<String> = alert.select(dsl::dispatch_log).first(conn)?;
    let log = dispatch_log::append(before.as_deref(), &entry.clone().at(now));
    diesel::update(alert).set(dsl::dispatch_log.eq(Some(log))).execute(conn)?;
    Ok(())
}

/// Writes down what is about to be done, before it is done. False when the row has moved on.
pub fn note(conn: &mut AnyConnection, row: &Awaiting, entry: &Entry) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let changed = diesel::update(held(row)).set(dsl::updated_at.eq(now)).execute(conn)?;
        if changed == 1 {
            append_log(conn, row.alert_id, now, entry)?;
        }
        Ok(changed == 1)
    })
}

/// Writes since when lookups have been healthy and empty, and when to look again at the latest. Crash safety: before it the
/// row settles a little later.
pub fn settling(
    conn: &mut AnyConnection,
    row: &Awaiting,
    since: Option<NaiveDateTime>,
    wait: Option<TimeDelta>,
) -> Result<(), DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let planned = next_look(row.waited);
        let next = now + wait.map_or(planned, |wait| wait.clamp(TimeDelta::zero(), planned));
        diesel::update(held(row))
            .set((dsl::settling_since.eq(since), dsl::next_attempt_at.eq(Some(next)), dsl::updated_at.eq(now)))
            .execute(conn)?;
        Ok(())
    })
}

/// Back to `pending`, still uncertain: `settling_since` stays as the mark that the next claim may post the webhook again.
/// False when the row has moved on, or its alert has ended.
pub fn post_again(conn: &mut AnyConnection, row: &Awaiting, entry: &Entry) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        if has_ended(conn, row.alert_id)? {
            return Ok(false);
        }
        let now = transaction::now(conn)?;
        let settled = dsl::dispatch_uncertain.eq(true).and(dsl::settling_since.is_not_null());
        let changed = diesel::update(held(row).filter(settled))
            .set((
                dsl::dispatch_status.eq(DispatchStatus::Pending),
                dsl::claimed_by.eq(None::<String>),
                dsl::next_attempt_at.eq(Some(now)),
                dsl::updated_at.eq(now),
            ))
            .execute(conn)?;
        if changed == 1 {
            append_log(conn, row.alert_id, now, entry)?;
        }
        Ok(changed == 1)
    })
}

/// Read without locks: an alert that ends at the same moment may have been posted again a moment before as well.
fn has_ended(conn: &mut AnyConnection, id: AlertId) -> Result<bool, DatabaseError> {
    let (fingerprint, pending_at, closed_at): (String, Option<NaiveDateTime>, Option<NaiveDateTime>) =
        dsl::poundcake_alerts.find(id).select((dsl::fingerprint, dsl::pending_at, dsl::closed_at)).first(conn)?;
    // A replay of a closed episode is newer than its end.
    if closed_at.is_none_or(|closed| pending_at.is_some_and(|pending| closed <= pending)) {
        return Ok(false);
    }
    // It fires again already: that firing counts on this row.
    let open = dsl::poundcake_alerts.filter(dsl::open_fingerprint.eq(fingerprint)).select(dsl::id);
    Ok(open.first::<AlertId>(conn).optional()?.is_none())
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
