//! Collects what a process tells of itself from its metrics and parts.

use super::facts::{Circuit, Facts, RabbitMq, Routes, Tracker};
use crate::{
    broker::{PublishError, Publisher},
    clock, dispatcher, hostname,
    metrics::Metrics,
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// So long after its start a process that was never connected is connecting.
const CONNECTING: Duration = Duration::from_secs(10);

/// Where the facts come from: what this process has.
pub struct Sources {
    /// `ingest`, `dispatcher`, `tracker` or `standalone`.
    pub role: &'static str,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// What is counted.
    pub metrics: Metrics,
    /// Publishes.
    pub publisher: Option<Publisher>,
    /// Dispatches, by these routes.
    pub routes: Option<dispatcher::Routes>,
    /// Consumes from RabbitMQ.
    pub consumes: bool,
    /// Follows executions.
    pub tracks: bool,
}

impl Sources {
    /// A process that only has a role.
    pub fn new(role: &'static str, addresses: &[SocketAddr], metrics: &Metrics) -> Self {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        let metrics = metrics.clone();
        Self { role, addresses, metrics, publisher: None, routes: None, consumes: false, tracks: false }
    }

    /// The row's path: role, host and process id.
    pub(super) fn path(&self) -> String {
        format!("/{}/{}.{}", self.role, hostname::read(), std::process::id())
    }
}

/// Collects the facts, and remembers what needs two looks.
pub(super) struct Collector {
    sources: Sources,
    started_at: String,
    begun: Instant,
    was_connected: bool,
    lag: Lag,
    /// Polls that StackStorm has answered, and when the last change of that count was seen.
    answers: Option<(u64, Instant)>,
}

/// Sum and count of the lag's histogram at the last look that found a change, and the mean of that change.
#[derive(Default)]
struct Lag {
    sum: f64,
    count: u64,
    mean: Option<f64>,
}

impl Collector {
    pub(super) fn new(sources: Sources) -> Self {
        let (started_at, begun) = (clock::rfc3339(clock::utc_now()), Instant::now());
        Self { sources, started_at, begun, was_connected: false, lag: Lag::default(), answers: None }
    }

    pub(super) async fn facts(&mut self, database_node: Option<String>) -> Facts {
        let circuit = self.sources.routes.as_ref().map(|_| circuit(&self.sources.metrics));
        let rabbitmq = self.rabbitmq(circuit).await;
        Facts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at.clone(),
            addresses: self.sources.addresses.clone(),
            waits_for: waits_for(circuit, rabbitmq),
            circuit,
            rabbitmq,
            tracker: self.sources.tracks.then(|| self.tracker()),
            routes: self.routes(),
            database_node,
        }
    }

    async fn rabbitmq(&mut self, circuit: Option<Circuit>) -> Option<RabbitMq> {
        let metric = &self.sources.metrics.rabbitmq_connected;
        let is_connected = if let Some(publisher @ Publisher::Amqp(_)) = &self.sources.publisher {
            // Connects if need be: an idle process is shown as connected only if it could publish. A missing queue is created with
            // the first message.
            let is_connected = matches!(publisher.ready().await, Ok(()) | Err(PublishError::NoQueue));
            metric.with_label_values(&["publisher"]).set(i64::from(is_connected));
            is_connected
        } else if self.sources.consumes {
            metric.with_label_values(&["consumer"]).get() == 1
        } else {
            return None;
        };
        self.was_connected |= is_connected;
        Some(match is_connected {
            true => RabbitMq::Connected,
            false if circuit == Some(Circuit::Open) => RabbitMq::Paused,
            false if !self.was_connected && self.begun.elapsed() < CONNECTING => RabbitMq::Connecting,
            false => RabbitMq::Disconnected,
        })
    }

    fn routes(&self) -> Option<Routes> {
        let routes = self.sources.routes.as_ref()?;
        Some(Routes { digest: routes.digest(), invalid: self.sources.metrics.routes_invalid.get() == 1 })
    }

    fn tracker(&mut self) -> Tracker {
        let metrics = &self.sources.metrics.tracker;
        let executions = |tracking| metrics.executions.with_label_values(&[tracking]).get();
        let (sum, count) = (metrics.lag_seconds.get_sample_sum(), metrics.lag_seconds.get_sample_count());
        self.lag.look(sum, count);
        let answers = metrics.polls.with_label_values(&["answered"]).get();
        if answers > 0 && self.answers.is_none_or(|(known, _)| known != answers) {
            self.answers = Some((answers, Instant::now()));
        }
        Tracker {
            stream_connected: metrics.stream.get() == 1,
            following: executions("following"),
            overdue: executions("overdue"),
            lag_seconds: self.lag.mean,
            answered_seconds_ago: self.answers.map(|(_, at)| at.elapsed().as_secs()),
        }
    }
}

impl Lag {
    fn look(&mut self, sum: f64, count: u64) {
        if count > self.count {
            let changes = u32::try_from(count - self.count).unwrap_or(u32::MAX);
            self.mean = Some((sum - self.sum) / f64::from(changes));
            (self.sum, self.count) = (sum, count);
        }
    }
}

fn circuit(metrics: &Metrics) -> Circuit {
    match metrics.circuit.get() {
        0 => Circuit::Closed,
        1 => Circuit::HalfOpen,
        _ => Circuit::Open,
    }
}

fn waits_for(circuit: Option<Circuit>, rabbitmq: Option<RabbitMq>) -> Vec<String> {
    let stackstorm = (circuit == Some(Circuit::Open)).then(|| "StackStorm (circuit open)".to_owned());
    let broker = (rabbitmq == Some(RabbitMq::Disconnected)).then(|| "RabbitMQ (connection lost)".to_owned());
    stackstorm.into_iter().chain(broker).collect()
}
