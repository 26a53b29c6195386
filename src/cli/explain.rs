//! What a status and its reason mean, in words.

use crate::model::status::{DispatchReason, DispatchStatus};

/// A status without a reason.
pub(super) fn of_status(status: DispatchStatus) -> &'static str {
    match status {
        DispatchStatus::Pending => "stored; waits to be published or tried again",
        DispatchStatus::Queued => "in the queue; waits for a dispatcher",
        DispatchStatus::Held => "a guard delays it",
        DispatchStatus::Dispatching => "a dispatcher has claimed it and calls StackStorm",
        DispatchStatus::AwaitingExecution => "StackStorm took the webhook; what its rules make of it is being watched",
        DispatchStatus::Dispatched => "StackStorm ran it",
        DispatchStatus::Failed => "nothing was run",
        DispatchStatus::Skipped => "nothing was to be run",
    }
}

/// Why something was not run.
pub(super) fn of_reason(reason: DispatchReason) -> &'static str {
    match reason {
        DispatchReason::Resolved => "it says that an alert has ended",
        DispatchReason::Repeat => "the same firing again; one was enough",
        DispatchReason::RefireCooldown => "fired again within POUNDCAKE_REFIRE_COOLDOWN of the last dispatch",
        DispatchReason::Reopened => "a late copy of a firing that is closed",
        DispatchReason::ResolvedBeforeDispatch => "it ended before anything was run",
        DispatchReason::NoRoute => "no route matches it",
        DispatchReason::NoRuleMatched => "no rule of StackStorm matched it",
        DispatchReason::Muted => "POUNDCAKE_MUTE matches it",
        DispatchReason::Invalid => "the alert could not be read",
        DispatchReason::Discarded => "a person discarded it",
        DispatchReason::NotApproved => "it was rejected, or not approved in time",
        DispatchReason::Shadow => "its route has mode: shadow; dispatch_log has what would have been sent",
        DispatchReason::RouteOff => "its route has mode: off",
        DispatchReason::Rejected => "StackStorm refused the call, or it could not be made",
        DispatchReason::AttemptsExhausted => "POUNDCAKE_DISPATCH_MAX_ATTEMPTS calls have failed",
        DispatchReason::Expired => "it waited longer than POUNDCAKE_DISPATCH_MAX_AGE",
        DispatchReason::Uncertain => "POUNDCAKE_RULE_DEADLINE passed, and nobody knows whether it was run",
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
