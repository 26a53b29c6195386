//! What a process tells of itself.

use serde::{Deserialize, Serialize};

/// The body of a process's row. What a process does not know is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The program's.
    pub version: String,
    /// RFC 3339, by the clock of its host.
    pub started_at: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// What it waits for now, in words.
    pub waits_for: Vec<String>,
    /// The circuit breaker for StackStorm; dispatchers have one.
    pub circuit: Option<Circuit>,
    /// Its connection to RabbitMQ.
    pub rabbitmq: Option<RabbitMq>,
    /// What follows executions.
    pub tracker: Option<Tracker>,
    /// The routes in use; dispatchers have some.
    pub routes: Option<Routes>,
    /// The database server that it reached when it started, as `host:port`.
    pub database_node: Option<String>,
}

impl Facts {
    /// Whether others should know it at once. Ages and counts change all the time.
    pub(super) fn is_news_after(&self, told: &Self) -> bool {
        let stream = |facts: &Self| {
            let tracker = facts.tracker.as_ref();
            tracker.map(|tracker| (tracker.stream_connected, tracker.unanswered_seconds.is_some()))
        };
        let seen = |facts: &Self| (facts.circuit, facts.rabbitmq, facts.routes.clone(), stream(facts));
        seen(self) != seen(told)
    }
}

/// States of the circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// StackStorm works.
    Closed,
    /// One call is let through to find out.
    HalfOpen,
    /// Nothing is posted.
    Open,
}

/// States of the connection to RabbitMQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RabbitMq {
    /// It works.
    Connected,
    /// The process has started within the last 10 s and is not connected yet.
    Connecting,
    /// There is none.
    Disconnected,
    /// The dispatcher takes no messages while the circuit is open.
    Paused,
}

/// What the tracker tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracker {
    /// It reads StackStorm's event stream.
    pub stream_connected: bool,
    /// Executions that have not ended.
    pub following: i64,
    /// Those among them that are past `POUNDCAKE_EXECUTION_DEADLINE`.
    pub overdue: i64,
    /// Mean seconds from an execution's change of status to its row, of the last changes; absent before the first.
    pub lag_seconds: Option<f64>,
    /// Seconds since StackStorm last answered a poll; absent before the first answer. With nothing to follow it is not polled.
    pub answered_seconds_ago: Option<u64>,
    /// For so many seconds there has been no event stream; absent while it is connected, and without `ST2_STREAM_URL`.
    pub stream_lost_seconds: Option<u64>,
    /// For so many seconds StackStorm has not answered the polls; absent while it answers them, or is not polled.
    pub unanswered_seconds: Option<u64>,
}

/// Which routes are in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Routes {
    /// 16 hex digits of the file's SHA-256; absent without a file.
    pub digest: Option<String>,
    /// The file has changed and is invalid: the routes before it are in use.
    pub invalid: bool,
}
