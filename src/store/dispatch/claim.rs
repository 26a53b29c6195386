//! The dispatcher's side of a row: claiming it with a token. `release` has every way a claim ends.
//!
//! A claim is a lease (`next_attempt_at`) held by a token (`claimed_by`). Every UPDATE after it carries the token and
//! `dispatching`, so a claim that outlived its lease changes nothing.
//! Crash safety: before the claim's COMMIT nothing happened; after it the lease ends and the row, marked uncertain
//! before anything is sent, is looked up before anybody posts.

mod hold;
pub(super) mod last_start;
pub(super) mod start;
mod texts;

pub use texts::Texts;

use self::last_start::LastStart;
use super::{due::RELAYED, links::LinkStart};
use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        prepared::{filled, prepared},
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls,
        },
        transaction,
    },
    model::{
        guards::step::{ClaimStep, Routed},
        ids::{AlertId, ApiCallId, RequestId},
        status::{AlertStatus, DispatchReason, DispatchStatus},
        target::Target,
        waivers::Waivers,
    },
    store::{
        ingest::alerts::status,
        unreadable::{self, Unreadable},
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::{
    collections::BTreeSet,
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
    /// What the claim permits.
    pub purpose: Purpose,
    /// The database's clock at the claim.
    pub claimed_at: NaiveDateTime,
    /// This host's, read before the database's: however late COMMIT is answered, the lease counts from no earlier.
    pub begun: Instant,
}

/// What a claim permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To send it. The row is uncertain and has a start.
    Send,
    /// To look up what may have been sent, or to say that no route takes it.
    Look,
    /// To render and show what would be sent (`mode: approve`, `mode: shadow`). The row is certain and has no start.
    Show,
}

impl Claimed {
    /// What the links of its executions copy.
    pub fn link_start(&self) -> LinkStart {
        let started_at = if self.purpose == Purpose::Send { Some(self.claimed_at) } else { self.alert.started_at };
        LinkStart {
            fingerprint: self.alert.fingerprint.clone(),
            route: self.alert.dispatch_route.clone(),
            guard_target: self.alert.guard_target.clone(),
            started_at,
        }
    }

    /// True when the resolver has moved an uncertain webhook back to `pending` (`on_uncertain: post_again`): its lookups were
    /// empty for a whole settle time. Of a replay `attempted_at` is NULL, and it settles before it is certain.
    pub fn may_be_posted_again(&self) -> bool {
        let alert = &self.alert;
        let marked = alert.dispatch_uncertain && alert.settling_since.is_some() && alert.attempted_at.is_some();
        marked && matches!(self.target, Some(Target::Webhook(_)))
    }
}

/// The columns of a claimed row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
pub struct ClaimedAlert {
    /// The row.
    pub id: AlertId,
    /// Its webhook.
    pub api_call_id: ApiCallId,
    /// 16 hex digits.
    pub fingerprint: String,
    /// As sent.
    #[diesel(deserialize_as = String)]
    pub labels: Texts,
    /// As sent.
    #[diesel(deserialize_as = String)]
    pub annotations: Texts,
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
    /// Before this claim: nothing shows that the last call is over.
    pub dispatch_silent: bool,
    /// Since when lookups have been healthy and empty.
    pub settling_since: Option<NaiveDateTime>,
    /// Before this claim.
    pub attempted_at: Option<NaiveDateTime>,
    /// Where the last attempt went.
    pub dispatch_target: Option<String>,
    /// See `dispatch_log`.
    pub dispatch_log: Option<String>,
    /// The route of the last claim.
    pub dispatch_route: Option<String>,
    /// What `per_target` and `brake` count; `None` on routes without guards.
    pub guard_target: Option<String>,
    /// The start of this generation, before this claim.
    pub started_at: Option<NaiveDateTime>,
    /// Guarded routes: the first start of this generation, before this claim.
    pub first_started_at: Option<NaiveDateTime>,
    /// What a person has waived for this generation.
    pub dispatch_waived: Option<String>,
}

impl ClaimedAlert {
    /// What a person has waived for this generation.
    pub fn waivers(&self) -> Waivers {
        Waivers::parse(self.dispatch_waived.as_deref())
    }

    /// When its age begins: at its first start, else at what a person or a pause has moved it to, else at this generation.
    pub fn age_from(&self) -> NaiveDateTime {
        let first_start = self.first_started_at.filter(|_| self.guard_target.is_some());
        first_start.or(self.waivers().age_from).or(self.pending_at).unwrap_or(self.created_at)
    }
}

/// A row that may be started, for the decision about it.
#[derive(Debug, Clone, Copy)]
pub struct Claimable<'a> {
    /// The row.
    pub alert: &'a ClaimedAlert,
    /// Its webhook.
    pub request_id: RequestId,
    /// When its fingerprint was last started, by any alert and generation.
    pub last_start: Option<NaiveDateTime>,
    /// The database's clock.
    pub now: NaiveDateTime,
}

/// How claims are made.
pub struct ClaimPolicy<'a> {
    /// How long a claim is ours.
    pub lease: Duration,
    /// What happens to a row; called for rows that are not uncertain.
    pub step: &'a dyn Fn(Claimable<'_>) -> ClaimStep,
}

/// What a claim did.
#[derive(Debug, Default)]
pub struct Claims {
    /// Ours now.
    pub claimed: Vec<Claimed>,
    /// Rows that a guard holds now, or that ended: not to be dispatched.
    pub held: Vec<AlertId>,
    /// Those among them that ended.
    pub ended: Vec<Ended>,
    /// Alerts that this database node does not have yet, or only in an older generation than was asked for.
    pub absent: Vec<AlertId>,
}

/// A row that ended with its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The row.
    pub alert_id: AlertId,
    /// Its webhook.
    pub request_id: RequestId,
    /// `failed` or `skipped`.
    pub status: DispatchStatus,
    /// Why.
    pub reason: DispatchReason,
    /// For `dispatch_error`.
    pub error: Option<String>,
}

/// Claims what can be claimed of `requests`, in one transaction; what is missing from the result was not claimable:
/// stale, settled, held by another dispatcher, not due, or not readable.
///
/// The rows are locked while they are read, so one UPDATE writes the claim and what is about to be sent.
pub fn claim(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    token: &str,
    policy: &ClaimPolicy<'_>,
) -> Result<Claims, DatabaseError> {
    let (claims, unreadable) = transaction::write(conn, |conn| {
        let begun = Instant::now();
        let mut rows = claimable(conn, requests)?;
        let absent = absent(conn, requests, &mut rows)?;
        let mut sorted = Sorted::default();
        for row in rows {
            sorted.take(row, policy, token, begun);
        }
        let Sorted { claimed, guarded, unreadable } = sorted;
        start::take(conn, &claimed, policy.lease, start::From::Queue)?;
        hold::hold(conn, &guarded)?;
        for (row, now) in &unreadable {
            unreadable::put_off(conn, std::slice::from_ref(row), *now)?;
        }
        let held = guarded.iter().map(|row| row.id).collect();
        let ended = guarded.into_iter().filter_map(hold::Guarded::ended).collect();
        Ok((Claims { claimed, held, ended, absent }, unreadable))
    })?;
    let unreadable: Vec<Unreadable> = unreadable.into_iter().map(|(row, _)| row).collect();
    unreadable::report(&unreadable);
    Ok(claims)
}

/// Of the alerts that could not be claimed: those that this node does not have yet. On Galera a message can arrive before the
/// node has applied the transaction that its row is part of. Usually everything was claimed, and nothing is asked.
///
/// What was applied between the two reads is here, and was not claimed: it is claimed now, or its message would be acknowledged
/// and the row would wait minutes for the relay.
fn absent(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    rows: &mut Vec<Row>,
) -> Result<Vec<AlertId>, DatabaseError> {
    let seen: BTreeSet<AlertId> = rows.iter().map(|(row, ..)| row.id).collect();
    let missing: Vec<ClaimRequest> =
        requests.iter().filter(|request| !seen.contains(&request.alert_id)).copied().collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<AlertId> = missing.iter().map(|request| request.alert_id).collect();
    let query = dsl::poundcake_alerts.filter(dsl::id.eq_any(filled(ids))).select((dsl::id, dsl::dispatch_generation));
    let known: Vec<(AlertId, i32)> = each!(conn, |c| prepared(query).load(c))?;
    let is_here = |request: &ClaimRequest| {
        known.iter().any(|(id, generation)| *id == request.alert_id && *generation >= request.generation)
    };
    let (here, absent): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_here);
    if !here.is_empty() {
        rows.extend(claimable(conn, &here)?);
    }
    Ok(absent.into_iter().map(|request| request.alert_id).collect())
}

/// The rows of a claim by what happens to them.
#[derive(Default)]
struct Sorted {
    claimed: Vec<Claimed>,
    guarded: Vec<hold::Guarded>,
    unreadable: Vec<(Unreadable, NaiveDateTime)>,
}

impl Sorted {
    fn take(&mut self, row: Row, policy: &ClaimPolicy<'_>, token: &str, begun: Instant) {
        let (alert, request_id, now, start_of_alerts, start_of_links) = row;
        let last_start = start_of_alerts.max(start_of_links).max(alert.started_at);
        let (request_id, sent_to) = match read(&alert, request_id.as_deref()) {
            Ok(read) => read,
            Err(row) => return self.unreadable.push((row, now)),
        };
        let mut claim = |alert, purpose, target| {
            let token = token.to_owned();
            self.claimed.push(Claimed { alert, request_id, token, target, purpose, claimed_at: now, begun });
        };
        if alert.dispatch_uncertain {
            return claim(alert, Purpose::Look, sent_to);
        }
        match (policy.step)(Claimable { alert: &alert, request_id, last_start, now }) {
            ClaimStep::NoRoute => claim(alert, Purpose::Look, None),
            ClaimStep::Start(routed) => {
                let (alert, target) = alert.on_route(routed);
                claim(alert, Purpose::Send, Some(target));
            }
            ClaimStep::Show(routed) => {
                let (alert, target) = alert.on_route(routed);
                claim(alert, Purpose::Show, Some(target));
            }
            step => {
                let since = alert.pending_at.unwrap_or(alert.created_at);
                self.guarded.push(hold::Guarded { id: alert.id, request_id, step, since, now });
            }
        }
    }
}

impl ClaimedAlert {
    /// The row as the claim stores it.
    fn on_route(self, routed: Routed) -> (Self, Target) {
        let Routed { route, target, guard_target } = routed;
        (Self { dispatch_route: Some(route), guard_target, ..self }, target)
    }
}

/// What a dispatch needs of a row besides the row. Nothing is made up for what cannot be read: without its labels an alert
/// would take another route, and without its target a lookup would look elsewhere and post again.
pub(super) fn read(alert: &ClaimedAlert, request_id: Option<&str>) -> Result<(RequestId, Option<Target>), Unreadable> {
    let request_id = unreadable::request_id(alert.id, alert.api_call_id, request_id)?;
    alert.labels.check(alert.id, "labels")?;
    alert.annotations.check(alert.id, "annotations")?;
    // A row that may have been sent keeps its target: the lookup must look where it went.
    let sent_to = alert.dispatch_target.as_deref().filter(|_| alert.dispatch_uncertain);
    let target = sent_to.map(str::parse).transpose();
    let target = target.map_err(|error| Unreadable::new(alert.id, format!("dispatch_target: {error}")))?;
    Ok((request_id, target))
}

/// An alert, the `request_id` of its webhook, the time of the claim, and the last start of its fingerprint among alerts and links.
type Row = (ClaimedAlert, Option<String>, NaiveDateTime, Option<NaiveDateTime>, Option<NaiveDateTime>);

/// The guard, under locks that last until COMMIT. A `pending` row is in its backoff until it is due, but for two cases in
/// which its due time is only the relay's, and its message may be consumed before the confirm is marked: it was never
/// attempted in this generation, or a relay has just taken it because it was due.
fn claimable(conn: &mut AnyConnection, requests: &[ClaimRequest]) -> Result<Vec<Row>, DatabaseError> {
    let now = transaction::clock(conn);
    let asked: BTreeSet<(AlertId, i32)> =
        requests.iter().map(|request| (request.alert_id, request.generation)).collect();
    let fresh = dsl::attempted_at.is_null().or(dsl::claimed_by.eq(RELAYED).assume_not_null());
    let due = dsl::next_attempt_at.le(now).assume_not_null();
    let pending = status().eq(DispatchStatus::Pending).and(fresh.or(due));
    let query = dsl::poundcake_alerts
        .filter(dsl::id.eq_any(filled(asked.iter().map(|(id, _)| *id))))
        .filter(status().eq(DispatchStatus::Queued).or(pending))
        // All dispatchers lock in one order.
        .order(dsl::id);
    // A subquery locks nothing, a join would lock the webhook for all its other alerts.
    let call = poundcake_api_calls::table.filter(poundcake_api_calls::id.eq(dsl::api_call_id));
    let request_id = call.select(poundcake_api_calls::request_id).single_value();
    let (of_alerts, of_links) = (LastStart::OfAlerts, LastStart::OfLinks);
    let rows: Vec<Row> = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let columns = (ClaimedAlert::as_select(), request_id, now, of_alerts, of_links);
            prepared(query.for_update().select(columns)).load(conn)?
        }
        // BEGIN IMMEDIATE holds the only write lock.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            let columns = (ClaimedAlert::as_select(), request_id, now, of_alerts, of_links);
            prepared(query.select(columns)).load(conn)?
        }
    };
    Ok(rows.into_iter().filter(|(row, ..)| asked.contains(&(row.id, row.dispatch_generation))).collect())
}
