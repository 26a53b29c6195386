//! Executions that StackStorm created and forgot: they stay `requested`, because its broker was down when they were to be
//! announced (docs/contracts/stackstorm.md#outcomes-that-say-nothing).
//!
//! One is an orphan when it is old *and* later executions have left `requested`: then no queue holds it. It is cancelled,
//! and only `canceled` without ever having run permits another POST.
//! Crash safety: the id is written to the row before the cancel, so the next lookup knows that the cancel was ours.

use super::{
    End,
    attempt::Attempt,
    found::{Found, never_ran},
};
use crate::{
    model::{doubt::Doubt, waivers::Waivers},
    stackstorm::{Cancel, Execution, ExecutionStatus, LookupError},
    store::dispatch::{
        claim::Claimed,
        dispatch_log::{CANCELLED, Entry},
        release::{self, Cause},
    },
};
use chrono::TimeDelta;
use std::time::Duration;

/// How long an execution may stay `requested` before it can count as forgotten.
const ORPHAN_AGE: TimeDelta = TimeDelta::minutes(10);
/// How long after a cancel the execution is looked at again.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// None of the found has started.
pub(super) async fn run(attempt: &Attempt<'_>, found: &Found) -> End {
    match forgotten(attempt, found).await {
        Ok(true) => {}
        Ok(false) => return not_started(attempt, found),
        Err(error) => return End::lookup_failed(attempt, &error),
    }
    for orphan in &found.waiting {
        match cancel(attempt, orphan).await {
            Ok(true) => {}
            // It ran after all, or cannot be told: the next lookup adopts it or goes on.
            Ok(false) => return not_started(attempt, found),
            Err(error) => return End::lookup_failed(attempt, &error),
        }
    }
    End::try_again(attempt, "StackStorm had forgotten the execution; it was cancelled before it ran")
}

async fn forgotten(attempt: &Attempt<'_>, found: &Found) -> Result<bool, LookupError> {
    let alert = &attempt.claimed.alert;
    let attempted_at = alert.attempted_at.unwrap_or(alert.created_at);
    for execution in &found.waiting {
        // A silent call may have created it long after the attempt.
        let created = execution.start_timestamp.map(|at| at.naive_utc()).filter(|_| alert.dispatch_silent);
        let waited = attempt.claimed.claimed_at - created.map_or(attempted_at, |created| created.max(attempted_at));
        if waited <= ORPHAN_AGE {
            return Ok(false);
        }
        let requested = execution.known_status() == Some(ExecutionStatus::Requested);
        let Some(since) = execution.start_timestamp.filter(|_| requested) else { return Ok(false) };
        if !attempt.dispatch.client.has_run_any_since(since).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Records the intent, cancels, waits, and checks whether it ran: DELETE races with the start (3 of 40 were answered
/// `canceled` and had run, docs/contracts/stackstorm.md#finding-an-execution-again).
async fn cancel(attempt: &Attempt<'_>, orphan: &Execution) -> Result<bool, LookupError> {
    if !note(attempt, orphan).await {
        return Ok(false);
    }
    let client = &attempt.dispatch.client;
    if let Cancel::NotFound = client.cancel_execution(&orphan.id).await? {
        return Ok(false);
    }
    tokio::time::sleep(CANCEL_WAIT).await;
    Ok(client.execution(&orphan.id).await?.is_some_and(|execution| never_ran(&execution)))
}

/// Another execution of the same dispatch has started: this one must not. Best effort; it is linked and counted anyway.
pub(super) async fn cancel_surplus(attempt: &Attempt<'_>, surplus: &Execution) {
    if !note(attempt, surplus).await {
        return;
    }
    let (alert_id, execution_id) = (attempt.claimed.alert.id, surplus.id.as_str());
    match attempt.dispatch.client.cancel_execution(&surplus.id).await {
        Ok(_) => log::warn!(
            event = "execution_cancelled", alert_id, execution_id;
            "cancelled a surplus execution of the same dispatch"
        ),
        Err(error) => log::warn!(
            event = "execution_cancel_failed", alert_id, execution_id;
            "could not cancel a surplus execution: {error}"
        ),
    }
}

async fn note(attempt: &Attempt<'_>, execution: &Execution) -> bool {
    let claimed = attempt.claimed;
    let entry = Entry::new(crate::clock::utc_now(), CANCELLED).execution(execution.id.as_str());
    let (id, token) = (claimed.alert.id, claimed.token.clone());
    let noted = attempt.dispatch.store.run(move |conn| release::note(conn, id, &token, &entry)).await;
    noted.unwrap_or_else(|error| {
        log::warn!(
            event = "cancel_not_recorded", alert_id = id;
            "not cancelling: could not record the intent: {}",
            crate::logging::chain(&error)
        );
        false
    })
}

fn not_started(attempt: &Attempt<'_>, found: &Found) -> End {
    let states: Vec<String> = found.waiting.iter().map(|found| format!("{} is {}", found.id, found.status)).collect();
    let cause = Cause { event: "lookup", text: states.join(", ") };
    End::still_unfinished(Doubt::AsBefore, attempt.dispatch.policy.lookup_wait(), cause, overdue(attempt))
}

/// A place is free after `POUNDCAKE_EXECUTION_DEADLINE`, now that StackStorm says that the execution has not ended. What people
/// have waived for the row, with that; `None`: it is too early, takes no place, or is known.
fn overdue(attempt: &Attempt<'_>) -> Option<Waivers> {
    let Claimed { alert, claimed_at, .. } = attempt.claimed;
    let waivers = alert.waivers();
    let age = *claimed_at - alert.started_at?;
    if alert.guard_target.is_none() || waivers.overdue || age <= attempt.dispatch.policy.execution_deadline {
        return None;
    }
    attempt.dispatch.metrics.guards.freed_by_deadline.inc();
    log::warn!(
        event = "place_freed_by_deadline", alert_id = alert.id;
        "an execution has not begun within POUNDCAKE_EXECUTION_DEADLINE; its place is free"
    );
    Some(Waivers { overdue: true, ..waivers })
}
