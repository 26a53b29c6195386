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

/// So long after its start, or after the circuit has closed, a process that is not connected yet is connecting.
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
    /// Reads the event stream: `ST2_STREAM_URL` is set.
    pub streams: bool,
}

impl Sources {
    /// A process that only has a role.
    pub fn new(role: &'static str, addresses: &[SocketAddr], metrics: &Metrics) -> Self {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        let metrics = metrics.clone();
        Self { role, addresses, metrics, publisher: None, routes: None, consumes: false, tracks: false, streams: false }
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
    polls: Polls,
    /// Since when the event stream is missed.
    stream_lost: Option<Instant>,
}

/// Counts of polls at the last look, and what the changes of them say.
#[derive(Default)]
struct Polls {
    answered: u64,
    failed: u64,
    last_answer: Option<Instant>,
    /// The first failure that no answer has followed.
    unanswered: Option<Instant>,
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
        let (lag, polls) = (Lag::default(), Polls::default());
        Self { sources, started_at, begun, was_connected: false, lag, polls, stream_lost: None }
    }

    pub(super) async fn facts(&mut self, database_node: Option<String>) -> Facts {
        let circuit = self.sources.routes.as_ref().map(|_| circuit(&self.sources.metrics));
        let rabbitmq = self.rabbitmq(circuit).await;
        let tracker = self.sources.tracks.then(|| self.tracker());
        Facts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at.clone(),
            addresses: self.sources.addresses.clone(),
            waits_for: waits_for(circuit, rabbitmq, tracker.as_ref()),
            circuit,
            rabbitmq,
            tracker,
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
        if circuit == Some(Circuit::Open) {
            // It lets go of RabbitMQ by itself, and connects again when the circuit has closed.
            (self.begun, self.was_connected) = (Instant::now(), false);
        }
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
        let polls = |result| metrics.polls.with_label_values(&[result]).get();
        let following = executions("following") + executions("overdue");
        self.polls.look(polls("answered"), polls("failed"), following > 0);
        let stream_connected = metrics.stream.get() == 1;
        let is_lost = self.sources.streams && !stream_connected;
        self.stream_lost = is_lost.then(|| self.stream_lost.unwrap_or_else(Instant::now));
        let seconds = |since: Option<Instant>| since.map(|at| at.elapsed().as_secs());
        Tracker {
            stream_connected,
            following: executions("following"),
            overdue: executions("overdue"),
            lag_seconds: self.lag.mean,
            answered_seconds_ago: seconds(self.polls.last_answer),
            stream_lost_seconds: seconds(self.stream_lost),
            unanswered_seconds: seconds(self.polls.unanswered),
        }
    }
}

impl Polls {
    /// Without executions to follow StackStorm is not polled, so no poll fails.
    fn look(&mut self, answered: u64, failed: u64, is_polling: bool) {
        if answered > self.answered {
            (self.last_answer, self.unanswered) = (Some(Instant::now()), None);
        } else if failed > self.failed {
            self.unanswered.get_or_insert_with(Instant::now);
        }
        if !is_polling {
            self.unanswered = None;
        }
        (self.answered, self.failed) = (answered, failed);
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

fn waits_for(circuit: Option<Circuit>, rabbitmq: Option<RabbitMq>, tracker: Option<&Tracker>) -> Vec<String> {
    let tracks = |waits: fn(&Tracker) -> Option<u64>| tracker.and_then(waits).is_some();
    let all = [
        (circuit == Some(Circuit::Open), "StackStorm (circuit open)"),
        (tracks(|tracker| tracker.unanswered_seconds), "StackStorm (polls are not answered)"),
        (tracks(|tracker| tracker.stream_lost_seconds), "StackStorm (event stream lost)"),
        (rabbitmq == Some(RabbitMq::Disconnected), "RabbitMQ (connection lost)"),
    ];
    all.into_iter().filter(|(waits, _)| *waits).map(|(_, what)| what.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_tracker_is_not_unanswered_and_one_whose_polls_fail_is() {
        let mut polls = Polls::default();
        polls.look(3, 0, true);
        assert!(polls.last_answer.is_some() && polls.unanswered.is_none());
        polls.look(3, 0, true);
        assert!(polls.unanswered.is_none(), "it was not polled again yet, so it is not counted as unanswered");
        polls.look(3, 1, true);
        let first = polls.unanswered.unwrap();
        polls.look(3, 2, true);
        assert_eq!(polls.unanswered, Some(first), "it counts from the first failure");
        polls.look(4, 2, true);
        assert!(polls.unanswered.is_none(), "an answer ends it");
        polls.look(4, 3, true);
        polls.look(4, 3, false);
        assert!(polls.unanswered.is_none(), "nothing is followed any more");
    }
}
