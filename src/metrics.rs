//! Prometheus metrics. Each process has one struct, registered once. No label contains alert text.

mod guards;
mod tracker;
mod zero;

pub use guards::GuardMetrics;
pub use tracker::TrackerMetrics;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
    exponential_buckets,
};
use std::{cell::RefCell, sync::Arc};

/// Every metric of this program; `docs/operations.md` lists them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// `poundcake_webhooks_total{status}`: webhooks, by HTTP status of the answer.
    pub webhooks: IntCounterVec,
    /// `poundcake_alerts_total{decision}`: stored alerts, by `pending` or the reason why they are skipped.
    pub alerts: IntCounterVec,
    /// `poundcake_truncated_alerts_total`: alerts that Alertmanager left out (`max_alerts`).
    pub truncated_alerts: IntCounter,
    /// `poundcake_commit_webhooks`: webhooks per transaction.
    pub commit_webhooks: Histogram,
    /// `poundcake_commit_seconds`: from the first statement to the answer to COMMIT.
    pub commit_seconds: Histogram,
    /// `poundcake_commit_retries_total`: retries after a deadlock, a lock timeout or a duplicate key.
    pub commit_retries: IntCounter,
    /// `poundcake_database_lost_threads`: threads that still wait for a connection that was given up as silent, at the
    /// time of the scrape.
    pub lost_threads: IntGauge,
    /// `poundcake_tasks_failed_total{task}`: tasks that panicked or ended too early; `delivery` and `resolution` concern one
    /// row, every other task stops the process.
    pub tasks_failed: IntCounterVec,
    /// `poundcake_published_total{result}`: messages, by `confirmed`, `unavailable`, `unconfirmed`, `returned`, `refused`, `full`.
    pub published: IntCounterVec,
    /// `poundcake_dispatch_rows{status}`: rows that are not final, at the time of the scrape.
    pub rows: IntGaugeVec,
    /// `poundcake_dispatch_oldest_seconds{status}`: age of the oldest of them.
    pub oldest: IntGaugeVec,
    /// `poundcake_leases_expired_total`: claims whose lease expired: their dispatcher died or hung.
    pub leases_expired: IntCounter,
    /// `poundcake_claims_total{result}`: deliveries, by `claimed` or `not_claimable`.
    pub claims: IntCounterVec,
    /// `poundcake_triggers_total{mode,outcome}`: calls to StackStorm, by outcome; one per attempt.
    pub triggers: IntCounterVec,
    /// `poundcake_trigger_seconds`: how long StackStorm took to answer a trigger.
    pub trigger_seconds: Histogram,
    /// `poundcake_webhook_to_execution_seconds`: from the alert's row, or its last replay, to its execution's link.
    pub webhook_to_execution_seconds: Histogram,
    /// `poundcake_settled_total{status,reason}`: dispatches that ended without an execution.
    pub settled: IntCounterVec,
    /// `poundcake_links_total`: execution links written.
    pub links: IntCounter,
    /// `poundcake_duplicates_detected_total`: executions beyond the one that an alert should have.
    pub duplicates: IntCounter,
    /// `poundcake_posts_again_total`: uncertain webhooks posted again (`on_uncertain: post_again`).
    pub posts_again: IntCounter,
    /// `poundcake_replays_total{result}`: alerts that an operator `replayed`, `discarded`, `released`, `approved` or
    /// `rejected` over HTTP (commands are processes of their own), and `adopted`: replayed, but an older generation had run.
    pub replays: IntCounterVec,
    /// `poundcake_queue_refused`: 1 while RabbitMQ refuses the queue with `INTERNAL_ERROR` (541): no process serves it.
    pub queue_refused: IntGauge,
    /// `poundcake_queue_repairs_total`: how often such a queue was deleted and declared again.
    pub queue_repairs: IntCounter,
    /// `poundcake_rabbitmq_connected{connection}`: 1 while the `publisher` or the `consumer` of this process is connected.
    pub rabbitmq_connected: IntGaugeVec,
    /// `poundcake_circuit_state`: 0 closed, 1 probing, 2 open: dispatch is paused.
    pub circuit: IntGauge,
    /// What guards hold and start.
    pub guards: Arc<GuardMetrics>,
    /// The tracker's.
    pub tracker: Arc<TrackerMetrics>,
    /// `poundcake_routes_invalid`: 1 while the routes file is invalid and the old routes are in use.
    pub routes_invalid: IntGauge,
    /// `poundcake_file_unusable{file}`: 1 while a file of tokens or the certificate cannot be used and the old content stays in
    /// use, since the last look.
    pub unusable_files: IntGaugeVec,
}

impl Metrics {
    /// Registers everything in a registry of its own.
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self::register(&Registering::new())?;
        metrics.start_at_zero();
        Ok(metrics)
    }

    fn register(r: &Registering) -> Result<Self, prometheus::Error> {
        Ok(Self {
            webhooks: counters(r, "webhooks_total", "Webhooks, by HTTP status of the answer", &["status"])?,
            alerts: counters(r, "alerts_total", "Stored alerts, by decision", &["decision"])?,
            truncated_alerts: counter(r, "truncated_alerts_total", "Alerts left out by Alertmanager (max_alerts)")?,
            commit_webhooks: histogram(r, "commit_webhooks", "Webhooks per transaction", 1.0, 2.0, 10)?,
            commit_seconds: histogram(r, "commit_seconds", "Duration of these transactions", 0.001, 2.0, 14)?,
            commit_retries: counter(r, "commit_retries_total", "Retries of these transactions")?,
            lost_threads: gauge(r, "database_lost_threads", "Threads that wait on a silent connection")?,
            tasks_failed: counters(r, "tasks_failed_total", "Tasks that panicked or ended too early", &["task"])?,
            published: counters(r, "published_total", "Messages, by result of the publish", &["result"])?,
            rows: gauges(r, "dispatch_rows", "Alerts whose state is not final", &["status"])?,
            oldest: gauges(r, "dispatch_oldest_seconds", "Age of the oldest of these alerts", &["status"])?,
            leases_expired: counter(r, "leases_expired_total", "Claims whose lease expired")?,
            claims: counters(r, "claims_total", "Deliveries, by result of the claim", &["result"])?,
            triggers: counters(r, "triggers_total", "Calls to StackStorm, by outcome", &["mode", "outcome"])?,
            trigger_seconds: histogram(r, "trigger_seconds", "Duration of a call to StackStorm", 0.005, 2.0, 14)?,
            webhook_to_execution_seconds: histogram(
                r,
                "webhook_to_execution_seconds",
                "Time from an alert to its execution link",
                0.01,
                2.0,
                20,
            )?,
            settled: counters(r, "settled_total", "Dispatches that ended without an execution", &["status", "reason"])?,
            links: counter(r, "links_total", "Execution links written")?,
            duplicates: counter(r, "duplicates_detected_total", "Executions beyond the one an alert should have")?,
            posts_again: counter(r, "posts_again_total", "Uncertain webhooks posted again (on_uncertain: post_again)")?,
            replays: counters(r, "replays_total", "Alerts moved by operators, by result", &["result"])?,
            queue_refused: gauge(r, "queue_refused", "1 while RabbitMQ refuses the queue with INTERNAL_ERROR")?,
            queue_repairs: counter(r, "queue_repairs_total", "Refused queues deleted and declared again")?,
            rabbitmq_connected: gauges(r, "rabbitmq_connected", "1 while connected to RabbitMQ", &["connection"])?,
            circuit: gauge(r, "circuit_state", "Circuit breaker: 0 closed, 1 probing, 2 open")?,
            guards: Arc::new(GuardMetrics::register(r)?),
            tracker: Arc::new(TrackerMetrics::register(r)?),
            routes_invalid: gauge(r, "routes_invalid", "1 while the routes file is invalid")?,
            unusable_files: gauges(r, "file_unusable", "1 while a file cannot be used", &["file"])?,
            registry: r.registry.clone(),
        })
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut buffer = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    }
}

/// Registers metrics, and keeps what it has registered for the test that compares it with the docs.
struct Registering {
    registry: Registry,
    described: RefCell<Vec<Desc>>,
}

impl Registering {
    fn new() -> Self {
        Self { registry: Registry::new(), described: RefCell::default() }
    }

    fn add<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M, prometheus::Error> {
        self.described.borrow_mut().extend(metric.desc().into_iter().cloned());
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("poundcake")
}

fn counter(r: &Registering, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    r.add(IntCounter::with_opts(opts(name, help))?)
}

fn counters(r: &Registering, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    r.add(IntCounterVec::new(opts(name, help), labels)?)
}

fn gauge(r: &Registering, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    r.add(IntGauge::with_opts(opts(name, help))?)
}

fn gauges(r: &Registering, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    r.add(IntGaugeVec::new(opts(name, help), labels)?)
}

fn histogram(
    r: &Registering,
    name: &str,
    help: &str,
    start: f64,
    factor: f64,
    count: usize,
) -> Result<Histogram, prometheus::Error> {
    let buckets = exponential_buckets(start, factor, count)?;
    r.add(Histogram::with_opts(HistogramOpts::from(opts(name, help)).buckets(buckets))?)
}

#[cfg(test)]
mod tests;
