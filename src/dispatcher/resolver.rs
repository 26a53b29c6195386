//! Rule mode's second half: what StackStorm's rules made of a webhook.
//!
//! The authority is the trigger instance: once it is `processed` for every trace of the tag, enforcements and executions
//! are complete. `evidence` reads them, `verdict` decides, and here the decision is written to the row.
//! Crash safety: the row stays `awaiting_execution` and is read again.

mod again;
mod evidence;
mod forgotten;
mod verdict;
mod witness;

pub(super) use verdict::Verdict;

use super::{Dispatch, trace_tag};
use crate::{
    database::DatabaseError,
    model::status::{DispatchReason, DispatchStatus},
    stackstorm::{Client, Trace},
    store::dispatch::{
        awaiting::{self, Awaiting, RulesEnd},
        dispatch_log::{self, Entry},
        links::Link,
        record::{self, Authority, Record, Recorded},
    },
    tasks::panic_message,
};
use futures_util::{FutureExt, StreamExt};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use verdict::{Evidence, Failure, Look};

/// Rows per step.
const CHUNK: i64 = 100;
/// Rows that are looked at together.
const TOGETHER: usize = 8;
/// How often rows that are due are looked for.
const INTERVAL: Duration = Duration::from_millis(500);

/// Follows rows that are `awaiting_execution`. Many may run: the due time decides who takes a row.
pub struct Resolver {
    dispatch: Arc<Dispatch>,
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
                    log::log!(
                        error.level(), event = "database_waiting";
                        "the resolver waits for the database: {}",
                        crate::logging::chain(&error)
                    );
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
    pub async fn step(&self) -> Result<usize, DatabaseError> {
        let rows = self.dispatch.store.run(|conn| awaiting::take(conn, CHUNK)).await?;
        let count = rows.len();
        futures_util::stream::iter(rows).for_each_concurrent(TOGETHER, |row| self.look(row)).await;
        Ok(count)
    }

    /// A panic concerns this row alone, which is due again later.
    async fn look(&self, row: Awaiting) {
        let alert_id = row.alert_id;
        match AssertUnwindSafe(self.resolve(row)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::warn!(
                event = "resolve_failed", alert_id;
                "could not resolve this row now: {}",
                crate::logging::chain(&error)
            ),
            Err(panic) => {
                self.dispatch.metrics.tasks_failed.with_label_values(&["resolution"]).inc();
                log::error!(
                    event = "resolve_failed", alert_id;
                    "could not resolve this row now: {}",
                    panic_message(&*panic)
                );
            }
        }
    }

    async fn resolve(&self, row: Awaiting) -> Result<(), DatabaseError> {
        let cancelled = dispatch_log::executions(row.dispatch_log.as_deref(), dispatch_log::CANCELLED);
        let tag = trace_tag(row.request_id, row.alert_id, row.generation);
        let evidence = evidence::read(&self.dispatch.client, &tag, &cancelled).await;
        let last = row.waited > self.dispatch.policy.rule_deadline;
        let look = if last { Look::Last } else { Look::Interim };
        match evidence.judge(&cancelled, look) {
            Verdict::Unknown(seen) if last => self.give_up(row, &evidence, seen).await,
            Verdict::Unknown(seen) => self.wait(&row, &tag, &evidence, &seen).await,
            _ if !last && self.may_be_one_of_two(&row, &evidence) => Ok(()),
            Verdict::Ran(links) => self.record(row, links, &evidence).await,
            Verdict::Failed(failure) => self.end(row, failed(failure), &evidence).await,
            Verdict::NoneMatched => self.end(row, unmatched(), &evidence).await,
        }
    }

    /// A webhook that was posted more than once may arrive more than once, and the second one shortly after the first: it
    /// would be neither counted nor linked once the row has ended. So the row waits a little after its last POST.
    fn may_be_one_of_two(&self, row: &Awaiting, evidence: &Evidence) -> bool {
        row.attempts > 1 && evidence.duplicates() == 0 && row.waited < self.dispatch.policy.lookup_wait()
    }

    async fn wait(&self, row: &Awaiting, tag: &str, evidence: &Evidence, seen: &str) -> Result<(), DatabaseError> {
        log::debug!(event = "rules_pending", alert_id = row.alert_id, seen; "StackStorm's rules have not finished");
        forgotten::cancel(&self.dispatch, row, evidence).await?;
        again::consider(&self.dispatch, row, tag, evidence).await
    }

    async fn record(&self, row: Awaiting, links: Vec<Link>, evidence: &Evidence) -> Result<(), DatabaseError> {
        let count = u64::try_from(links.len()).unwrap_or_default();
        let authority = Authority::Resolver { generation: row.generation };
        let record = Record {
            alert_id: row.alert_id,
            request_id: row.request_id,
            authority,
            links,
            start: row.start.clone(),
            log: None,
        };
        let recorded = self.dispatch.store.run(move |conn| record::record(conn, &[record])).await?;
        if recorded == [Recorded::Dispatched] {
            let metrics = &self.dispatch.metrics;
            metrics.links.inc_by(count);
            metrics.webhook_to_execution_seconds.observe(row.age.as_seconds_f64());
            log::info!(
                event = "dispatched", request_id:% = row.request_id, alert_id = row.alert_id, executions = count;
                "dispatched by a rule"
            );
            self.count_duplicates(&row, evidence);
        }
        Ok(())
    }

    /// At the deadline: nothing is known to have run, and it may still run.
    async fn give_up(&self, row: Awaiting, evidence: &Evidence, seen: String) -> Result<(), DatabaseError> {
        let found = if evidence.arrivals.is_empty() { witness::look(&self.dispatch, &row).await } else { None };
        let seen = found.map_or_else(|| seen.clone(), |found| format!("{seen}; {found}"));
        let end = RulesEnd {
            status: DispatchStatus::Failed,
            reason: DispatchReason::Uncertain,
            error: format!("nothing from StackStorm's rules by the deadline: {seen}"),
            links: Vec::new(),
            rules: None,
            log: Some(Entry::new(row.taken_at, DispatchReason::Uncertain.as_str()).detail(&seen)),
        };
        self.end(row, end, evidence).await
    }

    async fn end(&self, row: Awaiting, end: RulesEnd, evidence: &Evidence) -> Result<(), DatabaseError> {
        let (request_id, alert_id, status, reason) = (row.request_id, row.alert_id, end.status, end.reason);
        let links = u64::try_from(end.links.len()).unwrap_or_default();
        let written = row.clone();
        let changed = self.dispatch.store.run(move |conn| awaiting::end(conn, &written, &end)).await?;
        if changed {
            self.dispatch.metrics.settled.with_label_values(&[status.as_str(), reason.as_str()]).inc();
            self.dispatch.metrics.links.inc_by(links);
            log::info!(event = "dispatch_ended", request_id:%, alert_id, reason:%; "ended without an execution");
            self.count_duplicates(&row, evidence);
        }
        Ok(())
    }

    /// Counted once, by the process that settled the row.
    fn count_duplicates(&self, row: &Awaiting, evidence: &Evidence) {
        let duplicates = evidence.duplicates();
        if duplicates > 0 {
            self.dispatch.metrics.duplicates.inc_by(duplicates);
            let (request_id, alert_id, arrivals) = (row.request_id, row.alert_id, evidence.arrivals.len());
            log::error!(
                event = "webhook_duplicated", request_id:%, alert_id, arrivals;
                "StackStorm's rules received the webhook of one alert more than once"
            );
        }
    }
}

fn failed(failure: Failure) -> RulesEnd {
    let Failure { links, rules, error } = failure;
    let rules: Vec<String> = rules.into_iter().collect();
    RulesEnd {
        status: DispatchStatus::Failed,
        reason: DispatchReason::RuleFailed,
        error,
        links,
        rules: (!rules.is_empty()).then(|| rules.join(",")),
        log: None,
    }
}

fn unmatched() -> RulesEnd {
    RulesEnd {
        status: DispatchStatus::Skipped,
        reason: DispatchReason::NoRuleMatched,
        error: "no rule of StackStorm matched".to_owned(),
        links: Vec::new(),
        rules: None,
        log: None,
    }
}

/// What the rules made of the webhooks in these traces; known once all of them are worked off.
pub(super) async fn verdict(client: &Client, traces: &[Trace]) -> Verdict {
    let Some(trace) = traces.first() else { return Verdict::Unknown("no trace of the webhook yet".to_owned()) };
    evidence::read(client, &trace.trace_tag, &[]).await.judge(&[], Look::Interim)
}
