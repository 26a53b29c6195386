//! Choosing alert rows: what an operator may filter by, and which of the chosen rows an order can move.
//!
//! One condition serves the count, the ids and the guarded UPDATE, so a dry run says what a run would do.

use crate::{
    clock::comparable,
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
        status::{AlertStatus, DispatchReason, DispatchStatus},
    },
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{Connection, dsl::not, expression::BoxableExpression, prelude::*, sql_types::Bool};
use serde::{Deserialize, Serialize};

/// Rows per transaction and ids per statement.
pub const CHUNK: usize = 500;

type Backend = <AnyConnection as Connection>::Backend;
/// A condition on alert rows.
pub(crate) type Condition = Box<dyn BoxableExpression<poundcake_alerts::table, Backend, SqlType = Bool>>;

/// Which rows; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `poundcake_alerts.id`.
    pub ids: Option<Vec<AlertId>>,
    /// All alerts of one webhook.
    pub request_id: Option<RequestId>,
    /// `pending`, `failed`, …
    pub dispatch_status: Option<DispatchStatus>,
    /// `dispatch_reason`: `rejected`, `expired`, …
    pub reason: Option<DispatchReason>,
    /// Exactly.
    pub alert_name: Option<String>,
    /// 16 hex digits.
    pub fingerprint: Option<String>,
    /// Exactly.
    pub severity: Option<String>,
    /// The label instance, exactly.
    pub instance: Option<String>,
    /// `firing` or `resolved`: what Alertmanager said.
    pub status: Option<AlertStatus>,
    /// `dispatch_target`: `action:pack.name` or `webhook:name`.
    pub target: Option<String>,
    /// `dispatch_route`: the name of the route that the last claim chose.
    pub route: Option<String>,
    /// Stored at this time or later.
    #[serde(alias = "since")]
    pub from: Option<DateTime<Utc>>,
    /// Stored before this time.
    #[serde(alias = "until")]
    pub to: Option<DateTime<Utc>>,
}

/// What is to be done with the chosen rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// To `pending`, in a new generation.
    Replay {
        /// Also rows that StackStorm has run.
        include_dispatched: bool,
        /// Also rows that may have run so long ago that StackStorm may have deleted what would show it.
        accept_unknown: bool,
    },
    /// To `skipped/discarded`.
    Discard,
    /// Held ones stay held, and neither brake nor cooldown holds them any more.
    Release,
    /// Held ones that await an approval get it, for what was shown.
    Approve,
    /// Held ones that await an approval go to `skipped/not_approved`.
    Reject,
}

impl Move {
    /// What was done, in answers, logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Replay { .. } => "replayed",
            Self::Discard => "discarded",
            Self::Release => "released",
            Self::Approve => "approved",
            Self::Reject => "rejected",
        }
    }
}

impl Filter {
    /// True when nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The condition without `ids` and `request_id`, which are resolved to keys first.
    pub(crate) fn condition(&self) -> Condition {
        let mut all: Condition = Box::new(dsl::id.gt(0));
        if let Some(status) = self.dispatch_status {
            all = Box::new(all.and(dsl::dispatch_status.eq(status)));
        }
        if let Some(reason) = self.reason {
            all = Box::new(all.and(dsl::dispatch_reason.eq(reason).assume_not_null()));
        }
        if let Some(name) = self.alert_name.clone() {
            all = Box::new(all.and(dsl::alert_name.eq(name)));
        }
        if let Some(fingerprint) = self.fingerprint.clone() {
            all = Box::new(all.and(dsl::fingerprint.eq(fingerprint)));
        }
        if let Some(severity) = self.severity.clone() {
            all = Box::new(all.and(dsl::severity.eq(severity)));
        }
        if let Some(instance) = self.instance.clone() {
            all = Box::new(all.and(dsl::instance.eq(instance)));
        }
        if let Some(status) = self.status {
            all = Box::new(all.and(dsl::status.eq(status)));
        }
        if let Some(target) = self.target.clone() {
            all = Box::new(all.and(dsl::dispatch_target.eq(target).assume_not_null()));
        }
        if let Some(route) = self.route.clone() {
            all = Box::new(all.and(dsl::dispatch_route.eq(route).assume_not_null()));
        }
        if let Some(from) = self.from {
            all = Box::new(all.and(dsl::created_at.ge(comparable(from))));
        }
        if let Some(to) = self.to {
            all = Box::new(all.and(dsl::created_at.lt(comparable(to))));
        }
        all
    }
}

/// Which rows a move can move, whatever the filter. `by_ids`: each row was named by its id.
///
/// An invalid alert has nothing to run. What was skipped because there is nothing to do (a repeat, an end, a muted
/// alert) is run only if its id is named.
pub(crate) fn movable(what: Move, by_ids: bool, now: NaiveDateTime) -> Condition {
    let failed = dsl::dispatch_status.eq(DispatchStatus::Failed);
    match what {
        Move::Replay { include_dispatched, accept_unknown: false } if !by_ids => {
            let any = Move::Replay { include_dispatched, accept_unknown: true };
            Box::new(movable(any, by_ids, now).and(not(unknowable(now))))
        }
        Move::Replay { include_dispatched, .. } => {
            use DispatchReason::{Invalid, Muted, Repeat, Resolved};
            let never: &'static [DispatchReason] =
                if by_ids { &[Invalid] } else { &[Invalid, Repeat, Resolved, Muted] };
            let skipped = dsl::dispatch_status
                .eq(DispatchStatus::Skipped)
                .and(not(dsl::dispatch_reason.eq_any(never).assume_not_null()));
            if include_dispatched {
                Box::new(failed.or(skipped).or(dsl::dispatch_status.eq(DispatchStatus::Dispatched)))
            } else {
                Box::new(failed.or(skipped))
            }
        }
        // StackStorm may still run an uncertain one, so it cannot be discarded.
        Move::Discard => Box::new(
            dsl::dispatch_status
                .eq_any([DispatchStatus::Pending, DispatchStatus::Queued, DispatchStatus::Held])
                .or(failed.and(not(dsl::dispatch_reason.eq(DispatchReason::Uncertain).assume_not_null())))
                .and(dsl::dispatch_uncertain.eq(false)),
        ),
        Move::Release => releasable(),
        Move::Approve | Move::Reject => awaits_approval(now),
    }
}

/// Which rows a release moves: those that brake, cooldown or a limit of their route holds, and that nobody has released.
fn releasable() -> Condition {
    use DispatchReason::{Brake, Cooldown, InFlight, Rate};
    let released = dsl::dispatch_waived.is_not_null().and(dsl::dispatch_waived.like("%\"brake\"%").assume_not_null());
    Box::new(
        dsl::dispatch_status
            .eq(DispatchStatus::Held)
            .and(dsl::dispatch_reason.eq_any([Brake, Cooldown, InFlight, Rate]).assume_not_null())
            .and(not(released)),
    )
}

/// Which rows can be approved and rejected: one that was approved is due at once, and one whose time is over is due too.
fn awaits_approval(now: NaiveDateTime) -> Condition {
    Box::new(
        dsl::dispatch_status
            .eq(DispatchStatus::Held)
            .and(dsl::dispatch_reason.eq(DispatchReason::Approval).assume_not_null())
            .and(dsl::next_attempt_at.gt(now).assume_not_null()),
    )
}

/// StackStorm's garbage collector may delete executions and traces after a day: later, that nothing is found says nothing.
pub const PROVES_FOR: TimeDelta = TimeDelta::hours(20);

/// It may have run so long ago that StackStorm can no longer tell. No part of it may be NULL: NOT would be NULL too.
fn unknowable(now: NaiveDateTime) -> Condition {
    let limit = now - PROVES_FOR;
    let reason = dsl::dispatch_reason;
    let uncertain = reason.is_not_null().and(reason.eq(DispatchReason::Uncertain).assume_not_null());
    let attempted = dsl::attempted_at.is_not_null().and(dsl::attempted_at.lt(limit).assume_not_null());
    let never_since = dsl::attempted_at.is_null().and(dsl::created_at.lt(limit));
    Box::new(dsl::dispatch_uncertain.eq(true).or(uncertain).and(attempted.or(never_since)))
}

/// How many rows a replay of many leaves out: a person must look whether they ran, and say so.
pub fn refused(conn: &mut AnyConnection, filter: &Filter, what: Move) -> Result<usize, DatabaseError> {
    let Move::Replay { include_dispatched, accept_unknown: false } = what else { return Ok(0) };
    if filter.ids.is_some() {
        return Ok(0);
    }
    let Some(call) = api_call(conn, filter)? else { return Ok(0) };
    let now = transaction::now(conn)?;
    let any = Move::Replay { include_dispatched, accept_unknown: true };
    let mut query = dsl::poundcake_alerts
        .filter(filter.condition())
        .filter(movable(any, false, now))
        .filter(unknowable(now))
        .count()
        .into_boxed();
    if let Call::Of(call) = call {
        query = query.filter(dsl::api_call_id.eq(call));
    }
    let rows: i64 = query.get_result(conn)?;
    Ok(usize::try_from(rows).unwrap_or_default())
}

/// A row as it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Chosen {
    /// The row.
    pub id: AlertId,
    /// Its generation then: an order that is given twice at once moves the row once.
    pub generation: i32,
    /// When that began.
    pub pending_at: Option<NaiveDateTime>,
}

/// The `n` rows that have waited longest, by ascending id.
pub fn oldest(mut chosen: Vec<Chosen>, n: usize) -> Vec<Chosen> {
    chosen.sort_unstable_by_key(|row| (row.pending_at, row.id));
    chosen.truncate(n);
    chosen.sort_unstable_by_key(|row| row.id);
    chosen
}

/// The rows that the filter chooses and the move can move now, by ascending id.
///
/// All at once: some bytes a row, and what arrives while an order is carried out is not part of it.
pub fn choose(conn: &mut AnyConnection, filter: &Filter, what: Move) -> Result<Vec<Chosen>, DatabaseError> {
    let Some(call) = api_call(conn, filter)? else { return Ok(Vec::new()) };
    let now = transaction::now(conn)?;
    let load = |conn: &mut AnyConnection, ids: Option<&[AlertId]>| {
        let mut query = dsl::poundcake_alerts
            .filter(filter.condition())
            .filter(movable(what, filter.ids.is_some(), now))
            .order(dsl::id)
            .select((dsl::id, dsl::dispatch_generation, dsl::pending_at))
            .into_boxed();
        if let Call::Of(call) = call {
            query = query.filter(dsl::api_call_id.eq(call));
        }
        if let Some(ids) = ids {
            query = query.filter(dsl::id.eq_any(ids.to_vec()));
        }
        query.load::<Chosen>(conn)
    };
    let Some(named) = &filter.ids else { return Ok(load(conn, None)?) };
    let mut named = named.clone();
    named.sort_unstable();
    named.dedup();
    let mut found = Vec::with_capacity(named.len());
    for chunk in named.chunks(CHUNK) {
        found.extend(load(conn, Some(chunk))?);
    }
    Ok(found)
}

/// What `request_id` means for the query.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    /// Not filtered by it.
    Any,
    /// The alerts of this webhook.
    Of(ApiCallId),
}

/// `None`: there is no such webhook, so no row can match.
pub(crate) fn api_call(conn: &mut AnyConnection, filter: &Filter) -> Result<Option<Call>, DatabaseError> {
    let Some(request_id) = filter.request_id else { return Ok(Some(Call::Any)) };
    let id: Option<ApiCallId> = poundcake_api_calls::table
        .filter(poundcake_api_calls::request_id.eq(request_id.to_string()))
        .select(poundcake_api_calls::id)
        .first(conn)
        .optional()?;
    Ok(id.map(Call::Of))
}
