//! Rule mode's second half: what StackStorm's rules made of a webhook.
//!
//! The authority is the trigger instance: once it is `processed` for every trace of the tag, the rule enforcements are
//! complete. What if we die in between: the row stays `awaiting_execution` and is looked at again.

use super::{Dispatch, trace_tag};
use crate::{
    model::status::{DispatchReason, DispatchStatus},
    stackstorm::{
        Client, ExecutionId, LookupError, RuleEnforcement, Trace, TriggerInstanceStatus, traces,
        webhooks::EnforcementStatus,
    },
    store::{
        StoreError,
        awaiting::{self, Awaiting},
        links::Link,
        records::{self, Authority, Record, Recorded},
    },
    tasks::panic_message,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Rows per step.
const CHUNK: i64 = 100;
/// How often rows that are due are looked for.
const INTERVAL: Duration = Duration::from_millis(500);

/// Follows rows that are `awaiting_execution`. Many may run: the due time decides who takes a row.
pub struct Resolver {
    dispatch: Arc<Dispatch>,
}

/// What the rules made of one webhook.
pub(super) enum Verdict {
    /// Not known yet.
    Unknown(String),
    /// They ran these.
    Ran(Vec<Link>),
    /// Some matched, and none could run its action.
    Failed(String),
    /// None matched.
    NoneMatched,
}

impl Resolver {
    /// A resolver.
    pub fn new(dispatch: Arc<Dispatch>) -> Self {
        Self { dispatch }
    }

    /// Steps until cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            // Cut off anywhere, a row is looked at again when it is due.
            let round = async {
                if let Err(error) = self.step().await {
                    log::warn!("the resolver waits for the database: {}", crate::logging::chain(&error));
                }
                tokio::time::sleep(INTERVAL).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round => {}
            }
        }
    }

    /// Looks at every row that is due, and returns how many there were.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let rows = self.dispatch.store.run(|conn| awaiting::take(conn, CHUNK)).await?;
        let count = rows.len();
        for row in rows {
            let alert_id = row.alert_id;
            // A panic concerns this row alone, which is due again later.
            match AssertUnwindSafe(self.resolve(row)).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::warn!(alert_id; "not resolved now: {}", crate::logging::chain(&error)),
                Err(panic) => {
                    self.dispatch.metrics.tasks_failed.with_label_values(&["resolution"]).inc();
                    log::error!(alert_id; "not resolved now: {}", panic_message(&*panic));
                }
            }
        }
        Ok(count)
    }

    async fn resolve(&self, row: Awaiting) -> Result<(), StoreError> {
        let verdict = self.verdict(&row).await.unwrap_or_else(|error| Verdict::Unknown(error.to_string()));
        match verdict {
            Verdict::Ran(links) => self.record(row, links).await,
            Verdict::Failed(error) => self.settle(row, DispatchStatus::Failed, DispatchReason::RuleFailed, error).await,
            Verdict::NoneMatched => {
                let text = "no rule of StackStorm matched".to_owned();
                self.settle(row, DispatchStatus::Skipped, DispatchReason::NoRuleMatched, text).await
            }
            Verdict::Unknown(seen) if row.waited > self.dispatch.policy.rule_deadline => {
                let text = format!("nothing from StackStorm's rules by the deadline: {seen}");
                self.settle(row, DispatchStatus::Failed, DispatchReason::Uncertain, text).await
            }
            Verdict::Unknown(seen) => {
                log::debug!(alert_id = row.alert_id, seen; "StackStorm's rules are not done");
                Ok(())
            }
        }
    }

    async fn verdict(&self, row: &Awaiting) -> Result<Verdict, LookupError> {
        let client = &self.dispatch.client;
        let tag = trace_tag(row.request_id, row.alert_id, row.generation);
        verdict(client, &client.traces_by_tag(&tag).await?).await
    }

    async fn record(&self, row: Awaiting, links: Vec<Link>) -> Result<(), StoreError> {
        let count = u64::try_from(links.len()).unwrap_or_default();
        let authority = Authority::Resolver { generation: row.generation };
        let record = Record { alert_id: row.alert_id, request_id: row.request_id, authority, links, log: None };
        let recorded = self.dispatch.store.run(move |conn| records::record(conn, &[record])).await?;
        if recorded == [Recorded::Dispatched] {
            let metrics = &self.dispatch.metrics;
            metrics.links.inc_by(count);
            metrics.webhook_to_execution_seconds.observe(row.age.as_seconds_f64());
            log::info!(request_id:% = row.request_id, alert_id = row.alert_id, executions = count; "dispatched by rule");
        }
        Ok(())
    }

    async fn settle(
        &self,
        row: Awaiting,
        status: DispatchStatus,
        reason: DispatchReason,
        error: String,
    ) -> Result<(), StoreError> {
        let (request_id, alert_id) = (row.request_id, row.alert_id);
        let changed = self.dispatch.store.run(move |conn| awaiting::settle(conn, &row, status, reason, &error)).await?;
        if changed {
            self.dispatch.metrics.settled.with_label_values(&[status.as_str(), reason.as_str()]).inc();
            log::info!(request_id:%, alert_id, reason:%; "ended without an execution");
        }
        Ok(())
    }
}

/// What the rules made of the webhooks in these traces; known once all of them are worked off.
pub(super) async fn verdict(client: &Client, traces: &[Trace]) -> Result<Verdict, LookupError> {
    let instances = traces::root_trigger_instances(traces);
    if instances.is_empty() {
        return Ok(Verdict::Unknown("no trace of the webhook yet".to_owned()));
    }
    let mut enforcements = Vec::new();
    let mut engine_failed = false;
    for instance in &instances {
        match client.trigger_instance(instance).await? {
            Some(TriggerInstanceStatus::Processed) => {}
            // The rules engine does not try again: what it has started counts, and nothing more will come.
            Some(TriggerInstanceStatus::ProcessingFailed) => engine_failed = true,
            other => {
                let status = other.map_or("gone", TriggerInstanceStatus::as_str);
                return Ok(Verdict::Unknown(format!("trigger instance {instance} is {status}")));
            }
        }
        enforcements.extend(client.rule_enforcements(instance).await?);
    }
    Ok(match judge(client, &enforcements).await? {
        Verdict::NoneMatched if engine_failed => {
            Verdict::Failed("StackStorm's rules engine failed while it looked for rules".to_owned())
        }
        verdict => verdict,
    })
}

async fn judge(client: &Client, enforcements: &[RuleEnforcement]) -> Result<Verdict, LookupError> {
    let ran = |enforcement: &RuleEnforcement| {
        let id = enforcement.execution_id.clone().filter(|_| enforcement.status == EnforcementStatus::Succeeded)?;
        Some((id, enforcement.rule_ref.clone()))
    };
    let started: Vec<(ExecutionId, String)> = enforcements.iter().filter_map(ran).collect();
    if started.is_empty() {
        let reasons: Vec<String> = enforcements.iter().map(failure).collect();
        return Ok(if reasons.is_empty() { Verdict::NoneMatched } else { Verdict::Failed(reasons.join("; ")) });
    }
    let ids: Vec<ExecutionId> = started.iter().map(|(id, _)| id.clone()).collect();
    let executions = client.executions_by_ids(&ids).await?;
    let link = |(id, rule): (ExecutionId, String)| Link {
        action_ref: executions.iter().find(|found| found.id == id).and_then(|found| found.action_ref.clone()),
        execution_id: id.to_string(),
        rule_ref: Some(rule),
    };
    Ok(Verdict::Ran(started.into_iter().map(link).collect()))
}

fn failure(enforcement: &RuleEnforcement) -> String {
    let reason = enforcement.failure_reason.as_deref().unwrap_or("no reason given");
    format!("{}: {reason}", enforcement.rule_ref)
}
