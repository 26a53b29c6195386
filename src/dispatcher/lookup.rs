//! An uncertain call is looked up by its trace tag, never just sent again.
//!
//! Only roots count: other rules of StackStorm can hang executions of their own into our trace. What a lookup has seen is in
//! `found`, and when empty lookups are enough in `settle`.

use super::{
    End,
    attempt::Attempt,
    disposition::Later,
    found::{self, Found},
    orphans, settle,
};
use crate::{
    model::{
        doubt::Doubt,
        status::DispatchReason,
        target::{ActionRef, Target},
    },
    stackstorm::{LookupError, traces},
    store::dispatch::{dispatch_log::Entry, links::Link},
};
use chrono::{NaiveDateTime, TimeDelta};

pub(super) async fn run(attempt: &Attempt<'_>) -> End {
    let found = match find(attempt).await {
        Ok(found) => found,
        Err(error) => return failed(attempt, &error),
    };
    if !found.is_nothing() {
        return of_found(attempt, found).await;
    }
    if let Some(end) = settle::not_yet(attempt) {
        return end;
    }
    let last = match &attempt.claimed.target {
        Some(Target::Action(action)) => untraced(attempt, action).await,
        _ => Ok(found),
    };
    match last {
        Ok(found) if found.is_nothing() => settle::settled(attempt),
        Ok(found) => of_found(attempt, found).await,
        Err(error) => failed(attempt, &error),
    }
}

async fn of_found(attempt: &Attempt<'_>, found: Found) -> End {
    if found.has_begun() { adopt(attempt, found, "").await } else { orphans::run(attempt, &found).await }
}

/// A lookup that fails proves nothing: the settle time begins again.
pub(super) fn failed(attempt: &Attempt<'_>, error: &LookupError) -> End {
    let event = Some(("lookup_failed", error.to_string()));
    waiting(Doubt::AsBefore, attempt.dispatch.policy.lookup_wait(), None, event)
}

/// What StackStorm has in the traces of the tag.
async fn find(attempt: &Attempt<'_>) -> Result<Found, LookupError> {
    let client = &attempt.dispatch.client;
    let roots = traces::roots(&client.traces_by_tag(&attempt.tag).await?);
    let sightings = client.sightings(roots.iter().map(|root| &root.execution_id)).await?;
    Ok(Found::of_roots(&roots, sightings, &found::cancelled_by_us(attempt.claimed)))
}

/// Executions of the tag that no trace names: StackStorm writes the trace after the execution. This is a filter without an
/// index of its own, so it is asked only where the answer decides.
async fn untraced(attempt: &Attempt<'_>, action: &ActionRef) -> Result<Found, LookupError> {
    let since = found::not_before(attempt.claimed).and_utc();
    let executions = attempt.dispatch.client.executions_by_tag(&attempt.tag, Some(action), since).await?;
    Ok(Found::of_executions(executions, &found::cancelled_by_us(attempt.claimed)))
}

/// The lookup that decides: both ways.
pub(super) async fn find_all(attempt: &Attempt<'_>, action: &ActionRef) -> Result<Found, LookupError> {
    let found = find(attempt).await?;
    if found.is_nothing() { untraced(attempt, action).await } else { Ok(found) }
}

/// Whatever has left `requested` is ours, failed and canceled included. Of several, those that have not are cancelled, all
/// are linked, and the surplus is counted. StackStorm's own retries and a person's re-runs are linked, and that is all.
pub(super) async fn adopt(attempt: &Attempt<'_>, found: Found, why: &str) -> End {
    for surplus in &found.waiting {
        orphans::cancel_surplus(attempt, surplus).await;
    }
    let surplus = found.surplus();
    let links: Vec<Link> = found.links().collect();
    let alert_id = attempt.claimed.alert.id;
    if surplus > 0 {
        attempt.dispatch.metrics.duplicates.inc_by(u64::try_from(surplus).unwrap_or_default());
        log::error!(alert_id, executions = links.len(), surplus; "one dispatch has several executions");
    }
    let mut entry = Entry::new(crate::clock::utc_now(), "adopted").detail(why);
    if let Some(link) = links.first() {
        entry = entry.execution(&link.execution_id);
    }
    End::Dispatched { links, log: Some(Box::new(entry)) }
}

/// It did not run and will not: the next attempt by the schedule, or the end if all are used up.
pub(super) fn certain(attempt: &Attempt<'_>, why: &str) -> End {
    let (alert, policy) = (&attempt.claimed.alert, &attempt.dispatch.policy);
    if alert.dispatch_attempts >= policy.max_attempts {
        return End::failed(DispatchReason::AttemptsExhausted, attempt.attempts_made());
    }
    let waited = attempt.claimed.claimed_at - alert.attempted_at.unwrap_or(alert.created_at);
    End::attempt_failed((attempt.delay_after_last() - waited).max(TimeDelta::zero()), "settled", why.to_owned())
}

pub(super) fn waiting(
    doubt: Doubt,
    due_in: TimeDelta,
    settling_since: Option<NaiveDateTime>,
    event: Option<(&'static str, String)>,
) -> End {
    End::Later(Later { due_in, doubt, give_back_attempt: false, settling_since, event })
}

impl Attempt<'_> {
    fn delay_after_last(&self) -> TimeDelta {
        let made = u32::try_from(self.claimed.alert.dispatch_attempts).unwrap_or(1);
        TimeDelta::from_std(self.dispatch.policy.schedule.delay(made, rand::random::<f64>())).unwrap_or(TimeDelta::MAX)
    }
}
