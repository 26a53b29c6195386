//! An uncertain call is looked up by its trace tag, never just sent again.
//!
//! Only roots count: other rules of StackStorm can hang executions of their own into our trace. *Settled* means empty
//! lookups at the start and the end of a settle time with no failed lookup between, beginning only after the call itself
//! must be over (StackStorm contract, section 3: a frozen worker still creates the execution when it goes on).

use super::{End, attempt::Attempt, end::Later, orphan};
use crate::{
    model::status::DispatchReason,
    stackstorm::{Execution, ExecutionId, ExecutionStatus, LookupError, Root, traces},
    store::{
        dispatch_log::{self, Entry},
        links::Link,
    },
};
use chrono::{NaiveDateTime, TimeDelta};

pub(super) async fn run(attempt: &Attempt<'_>) -> End {
    match find(attempt).await {
        Ok(found) if found.is_nothing() => settle(attempt),
        Ok(found) if found.begun.is_empty() => orphan::run(attempt, &found).await,
        Ok(found) => adopt(attempt, found, "").await,
        Err(error) => failed(attempt, &error),
    }
}

/// A lookup that fails proves nothing: the settle time begins anew.
pub(super) fn failed(attempt: &Attempt<'_>, error: &LookupError) -> End {
    waiting(attempt.dispatch.policy.lookup_wait(), None, Some(("lookup_failed", error.to_string())))
}

/// What StackStorm has under the tag.
pub(super) struct Found {
    /// Beyond `requested`, oldest first; one that StackStorm has deleted since had ended.
    pub(super) begun: Vec<Link>,
    /// Still `requested`, oldest first: on its way, or forgotten.
    pub(super) waiting: Vec<Execution>,
}

impl Found {
    pub(super) fn is_nothing(&self) -> bool {
        self.begun.is_empty() && self.waiting.is_empty()
    }
}

/// The executions that our own POSTs created, oldest first.
pub(super) async fn roots(attempt: &Attempt<'_>) -> Result<Vec<Root>, LookupError> {
    Ok(traces::roots(&attempt.dispatch.client.traces_by_tag(&attempt.tag).await?))
}

/// Those that we cancelled ourselves before they ran are as if they had never been.
pub(super) async fn find(attempt: &Attempt<'_>) -> Result<Found, LookupError> {
    let roots = roots(attempt).await?;
    let ids: Vec<ExecutionId> = roots.iter().map(|root| root.execution_id.clone()).collect();
    let mut executions = attempt.dispatch.client.executions_by_ids(&ids).await?;
    let gone = roots.iter().filter(|root| !executions.iter().any(|found| found.id == root.execution_id)).map(link);
    let mut begun: Vec<Link> = gone.collect();
    let cancelled = dispatch_log::executions(attempt.claimed.alert.dispatch_log.as_deref(), dispatch_log::CANCELLED);
    executions.retain(|found| !(cancelled.contains(&found.id.to_string()) && orphan::never_ran(found)));
    executions.sort_by_key(|execution| execution.start_timestamp);
    let (waiting, moved): (Vec<_>, Vec<_>) =
        executions.into_iter().partition(|found| found.known_status() == Some(ExecutionStatus::Requested));
    begun.extend(roots.iter().filter(|root| moved.iter().any(|found| found.id == root.execution_id)).map(link));
    Ok(Found { begun, waiting })
}

/// A root as a link.
pub(super) fn link(root: &Root) -> Link {
    Link { execution_id: root.execution_id.to_string(), rule_ref: None, action_ref: Some(root.action_ref.clone()) }
}

/// Whatever has left `requested` is ours, failed and canceled included. Of several, those that have not are cancelled, all
/// are linked, and the surplus is counted.
pub(super) async fn adopt(attempt: &Attempt<'_>, found: Found, why: &str) -> End {
    for surplus in &found.waiting {
        orphan::cancel_surplus(attempt, surplus).await;
    }
    let surplus = found.waiting.iter().map(|execution| Link {
        execution_id: execution.id.to_string(),
        rule_ref: None,
        action_ref: execution.action_ref.clone(),
    });
    let links: Vec<Link> = found.begun.into_iter().chain(surplus).collect();
    let alert_id = attempt.claimed.alert.id;
    if links.len() > 1 {
        attempt.dispatch.metrics.duplicates.inc_by(u64::try_from(links.len() - 1).unwrap_or_default());
        log::error!(alert_id, executions = links.len(); "one dispatch has several executions");
    }
    let entry = Entry::new(crate::clock::utc_now(), "adopted").detail(why).execution(&links[0].execution_id);
    End::Dispatched { links, log: Some(entry) }
}

/// Nothing is there. When that has held for long enough, the row is certain again and waits for its next attempt.
fn settle(attempt: &Attempt<'_>) -> End {
    let (alert, policy, now) = (&attempt.claimed.alert, &attempt.dispatch.policy, attempt.claimed.claimed_at);
    let over = alert.attempted_at.unwrap_or(alert.created_at) + policy.http_timeout;
    if now < over {
        return waiting(over - now, None, None);
    }
    match alert.settling_since {
        None => waiting(policy.settle_time, Some(now), None),
        Some(since) if now - since < policy.settle_time => {
            waiting(policy.settle_time - (now - since), Some(since), None)
        }
        Some(_) => certain(attempt, "StackStorm has no execution of the last attempt"),
    }
}

/// It did not run and will not: the next attempt by the schedule, or the end if all are used up.
pub(super) fn certain(attempt: &Attempt<'_>, why: &str) -> End {
    let (alert, policy) = (&attempt.claimed.alert, &attempt.dispatch.policy);
    if alert.dispatch_attempts >= policy.max_attempts {
        return End::failed(DispatchReason::AttemptsExhausted, attempt.attempts_made());
    }
    let waited = attempt.claimed.claimed_at - alert.attempted_at.unwrap_or(alert.created_at);
    End::Later(Later {
        due_in: (attempt.delay_after_last() - waited).max(TimeDelta::zero()),
        uncertain: false,
        give_back_attempt: false,
        settling_since: None,
        event: Some(("settled", why.to_owned())),
    })
}

pub(super) fn waiting(
    due_in: TimeDelta,
    settling_since: Option<NaiveDateTime>,
    event: Option<(&'static str, String)>,
) -> End {
    End::Later(Later { due_in, uncertain: true, give_back_attempt: false, settling_since, event })
}

impl Attempt<'_> {
    fn delay_after_last(&self) -> TimeDelta {
        let made = u32::try_from(self.claimed.alert.dispatch_attempts).unwrap_or(1);
        TimeDelta::from_std(self.dispatch.policy.schedule.delay(made, rand::random::<f64>())).unwrap_or(TimeDelta::MAX)
    }
}
