//! What is counted. One struct per process, registered once; no alert text in any label.

mod tracker;

pub use tracker::TrackerMetrics;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    exponential_buckets,
};
use std::sync::Arc;

/// Every metric that this program writes.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// `poundcake_webhooks_total{status}`: webhooks by the HTTP status they were answered with.
    pub webhooks: IntCounterVec,
    /// `poundcake_alerts_total{decision}`: stored alerts by `pending` or the reason they were skipped for.
    pub alerts: IntCounterVec,
    /// `poundcake_truncated_alerts_total`: alerts that Alertmanager's `max_alerts` cut off before they reached us.
    pub truncated_alerts: IntCounter,
    /// `poundcake_commit_webhooks`: webhooks per transaction.
    pub commit_webhooks: Histogram,
    /// `poundcake_commit_seconds`: from the first statement to the answer to COMMIT.
    pub commit_seconds: Histogram,
    /// `poundcake_commit_retries_total`: transactions begun anew after a deadlock, a lock wait or a taken key.
    pub commit_retries: IntCounter,
    /// `poundcake_database_lost_threads`: threads that wait for a database which was silent for too long, at the time of the
    /// scrape; nobody waits for them.
    pub lost_threads: IntGauge,
    /// `poundcake_tasks_failed_total{task}`: tasks that panicked or ended too early; the process stops for all but `delivery`
    /// and `resolution`, which concern one row.
    pub tasks_failed: IntCounterVec,
    /// `poundcake_published_total{result}`: messages by `confirmed`, `unavailable`, `unconfirmed`, `returned`, `refused`, `full`.
    pub published: IntCounterVec,
    /// `poundcake_dispatch_rows{status}`: rows that are not settled, at the time of the scrape.
    pub rows: IntGaugeVec,
    /// `poundcake_dispatch_oldest_seconds{status}`: age of the oldest of them.
    pub oldest: IntGaugeVec,
    /// `poundcake_leases_expired_total`: claims whose dispatcher died or hung.
    pub leases_expired: IntCounter,
    /// `poundcake_claims_total{result}`: deliveries by `claimed` or `not_claimable`.
    pub claims: IntCounterVec,
    /// `poundcake_triggers_total{mode,outcome}`: calls to StackStorm by what they came to; one per attempt.
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
    /// `poundcake_posts_again_total`: webhooks posted again while nobody knew whether the one before had arrived.
    pub posts_again: IntCounter,
    /// `poundcake_replays_total{result}`: rows moved by hand, `replayed` or `discarded` (over HTTP; the CLI is a process of
    /// its own), and `adopted`: replayed, and found to have run under an older generation.
    pub replays: IntCounterVec,
    /// `poundcake_queue_refused`: 1 while RabbitMQ refuses the queue with `INTERNAL_ERROR`: it has nothing behind it.
    pub queue_refused: IntGauge,
    /// `poundcake_queue_repairs_total`: how often such a queue was deleted, to be declared anew.
    pub queue_repairs: IntCounter,
    /// `poundcake_circuit_state`: 0 closed, 1 probing, 2 open: nothing is claimed.
    pub circuit: IntGauge,
    /// The tracker's.
    pub tracker: Arc<TrackerMetrics>,
    /// `poundcake_routes_invalid`: 1 while the routes file is invalid and the old one is in force.
    pub routes_invalid: IntGauge,
}

impl Metrics {
    /// Registers everything in a registry of its own.
    pub fn new() -> Result<Self, prometheus::Error> {
        let r = &Registry::new();
        Ok(Self {
            webhooks: counters(r, "webhooks_total", "Webhooks by HTTP status of the answer", &["status"])?,
            alerts: counters(r, "alerts_total", "Stored alerts by decision", &["decision"])?,
            truncated_alerts: counter(r, "truncated_alerts_total", "Alerts cut off by Alertmanager's max_alerts")?,
            commit_webhooks: histogram(r, "commit_webhooks", "Webhooks per transaction", 1.0, 2.0, 10)?,
            commit_seconds: histogram(r, "commit_seconds", "Duration of a webhook transaction", 0.001, 2.0, 14)?,
            commit_retries: counter(r, "commit_retries_total", "Webhook transactions begun anew")?,
            lost_threads: gauge(r, "database_lost_threads", "Threads given up with their silent connection")?,
            tasks_failed: counters(r, "tasks_failed_total", "Tasks that panicked or ended too early", &["task"])?,
            published: counters(r, "published_total", "Messages by result of the publish", &["result"])?,
            rows: gauges(r, "dispatch_rows", "Rows not settled", &["status"])?,
            oldest: gauges(r, "dispatch_oldest_seconds", "Age of the oldest row not settled", &["status"])?,
            leases_expired: counter(r, "leases_expired_total", "Claims that outlived their lease")?,
            claims: counters(r, "claims_total", "Deliveries by result of the claim", &["result"])?,
            triggers: counters(r, "triggers_total", "Calls to StackStorm by outcome", &["mode", "outcome"])?,
            trigger_seconds: histogram(r, "trigger_seconds", "Duration of a trigger", 0.005, 2.0, 14)?,
            webhook_to_execution_seconds: histogram(
                r,
                "webhook_to_execution_seconds",
                "From an alert's row to its execution link",
                0.01,
                2.0,
                20,
            )?,
            settled: counters(r, "settled_total", "Dispatches that ended without an execution", &["status", "reason"])?,
            links: counter(r, "links_total", "Execution links written")?,
            duplicates: counter(r, "duplicates_detected_total", "Executions beyond the one an alert should have")?,
            posts_again: counter(r, "posts_again_total", "Uncertain webhooks posted again (on_uncertain: post_again)")?,
            replays: counters(r, "replays_total", "Rows moved by hand, by result", &["result"])?,
            queue_refused: gauge(r, "queue_refused", "1 while RabbitMQ refuses the queue with INTERNAL_ERROR")?,
            queue_repairs: counter(r, "queue_repairs_total", "Refused queues deleted, to be declared anew")?,
            circuit: gauge(r, "circuit_state", "0 closed, 1 probing, 2 open")?,
            tracker: Arc::new(TrackerMetrics::new(r)?),
            routes_invalid: gauge(r, "routes_invalid", "1 while the routes file is invalid")?,
            registry: r.clone(),
        })
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut buffer = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("poundcake")
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let metric = IntCounter::with_opts(opts(name, help))?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    let metric = IntCounterVec::new(opts(name, help), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let metric = IntGauge::with_opts(opts(name, help))?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    let metric = IntGaugeVec::new(opts(name, help), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    start: f64,
    factor: f64,
    count: usize,
) -> Result<Histogram, prometheus::Error> {
    let buckets = exponential_buckets(start, factor, count)?;
    let metric = Histogram::with_opts(HistogramOpts::from(opts(name, help)).buckets(buckets))?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
