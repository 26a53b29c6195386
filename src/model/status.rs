//! The states of an alert row and the reasons for them, as stored in the database.

use crate::text_enum;

text_enum! {
    /// The status from Alertmanager (`poundcake_alerts.status`).
    pub enum AlertStatus {
        /// It fires.
        Firing = "firing",
        /// It has resolved.
        Resolved = "resolved",
    }
}

text_enum! {
    /// The state of an alert's dispatch (`poundcake_alerts.dispatch_status`).
    pub enum DispatchStatus {
        /// To be published; the relay looks again at `next_attempt_at`.
        Pending = "pending",
        /// Published and confirmed by the broker.
        Queued = "queued",
        /// A guard delays it: see the reason. Nothing was sent in this generation, or it is certain that nothing ran.
        Held = "held",
        /// Claimed by a dispatcher, whose lease ends at `next_attempt_at`.
        Dispatching = "dispatching",
        /// StackStorm accepted the webhook; the resolver waits to see which rules fire.
        AwaitingExecution = "awaiting_execution",
        /// Final: at least one execution link.
        Dispatched = "dispatched",
        /// Final until replayed: see the reason.
        Failed = "failed",
        /// Final: nothing to run; see the reason.
        Skipped = "skipped",
    }
}

impl DispatchStatus {
    /// True when no process will take the row again by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Dispatched | Self::Failed | Self::Skipped)
    }
}

impl DispatchReason {
    /// True when a dispatch that ends so has run nothing, so that its start counts for no guard. Rules that could not run their
    /// action left executions, and what is uncertain may run.
    pub const fn ends_start(self) -> bool {
        !matches!(self, Self::Uncertain | Self::RuleFailed)
    }
}

text_enum! {
    /// Why a row is `skipped`, `failed` or `held` (`poundcake_alerts.dispatch_reason`).
    pub enum DispatchReason {
        /// skipped: a resolve notification; nothing to run.
        Resolved = "resolved",
        /// skipped: the episode is open already.
        Repeat = "repeat",
        /// skipped: fired again too soon after the last dispatch. Only older versions wrote it: `held/cooldown` replaces it.
        RefireCooldown = "refire_cooldown",
        /// skipped: a late copy of a closed firing, or a source that returned with it.
        Reopened = "reopened",
        /// skipped: resolved before anything ran.
        ResolvedBeforeDispatch = "resolved_before_dispatch",
        /// skipped: no route matches.
        NoRoute = "no_route",
        /// skipped: no rule of StackStorm matched.
        NoRuleMatched = "no_rule_matched",
        /// skipped: matched `POUNDCAKE_MUTE`.
        Muted = "muted",
        /// skipped: the alert could not be read.
        Invalid = "invalid",
        /// skipped: a person discarded it.
        Discarded = "discarded",
        /// skipped: a person rejected it, or `approval_timeout` passed.
        NotApproved = "not_approved",
        /// skipped: its route has `mode: shadow`; `dispatch_log` has what would have been sent.
        Shadow = "shadow",
        /// skipped: its route has `mode: off`.
        RouteOff = "route_off",
        /// failed: StackStorm refused the call, or it could not be made.
        Rejected = "rejected",
        /// failed: `POUNDCAKE_DISPATCH_MAX_ATTEMPTS` used up.
        AttemptsExhausted = "attempts_exhausted",
        /// failed: older than `POUNDCAKE_DISPATCH_MAX_AGE`.
        Expired = "expired",
        /// failed: no result by rule mode's deadline.
        Uncertain = "uncertain",
        /// failed: rules matched, and none could run its action.
        RuleFailed = "rule_failed",
        /// held: a pause covers it.
        Paused = "paused",
        /// held: its route has `mode: approve`.
        Approval = "approval",
        /// held: its fingerprint was started less than `cooldown` ago.
        Cooldown = "cooldown",
        /// held: `per_target` allows its target no start now.
        TargetRate = "target_rate",
        /// held: `brake` is on.
        Brake = "brake",
        /// held: all places of `max_in_flight` are taken.
        InFlight = "in_flight",
        /// held: a window of `rate` is full.
        Rate = "rate",
    }
}
