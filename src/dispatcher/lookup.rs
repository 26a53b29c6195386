//! An uncertain call is looked up by its trace tag, never just sent again.
//!
//! Only roots count: other rules of StackStorm can hang executions of their own into our trace. *Settled* means empty
//! lookups at the start and the end of a settle time with no failed lookup between, beginning only after the call itself
//! must be over (StackStorm contract, section 3: a frozen worker still creates the execution when it goes on).

use super::{End, attempt::Attempt, end::Later};
use crate::{
    model::status::DispatchReason,
    stackstorm::{Execution, ExecutionId, LookupError, Root, traces},
    store::{dispatch_log::Entry, links::Link},
};
use chrono::{NaiveDateTime, TimeDelta};

/// The wait after a lookup that failed, or that found an execution which has not started.
const AGAIN: TimeDelta = TimeDelta::seconds(10);

pub(super) async fn run(attempt: &Attempt<'_>) -> End {
    let roots = match roots(attempt).await {
        Ok(roots) => roots,
        Err(error) => return waiting(AGAIN, None, Some(("lookup_failed", error.to_string()))),
    };
    if roots.is_empty() { settle(attempt) } else { adopt(attempt, &roots).await }
}

/// The executions that our own POSTs created, oldest first.
pub(super) async fn roots(attempt: &Attempt<'_>) -> Result<Vec<Root>, LookupError> {
    Ok(traces::roots(&attempt.dispatch.client.traces_by_tag(&attempt.tag).await?))
}

/// All of them as links.
pub(super) fn links(roots: &[Root]) -> Vec<Link> {
    let link = |root: &Root| Link {
        execution_id: root.execution_id.to_string(),
        rule_ref: None,
        action_ref: Some(root.action_ref.clone()),
    };
    roots.iter().map(link).collect()
}

/// Whatever has started or ended is ours, failed and canceled included; one that still waits may be on its way.
async fn adopt(attempt: &Attempt<'_>, roots: &[Root]) -> End {
    let ids: Vec<ExecutionId> = roots.iter().map(|root| root.execution_id.clone()).collect();
    let executions = match attempt.dispatch.client.executions_by_ids(&ids).await {
        Ok(executions) => executions,
        Err(error) => return waiting(AGAIN, None, Some(("lookup_failed", error.to_string()))),
    };
    if !executions.iter().any(|execution| execution.is_terminal() || execution.has_run()) {
        return waiting(AGAIN, None, Some(("lookup", not_started(&executions))));
    }
    if roots.len() > 1 {
        let surplus = u64::try_from(roots.len() - 1).unwrap_or_default();
        attempt.dispatch.metrics.duplicates.inc_by(surplus);
        log::error!(alert_id = attempt.claimed.alert.id, executions = roots.len(); "one dispatch has several executions");
    }
    let entry = Entry::new(crate::clock::utc_now(), "adopted").execution(roots[0].execution_id.as_str());
    End::Dispatched { links: links(roots), log: Some(entry) }
}

fn not_started(executions: &[Execution]) -> String {
    let states: Vec<String> = executions.iter().map(|found| format!("{} is {}", found.id, found.status)).collect();
    states.join(", ")
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
        Some(_) if alert.dispatch_attempts >= policy.max_attempts => {
            End::failed(DispatchReason::AttemptsExhausted, attempt.attempts_made())
        }
        Some(_) => {
            let waited = now - alert.attempted_at.unwrap_or(now);
            End::Later(Later {
                due_in: (attempt.delay_after_last() - waited).max(TimeDelta::zero()),
                uncertain: false,
                give_back_attempt: false,
                settling_since: None,
                event: Some(("settled", "StackStorm has no execution of the last attempt".to_owned())),
            })
        }
    }
}

fn waiting(due_in: TimeDelta, settling_since: Option<NaiveDateTime>, event: Option<(&'static str, String)>) -> End {
    End::Later(Later { due_in, uncertain: true, give_back_attempt: false, settling_since, event })
}

impl Attempt<'_> {
    fn delay_after_last(&self) -> TimeDelta {
        let made = u32::try_from(self.claimed.alert.dispatch_attempts).unwrap_or(1);
        TimeDelta::from_std(self.dispatch.policy.schedule.delay(made, rand::random::<f64>())).unwrap_or(TimeDelta::MAX)
    }
}
