//! What a claim does with a row that may be started: the decision about one alert that needs no counts.

use super::{GuardPolicy, PerTarget};
use crate::model::{
    status::{DispatchReason, DispatchStatus},
    target::Target,
};
use chrono::{NaiveDateTime, TimeDelta};

/// Where a row of a route goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The route's name.
    pub route: String,
    /// Where it sends alerts.
    pub target: Target,
    /// Guarded routes: what `per_target` and `brake` count.
    pub guard_target: Option<String>,
}

/// What a claim does with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimStep {
    /// No route takes it.
    NoRoute,
    /// It is started at once: its route has no guards.
    Start(Routed),
    /// It is rendered and shown, and not sent (`mode: approve`, `mode: shadow`).
    Show(Routed),
    /// It stands in its route's line. `per_target`: unless its target is full.
    Line {
        /// Its route.
        routed: Routed,
        /// Why it waits, as far as is known before the admission.
        reason: DispatchReason,
        /// When it expires.
        until: NaiveDateTime,
        /// The windows of its target.
        per_target: Option<PerTarget>,
    },
    /// It waits for a reason of its own.
    Wait {
        /// Its route.
        routed: Routed,
        /// `paused` or `cooldown`.
        reason: DispatchReason,
        /// When it must be looked at again.
        until: NaiveDateTime,
    },
    /// It ends here.
    Settle {
        /// Its route.
        routed: Routed,
        /// `failed` or `skipped`.
        status: DispatchStatus,
        /// Why.
        reason: DispatchReason,
        /// For `dispatch_error`.
        error: Option<String>,
    },
}

/// Until when the cooldown holds a fingerprint; `None`: it may be started.
pub fn cooldown_until(
    cooldown: TimeDelta,
    last_start: Option<NaiveDateTime>,
    now: NaiveDateTime,
) -> Option<NaiveDateTime> {
    last_start.and_then(|start| start.checked_add_signed(cooldown)).filter(|until| *until > now)
}

impl GuardPolicy {
    /// Why a row of the route's line waits before any admission has looked at it.
    pub fn first_reason(&self) -> DispatchReason {
        if self.max_in_flight.is_none() && !self.rates.is_empty() {
            DispatchReason::Rate
        } else {
            DispatchReason::InFlight
        }
    }
}
