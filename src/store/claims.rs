//! The dispatcher's side of a row: claiming it with a token, and every way a claim ends.
//!
//! A claim is a lease (`next_attempt_at`) held by a token (`claimed_by`). Every UPDATE after it carries the token and
//! `dispatching`, so a claim that outlived its lease changes nothing.
//! What if we die: before the claim's COMMIT nothing happened; after it the lease ends and the row, marked uncertain
//! before anything is sent, is looked up before anybody posts.

use super::{
    StoreError,
    alerts::{ERROR, status},
    any::AnyConnection,
    dispatch_log::{self, Entry},
    due::RELAYED,
    openers,
    schema::{
        poundcake_alerts::{self, dsl},
        poundcake_api_calls,
    },
    tx,
};
use crate::model::{
    column::column,
    ids::{AlertId, RequestId},
    status::{AlertStatus, DispatchReason, DispatchStatus},
    target::Target,
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What a delivery asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The row.
    pub alert_id: AlertId,
    /// The generation that was published; another one makes the message stale.
    pub generation: i32,
}

/// A claimed row: everything that a dispatch needs.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The row as it was read under the claim.
    pub alert: ClaimedAlert,
    /// Its webhook.
    pub request_id: RequestId,
    /// Proves the claim in every later UPDATE.
    pub token: String,
    /// Where it goes; `None`: no route matches. Stored before anything is sent.
    pub target: Option<Target>,
    /// The database's clock at the claim.
    pub claimed_at: NaiveDateTime,
    /// This host's, read before the database's: however late COMMIT is answered, the lease counts from no earlier.
    pub begun: Instant,
}

/// The columns of a claimed row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
pub struct ClaimedAlert {
    /// The row.
    pub id: AlertId,
    /// Its webhook.
    pub api_call_id: i64,
    /// 16 hex digits.
    pub fingerprint: String,
    /// JSON object.
    pub labels: String,
    /// JSON object.
    pub annotations: String,
    /// Firing, as a rule.
    pub status: AlertStatus,
    /// As sent.
    pub starts_at: Option<NaiveDateTime>,
    /// As sent.
    pub generator_url: Option<String>,
    /// When the row was inserted.
    pub created_at: NaiveDateTime,
    /// When this generation began.
    pub pending_at: Option<NaiveDateTime>,
    /// Of this generation, before this claim.
    pub dispatch_attempts: i32,
    /// This one.
    pub dispatch_generation: i32,
    /// Before this claim: true means look before posting.
    pub dispatch_uncertain: bool,
    /// Since when lookups have been healthy and empty.
    pub settling_since: Option<NaiveDateTime>,
    /// Before this claim.
    pub attempted_at: Option<NaiveDateTime>,
    /// Where the last attempt went.
    pub dispatch_target: Option<String>,
    /// See `dispatch_log`.
    pub dispatch_log: Option<String>,
}

/// How claims are made.
pub struct ClaimPolicy<'a> {
    /// How long a claim is ours.
    pub lease: Duration,
    /// Where an alert goes, by its labels; called for rows that are not uncertain.
    pub route: &'a dyn Fn(&ClaimedAlert) -> Option<Target>,
}

/// Claims what can be claimed of `requests`, in one transaction; what is missing from the result was not claimable:
/// stale, settled, held by another dispatcher, or not due.
pub fn claim(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    token: &str,
    policy: &ClaimPolicy<'_>,
) -> Result<Vec<Claimed>, StoreError> {
    tx::write(conn, |conn| {
        let begun = Instant::now();
        let now = tx::now(conn)?;
        take(conn, requests, token, now, now + policy.lease)?;
        let claimed: Vec<Claimed> = read_back(conn, requests, token, (now, begun))?
            .into_iter()
            .map(|claimed| Claimed { target: target_of(&claimed.alert, policy), ..claimed })
            .collect();
        begin_attempts(conn, &claimed, token, now)?;
        Ok(claimed)
    })
}

/// A row that may have been sent keeps its target: the lookup must look where it went.
fn target_of(alert: &ClaimedAlert, policy: &ClaimPolicy<'_>) -> Option<Target> {
    let sent_to = alert.dispatch_target.as_deref().filter(|_| alert.dispatch_uncertain);
    sent_to.and_then(|target| target.parse().ok()).or_else(|| (policy.route)(alert))
}

/// The guarded UPDATE. A `pending` row is in its backoff until it is due, but for two cases in which its due time is only
/// the relay's, and its message may be consumed before the confirm is marked: it was never attempted in this generation,
/// or a relay has just taken it because it was due.
fn take(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    token: &str,
    now: NaiveDateTime,
    lease_end: NaiveDateTime,
) -> Result<(), StoreError> {
    let mut generations: BTreeMap<i32, Vec<AlertId>> = BTreeMap::new();
    for request in requests {
        generations.entry(request.generation).or_default().push(request.alert_id);
    }
    for (generation, mut ids) in generations {
        ids.sort_unstable();
        let fresh = dsl::attempted_at.is_null().or(dsl::claimed_by.eq(RELAYED).assume_not_null());
        let due = dsl::next_attempt_at.le(now).assume_not_null();
        let pending = status().eq(DispatchStatus::Pending).and(fresh.or(due));
        let claimable = status().eq(DispatchStatus::Queued).or(pending);
        diesel::update(
            dsl::poundcake_alerts
                .filter(dsl::id.eq_any(ids))
                .filter(dsl::dispatch_generation.eq(generation))
                .filter(claimable),
        )
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Dispatching),
            dsl::claimed_by.eq(Some(token)),
            dsl::next_attempt_at.eq(Some(lease_end)),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    }
    Ok(())
}

fn read_back(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    token: &str,
    (now, begun): (NaiveDateTime, Instant),
) -> Result<Vec<Claimed>, StoreError> {
    let ids: Vec<AlertId> = requests.iter().map(|request| request.alert_id).collect();
    let rows: Vec<(ClaimedAlert, String)> = dsl::poundcake_alerts
        .inner_join(poundcake_api_calls::table)
        .filter(dsl::id.eq_any(ids))
        .filter(dsl::claimed_by.eq(token))
        .select((ClaimedAlert::as_select(), poundcake_api_calls::request_id))
        .load(conn)?;
    let claimed = |(alert, request_id): (ClaimedAlert, String)| {
        let request_id = RequestId::parse(&request_id).ok()?;
        Some(Claimed { alert, request_id, token: token.to_owned(), target: None, claimed_at: now, begun })
    };
    Ok(rows.into_iter().filter_map(claimed).collect())
}

/// Marks what is about to be sent: uncertain before it is sent, whatever happens afterwards.
fn begin_attempts(
    conn: &mut AnyConnection,
    claimed: &[Claimed],
    token: &str,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let mut targets: BTreeMap<String, Vec<AlertId>> = BTreeMap::new();
    for claimed in claimed.iter().filter(|claimed| !claimed.alert.dispatch_uncertain) {
        if let Some(target) = &claimed.target {
            targets.entry(target.to_string()).or_default().push(claimed.alert.id);
        }
    }
    for (target, mut ids) in targets {
        ids.sort_unstable();
        diesel::update(dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)).filter(dsl::claimed_by.eq(token)))
            .set((
                dsl::dispatch_target.eq(Some(target)),
                dsl::dispatch_attempts.eq(dsl::dispatch_attempts + 1),
                dsl::dispatch_uncertain.eq(true),
                dsl::attempted_at.eq(Some(now)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

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

/// After a claim whose COMMIT was not answered: gives back what it holds, if it holds anything. Nothing was posted, for
/// nobody was told of the claim; so what it marked as an attempt is certain again. Returns how many rows.
pub fn disclaim(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    token: &str,
    lease: Duration,
) -> Result<usize, StoreError> {
    let ids: Vec<AlertId> = requests.iter().map(|request| request.alert_id).collect();
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let held: Vec<(AlertId, bool, Option<NaiveDateTime>, Option<NaiveDateTime>)> = dsl::poundcake_alerts
            .filter(dsl::id.eq_any(&ids))
            .filter(dsl::claimed_by.eq(token))
            .order(dsl::id)
            .select((dsl::id, dsl::dispatch_uncertain, dsl::attempted_at, dsl::next_attempt_at))
            .load(conn)?;
        for (id, uncertain, attempted_at, lease_end) in &held {
            // The claim set both from one clock. It marks neither what was uncertain before nor what no route takes.
            let marked = attempted_at.is_some_and(|at| Some(at + lease) == *lease_end);
            let release = Release {
                due_in: TimeDelta::zero(),
                uncertain: *uncertain && !marked,
                give_back_attempt: marked,
                settling_since: None,
                error: None,
                log: None,
            };
            release_now(conn, (*id, token), now, &release)?;
        }
        Ok(held.len())
    })
}

/// How a claim is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When somebody must look again.
    pub due_in: TimeDelta,
    /// Whether StackStorm may have run it.
    pub uncertain: bool,
    /// The attempt did not reach StackStorm and does not count.
    pub give_back_attempt: bool,
    /// The new `settling_since`.
    pub settling_since: Option<NaiveDateTime>,
    /// For `dispatch_error`; `None` leaves what is there.
    pub error: Option<String>,
    /// For `dispatch_log`.
    pub log: Option<Entry>,
}

/// Back to `pending`, due later. False when the claim is no longer ours.
pub fn release(conn: &mut AnyConnection, id: AlertId, token: &str, release: &Release) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        release_now(conn, (id, token), now, release)
    })
}

fn release_now(
    conn: &mut AnyConnection,
    (id, token): (AlertId, &str),
    now: NaiveDateTime,
    release: &Release,
) -> Result<bool, StoreError> {
    keep_texts(conn, (id, token), now, release.error.as_deref(), release.log.as_ref())?;
    let given_back = i32::from(release.give_back_attempt);
    let changed = diesel::update(held(id, token))
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::claimed_by.eq(None::<String>),
            dsl::dispatch_uncertain.eq(release.uncertain),
            dsl::dispatch_attempts.eq(dsl::dispatch_attempts - given_back),
            dsl::settling_since.eq(release.settling_since),
            dsl::next_attempt_at.eq(Some(now + release.due_in)),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    if changed == 1 && !release.uncertain {
        openers::skip_if_ended(conn, id, now)?;
    }
    Ok(changed == 1)
}

fn keep_texts(
    conn: &mut AnyConnection,
    (id, token): (AlertId, &str),
    now: NaiveDateTime,
    error: Option<&str>,
    log: Option<&Entry>,
) -> Result<(), StoreError> {
    if let Some(error) = error {
        diesel::update(held(id, token)).set(dsl::dispatch_error.eq(Some(column(error, ERROR)))).execute(conn)?;
    }
    if let Some(entry) = log {
        append_log(conn, (id, token), now, entry)?;
    }
    Ok(())
}

/// Appends to the row's log as it is now; false when the claim is no longer ours.
fn append_log(
    conn: &mut AnyConnection,
    (id, token): (AlertId, &str),
    now: NaiveDateTime,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let before: Option<Option<String>> = held(id, token).select(dsl::dispatch_log).first(conn).optional()?;
    let Some(before) = before else { return Ok(false) };
    let log = dispatch_log::append(before.as_deref(), &entry.clone().at(now));
    Ok(diesel::update(held(id, token)).set(dsl::dispatch_log.eq(Some(log))).execute(conn)? == 1)
}

/// Writes down what is about to be done, before it is done. False when the claim is no longer ours.
pub fn note(conn: &mut AnyConnection, id: AlertId, token: &str, entry: &Entry) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        append_log(conn, (id, token), now, entry)
    })
}

/// How a claim ends without an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// `failed` or `skipped`.
    pub status: DispatchStatus,
    /// Why.
    pub reason: DispatchReason,
    /// For `dispatch_error`.
    pub error: Option<String>,
    /// The claim counted an attempt, and nothing was sent.
    pub give_back_attempt: bool,
    /// For `dispatch_log`.
    pub log: Option<Entry>,
}

/// Ends the dispatch. False when the claim is no longer ours.
pub fn settle(conn: &mut AnyConnection, id: AlertId, token: &str, end: &Settlement) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        keep_texts(conn, (id, token), now, end.error.as_deref(), end.log.as_ref())?;
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
            ))
            .execute(conn)?;
        Ok(changed == 1)
    })
}

/// Rule mode: the webhook was taken (or may have been, `uncertain`); from now on the resolver watches, and nobody posts.
pub fn await_execution(
    conn: &mut AnyConnection,
    id: AlertId,
    token: &str,
    look_in: TimeDelta,
    uncertain: bool,
) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let changed = diesel::update(held(id, token))
            .set((
                dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution),
                dsl::claimed_by.eq(None::<String>),
                dsl::dispatch_uncertain.eq(uncertain),
                dsl::next_attempt_at.eq(Some(now + look_in)),
                dsl::updated_at.eq(now),
            ))
            .execute(conn)?;
        Ok(changed == 1)
    })
}
