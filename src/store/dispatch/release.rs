//! Every way a claim ends, but for the execution that it led to (`record`): each UPDATE carries the token, and tells
//! whether the claim was still ours.

use super::dispatch_log::{self, Entry};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::poundcake_alerts::{self, dsl},
        transaction,
    },
    model::{
        doubt::Doubt,
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
        truncate::column,
        waivers::Waivers,
    },
    store::ingest::{alerts::ERROR, episodes},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use std::time::Duration;

type Held<'a> = diesel::dsl::Filter<
    diesel::dsl::Filter<
        diesel::dsl::Find<poundcake_alerts::table, AlertId>,
        diesel::dsl::Eq<dsl::dispatch_status, DispatchStatus>,
    >,
    diesel::dsl::Eq<dsl::claimed_by, &'a str>,
>;

/// The precondition of every UPDATE under a claim.
fn held(id: AlertId, token: &str) -> Held<'_> {
    dsl::poundcake_alerts
        .find(id)
        .filter(dsl::dispatch_status.eq(DispatchStatus::Dispatching))
        .filter(dsl::claimed_by.eq(token))
}

/// What an unanswered claim holds.
#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Disclaimed {
    id: AlertId,
    dispatch_uncertain: bool,
    dispatch_log: Option<String>,
    attempted_at: Option<NaiveDateTime>,
    next_attempt_at: Option<NaiveDateTime>,
}

/// After a claim whose COMMIT was not answered: gives back what it holds, if it holds anything. Nothing was posted, for
/// nobody was told of the claim; so what it marked as an attempt is certain again. Returns how many rows.
pub fn disclaim(conn: &mut AnyConnection, token: &str, lease: Duration) -> Result<usize, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let held: Vec<Disclaimed> = dsl::poundcake_alerts
            .filter(dsl::dispatch_status.eq(DispatchStatus::Dispatching))
            .filter(dsl::claimed_by.eq(token))
            .order(dsl::id)
            .select(Disclaimed::as_select())
            .load(conn)?;
        for row in &held {
            // The claim set both from one clock. It marks neither what was uncertain before nor what no route takes; but for
            // a webhook that it was to post again, which was uncertain and stays so.
            let marked = row.attempted_at.is_some_and(|at| Some(at + lease) == row.next_attempt_at);
            let again = dispatch_log::ends_with(row.dispatch_log.as_deref(), dispatch_log::POST_AGAIN);
            let uncertain = row.dispatch_uncertain && (again || !marked);
            let release = Release {
                due_in: TimeDelta::zero(),
                doubt: if uncertain { Doubt::AsBefore } else { Doubt::None },
                give_back_attempt: marked,
                settling_since: None,
                cause: None,
                waived: None,
            };
            release_now(conn, (row.id, token), now, &release)?;
        }
        Ok(held.len())
    })
}

/// Why a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The event's name in `dispatch_log`.
    pub event: &'static str,
    /// For `dispatch_error`, and the detail in `dispatch_log`.
    pub text: String,
}

/// How a claim is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When the row is due again.
    pub due_in: TimeDelta,
    /// Whether StackStorm may have run it.
    pub doubt: Doubt,
    /// The attempt did not reach StackStorm and does not count.
    pub give_back_attempt: bool,
    /// Since when lookups have been healthy and empty.
    pub settling_since: Option<NaiveDateTime>,
    /// `None` leaves `dispatch_error` as it is, and logs nothing.
    pub cause: Option<Cause>,
    /// `Some` replaces what a person has waived for this generation.
    pub waived: Option<Waivers>,
}

/// Back to `pending`, due later. False when the claim is no longer ours.
pub fn release(conn: &mut AnyConnection, id: AlertId, token: &str, release: &Release) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        release_now(conn, (id, token), now, release)
    })
}

fn release_now(
    conn: &mut AnyConnection,
    (id, token): (AlertId, &str),
    now: NaiveDateTime,
    release: &Release,
) -> Result<bool, DatabaseError> {
    keep(conn, (id, token), now, release.cause.as_ref())?;
    let given_back = i32::from(release.give_back_attempt);
    let changed = diesel::update(held(id, token))
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::claimed_by.eq(None::<String>),
            dsl::dispatch_uncertain.eq(release.doubt.is_uncertain()),
            release.doubt.silent().map(|silent| dsl::dispatch_silent.eq(silent)),
            dsl::dispatch_attempts.eq(dsl::dispatch_attempts - given_back),
            dsl::settling_since.eq(release.settling_since),
            dsl::next_attempt_at.eq(Some(now + release.due_in)),
            dsl::updated_at.eq(now),
            // What is certain not to run was not started.
            (!release.doubt.is_uncertain()).then(|| dsl::started_at.eq(None::<NaiveDateTime>)),
            release.waived.as_ref().map(|waived| dsl::dispatch_waived.eq(waived.print())),
        ))
        .execute(conn)?;
    if changed == 1 && !release.doubt.is_uncertain() {
        episodes::skip_if_ended(conn, id, now)?;
    }
    Ok(changed == 1)
}

fn keep(
    conn: &mut AnyConnection,
    (id, token): (AlertId, &str),
    now: NaiveDateTime,
    cause: Option<&Cause>,
) -> Result<(), DatabaseError> {
    if let Some(Cause { event, text }) = cause {
        diesel::update(held(id, token)).set(dsl::dispatch_error.eq(Some(column(text, ERROR)))).execute(conn)?;
        append_log(conn, (id, token), now, &Entry::new(now, event).detail(text))?;
    }
    Ok(())
}

/// Appends to the row's log as it is now; false when the claim is no longer ours.
fn append_log(
    conn: &mut AnyConnection,
    (id, token): (AlertId, &str),
    now: NaiveDateTime,
    entry: &Entry,
) -> Result<bool, DatabaseError> {
    let before: Option<Option<String>> = held(id, token).select(dsl::dispatch_log).first(conn).optional()?;
    let Some(before) = before else { return Ok(false) };
    let log = dispatch_log::append(before.as_deref(), &entry.clone().at(now));
    Ok(diesel::update(held(id, token)).set(dsl::dispatch_log.eq(Some(log))).execute(conn)? == 1)
}

/// Writes down what is about to be done, before it is done. False when the claim is no longer ours.
pub fn note(conn: &mut AnyConnection, id: AlertId, token: &str, entry: &Entry) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        append_log(conn, (id, token), now, entry)
    })
}

/// How a claim ends without an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRun {
    /// `failed` or `skipped`.
    pub status: DispatchStatus,
    /// Why; it is the event's name in `dispatch_log` too.
    pub reason: DispatchReason,
    /// For `dispatch_error`, and the detail in `dispatch_log`; `None` writes neither.
    pub error: Option<String>,
    /// The claim counted an attempt, and nothing was sent.
    pub give_back_attempt: bool,
}

impl NotRun {
    /// As the cause of the end.
    pub fn cause(&self) -> Option<Cause> {
        self.error.clone().map(|text| Cause { event: self.reason.as_str(), text })
    }
}

/// Ends the dispatch. False when the claim is no longer ours.
pub fn end(conn: &mut AnyConnection, id: AlertId, token: &str, end: &NotRun) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        keep(conn, (id, token), now, end.cause().as_ref())?;
        let given_back = i32::from(end.give_back_attempt);
        let changed = diesel::update(held(id, token))
            .set((
                dsl::dispatch_status.eq(end.status),
                dsl::dispatch_reason.eq(Some(end.reason)),
                dsl::claimed_by.eq(None::<String>),
                dsl::dispatch_attempts.eq(dsl::dispatch_attempts - given_back),
                dsl::dispatch_uncertain.eq(false),
                dsl::settling_since.eq(None::<NaiveDateTime>),
                dsl::next_attempt_at.eq(None::<NaiveDateTime>),
                dsl::updated_at.eq(now),
                end.reason.ends_start().then(|| dsl::started_at.eq(None::<NaiveDateTime>)),
            ))
            .execute(conn)?;
        Ok(changed == 1)
    })
}

/// How a claim ends that showed what would be sent: nothing was sent, and the row is certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `held` or `skipped`.
    pub status: DispatchStatus,
    /// Why.
    pub reason: DispatchReason,
    /// When a held row must be looked at again.
    pub due_in: Option<TimeDelta>,
    /// What would be sent, masked, and its digest.
    pub entry: Entry,
}

/// Writes what was shown. A row whose episode has ended is `skipped/resolved_before_dispatch`. False when the claim is no longer
/// ours.
pub fn show(conn: &mut AnyConnection, id: AlertId, token: &str, shown: &Shown) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        append_log(conn, (id, token), now, &shown.entry)?;
        let changed = diesel::update(held(id, token))
            .set((
                dsl::dispatch_status.eq(shown.status),
                dsl::dispatch_reason.eq(Some(shown.reason)),
                dsl::claimed_by.eq(None::<String>),
                dsl::next_attempt_at.eq(shown.due_in.map(|due_in| now + due_in)),
                dsl::updated_at.eq(now),
            ))
            .execute(conn)?;
        if changed == 1 && shown.status == DispatchStatus::Held {
            episodes::skip_if_ended(conn, id, now)?;
        }
        Ok(changed == 1)
    })
}

/// How a claim ends in rule mode: the resolver watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// When the resolver looks first.
    pub look_in: TimeDelta,
    /// Whether StackStorm has the webhook.
    pub doubt: Doubt,
    /// When it was posted before this claim, which posted nothing: the attempt is given back.
    pub posted_at: Option<NaiveDateTime>,
    /// `None` leaves `dispatch_error` as it is, and logs nothing.
    pub cause: Option<Cause>,
}

/// Rule mode: the webhook was taken (or may have been: there is a doubt); from now on the resolver watches, and no process posts
/// unless it marks the row.
pub fn await_execution(
    conn: &mut AnyConnection,
    id: AlertId,
    token: &str,
    watch: &Watch,
) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        keep(conn, (id, token), now, watch.cause.as_ref())?;
        let given_back = |at| (dsl::attempted_at.eq(Some(at)), dsl::dispatch_attempts.eq(dsl::dispatch_attempts - 1));
        let changed = diesel::update(held(id, token))
            .set((
                dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution),
                dsl::claimed_by.eq(None::<String>),
                dsl::dispatch_uncertain.eq(watch.doubt.is_uncertain()),
                watch.doubt.silent().map(|silent| dsl::dispatch_silent.eq(silent)),
                watch.posted_at.map(given_back),
                dsl::settling_since.eq(None::<NaiveDateTime>),
                dsl::next_attempt_at.eq(Some(now + watch.look_in)),
                dsl::updated_at.eq(now),
            ))
            .execute(conn)?;
        Ok(changed == 1)
    })
}
