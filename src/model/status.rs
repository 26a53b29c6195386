//! The states of an alert row and the reasons for them, as they stand in the database.

use crate::text_enum;

text_enum! {
    /// What Alertmanager says of an alert (`poundcake_alerts.status`).
    pub enum AlertStatus {
        /// It fires.
        Firing = "firing",
        /// It has ended.
        Resolved = "resolved",
    }
}

text_enum! {
    /// Where an alert's dispatch stands (`poundcake_alerts.dispatch_status`).
    pub enum DispatchStatus {
        /// To be published; the relay looks again at `next_attempt_at`.
        Pending = "pending",
        /// Published and confirmed by the broker.
        Queued = "queued",
        /// Claimed by a dispatcher, whose lease ends at `next_attempt_at`.
        Dispatching = "dispatching",
        /// StackStorm took the webhook; the resolver watches what its rules make of it.
        AwaitingExecution = "awaiting_execution",
        /// Final: at least one execution link.
        Dispatched = "dispatched",
        /// Final until replayed: see the reason.
        Failed = "failed",
        /// Final: nothing was to be run; see the reason.
        Skipped = "skipped",
    }
}

impl DispatchStatus {
    /// True when nobody will look at the row again by itself.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Dispatched | Self::Failed | Self::Skipped)
    }
}

text_enum! {
    /// Why a row is `skipped` or `failed` (`poundcake_alerts.dispatch_reason`).
    pub enum DispatchReason {
        /// skipped: the row says that an alert has ended.
        Resolved = "resolved",
        /// skipped: the episode is open already.
        Repeat = "repeat",
        /// skipped: fired anew too soon after the last dispatch.
        RefireCooldown = "refire_cooldown",
        /// skipped: a late twin or a source that came back with the firing that was closed.
        Reopened = "reopened",
        /// skipped: ended before anything was run.
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
        /// failed: StackStorm refused the call, or it could not be made.
        Rejected = "rejected",
        /// failed: `POUNDCAKE_DISPATCH_MAX_ATTEMPTS` used up.
        AttemptsExhausted = "attempts_exhausted",
        /// failed: older than `POUNDCAKE_DISPATCH_MAX_AGE`.
        Expired = "expired",
        /// failed: rule mode's deadline passed without an answer.
        Uncertain = "uncertain",
        /// failed: rules matched, and none could run its action.
        RuleFailed = "rule_failed",
    }
}
