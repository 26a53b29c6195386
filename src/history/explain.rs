//! Statuses and reasons in words, for people.

use crate::model::status::{DispatchReason, DispatchStatus};

/// A status without a reason.
pub(crate) fn of_status(status: DispatchStatus) -> &'static str {
    match status {
        DispatchStatus::Pending => "stored; waiting to be published or retried",
        DispatchStatus::Queued => "in the queue; waiting for a dispatcher",
        DispatchStatus::Held => "a guard delays it",
        DispatchStatus::Dispatching => "a dispatcher has claimed it and calls StackStorm",
        DispatchStatus::AwaitingExecution => "webhook accepted; waiting to see which rules fire",
        DispatchStatus::Dispatched => "StackStorm ran it",
        DispatchStatus::Failed => "failed",
        DispatchStatus::Skipped => "nothing to run",
    }
}

/// Why something was not run.
pub(crate) fn of_reason(reason: DispatchReason) -> &'static str {
    match reason {
        DispatchReason::Resolved => "a resolve notification; nothing to run",
        DispatchReason::Repeat => "the same firing again",
        DispatchReason::RefireCooldown => "fired again within POUNDCAKE_REFIRE_COOLDOWN of the last dispatch",
        DispatchReason::Reopened => "a late copy of a firing that is closed",
        DispatchReason::ResolvedBeforeDispatch => "resolved before anything ran",
        DispatchReason::NoRoute => "no route matched",
        DispatchReason::NoRuleMatched => "no rule of StackStorm matched",
        DispatchReason::Muted => "matched POUNDCAKE_MUTE",
        DispatchReason::Invalid => "the alert could not be read",
        DispatchReason::Discarded => "discarded by a person",
        DispatchReason::NotApproved => "rejected, or not approved in time",
        DispatchReason::Shadow => "its route has mode: shadow; dispatch_log has what would have been sent",
        DispatchReason::RouteOff => "its route has mode: off",
        DispatchReason::Rejected => "StackStorm refused the call, or it could not be made",
        DispatchReason::AttemptsExhausted => "POUNDCAKE_DISPATCH_MAX_ATTEMPTS calls have failed",
        DispatchReason::Expired => "it waited longer than POUNDCAKE_DISPATCH_MAX_AGE",
        DispatchReason::Uncertain => "no result by POUNDCAKE_RULE_DEADLINE: it may have run or not",
        DispatchReason::RuleFailed => "rules matched, and none could run its action",
        DispatchReason::Paused => "a pause covers it",
        DispatchReason::Approval => "a person must approve it (poundcake approve, poundcake reject)",
        DispatchReason::Cooldown => "the alert was started less than the cooldown ago",
        DispatchReason::TargetRate => "per_target of its route allows its target no start now",
        DispatchReason::Brake => "the brake of its route is on: too many different targets at once",
        DispatchReason::InFlight => "all places of max_in_flight are taken",
        DispatchReason::Rate => "a window of its route's rate is full",
    }
}
