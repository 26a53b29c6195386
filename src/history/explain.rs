//! Statuses, reasons, ages and numbers in words, for people.

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
        DispatchReason::InFlight => {
            "it waits in the line of its route: no place of max_in_flight is free, or StackStorm does not answer"
        }
        DispatchReason::Rate => "a window of its route's rate is full",
    }
}

/// What comes next, or what a person can do; `None` where nothing has to be done.
pub(crate) fn next_step(reason: DispatchReason) -> Option<&'static str> {
    Some(match reason {
        DispatchReason::Resolved
        | DispatchReason::Repeat
        | DispatchReason::RefireCooldown
        | DispatchReason::Reopened
        | DispatchReason::ResolvedBeforeDispatch
        | DispatchReason::Discarded => return None,
        DispatchReason::NoRoute => "To run something for it, add a route to the file POUNDCAKE_ROUTES, then replay it.",
        DispatchReason::NoRuleMatched => {
            "To run something for it, add or correct a rule in StackStorm, then replay it."
        }
        DispatchReason::Muted => "To run something for it, change POUNDCAKE_MUTE, then replay it.",
        DispatchReason::Invalid => "Its webhook is stored as it came: look at its request, and correct the sender.",
        DispatchReason::NotApproved => "If it should run after all, replay it: it waits for an approval again.",
        DispatchReason::Shadow | DispatchReason::RouteOff => {
            "To run it, set the mode of its route to run, then replay it."
        }
        DispatchReason::Rejected => "Correct what the last error names, then replay it.",
        DispatchReason::AttemptsExhausted => "Check that StackStorm works (poundcake doctor), then replay it.",
        DispatchReason::Expired => {
            "If it still fires, replay it: the dry run says whether the limits let it start in time."
        }
        DispatchReason::Uncertain => "Find out in StackStorm whether it ran; if it did not, replay it.",
        DispatchReason::RuleFailed => "Look at its executions and at the rule in StackStorm, then replay it.",
        DispatchReason::Paused => "It starts when the pause ends or a person resumes it.",
        DispatchReason::Approval => "Approve it or reject it; what would run is shown with it.",
        DispatchReason::Cooldown => "It starts by itself when the cooldown is over; a release starts it earlier.",
        DispatchReason::TargetRate => {
            "It starts by itself when the window allows it. Repeating did not help so far: look at the target."
        }
        DispatchReason::Brake => {
            "It starts when a person releases the route or, with release: auto, when enough of its alerts resolve."
        }
        DispatchReason::InFlight => "It starts by itself when it is its turn.",
        DispatchReason::Rate => "It starts by itself when the window allows it.",
    })
}

/// What happens at its due time: words before the time, and after it.
pub(crate) fn of_due(status: DispatchStatus, reason: Option<DispatchReason>) -> (&'static str, &'static str) {
    use DispatchReason::{Approval, Brake, Cooldown, InFlight, Rate, TargetRate};
    match (status, reason) {
        (DispatchStatus::Pending, _) => ("tried again at", ""),
        (DispatchStatus::Queued, _) => ("published again at", ", if no dispatcher takes it before"),
        (DispatchStatus::Held, Some(Approval)) => ("skipped, not_approved, at", ", if no person approves it before"),
        (DispatchStatus::Held, Some(Cooldown | TargetRate)) => ("may start at", ""),
        (DispatchStatus::Held, Some(Brake | InFlight | Rate)) => ("expires at", ", if it cannot start before"),
        _ => ("looked at again at", ""),
    }
}

/// An age, roughly: `12 s`, `4 min`, `1 h 26 min`, `3 d`.
pub(crate) fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `1 alert`, `2 alerts`.
pub(crate) fn count(n: i64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
