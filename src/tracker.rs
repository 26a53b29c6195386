//! Follows the executions of alerts to their end, and fills StackStorm's tables in SQL.
//!
//! - `listen` reads the event stream, which loses whatever happens while it is cut; `poll` asks for executions by id, a
//!   hundred at a time and one question after the other: all of them after every connect, and those that have been silent
//!   for longer than the `patience`. Both only send `Signal`s.
//! - `follow` owns everything else: which executions are `followed`, what the stream showed too `early`, what is still to be
//!   written, and how far the links have been read (`links`). One loop, one writer.
//! - `catalog` keeps the tables of what is registered.
//!
//! Crash safety: all state is in the database. Rows that are not finished are found by their `tracking`, links
//! without a row behind a mark that only moves over links that have one; so a restart goes on where the rows end. What was
//! written twice, or by two trackers at once, is the same row. StackStorm is only read.

mod catalog;
mod early;
mod ends;
mod follow;
pub(crate) mod followed;
mod links;
mod listen;
mod patience;
mod poll;
mod row;
mod write;

use crate::{
    database::Database,
    metrics::Metrics,
    st2_tables::St2Tables,
    stackstorm::{Client, Execution, ExecutionId},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Signals that wait for the loop at most; beyond that the stream is read no further, and TCP holds it back.
const SIGNALS: usize = 2048;

/// What a tracker is made of.
pub struct Tracker {
    /// Our rows: the links are read, and their ends are written.
    pub store: Database,
    /// StackStorm's rows.
    pub tables: St2Tables,
    /// StackStorm.
    pub client: Arc<Client>,
    /// `ST2_STREAM_URL`; without it StackStorm is polled only.
    pub stream_url: Option<Url>,
    /// `POUNDCAKE_EXECUTION_DEADLINE`.
    pub deadline: Duration,
    /// What is counted.
    pub metrics: Metrics,
}

/// What the loop is told.
enum Signal {
    /// The stream is open: what happened before must be asked for.
    Connected,
    /// The stream is cut.
    Cut,
    /// An execution as the stream showed it.
    Streamed(Box<Execution>),
    /// An event came that cannot be read: any execution may have moved on.
    Missed,
    /// The answer to a poll.
    Polled(Polled),
}

/// The answer to a poll.
struct Polled {
    /// When it was asked.
    asked_at: Instant,
    /// What StackStorm has of it, whole.
    found: Vec<Execution>,
    /// What it has, in so far as a glance shows it.
    glanced: Vec<Execution>,
    /// What StackStorm has not (any more).
    gone: Vec<ExecutionId>,
}

impl Tracker {
    /// Runs until cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let (signals, inbox) = mpsc::channel(SIGNALS);
        let (asks, questions) = mpsc::channel(1);
        let known = Arc::new(catalog::Known::default());
        let mut tasks = tokio::task::JoinSet::new();
        if let Some(url) = self.stream_url.clone() {
            let listener =
                listen::Listener { client: Arc::clone(&self.client), url, metrics: Arc::clone(&self.metrics.tracker) };
            tasks.spawn(stop.clone().run_until_cancelled_owned(listener.run(signals.clone())));
        } else {
            log::warn!(
                event = "stream_disabled";
                "ST2_STREAM_URL is not set: polling StackStorm only, so rows are some seconds late"
            );
        }
        let poller = poll::Poller { client: Arc::clone(&self.client), metrics: Arc::clone(&self.metrics.tracker) };
        tasks.spawn(stop.clone().run_until_cancelled_owned(poller.run(questions, signals)));
        let (client, tables) = (Arc::clone(&self.client), self.tables.clone());
        let keeper = catalog::Keeper { client, tables, known: Arc::clone(&known) };
        tasks.spawn(stop.clone().run_until_cancelled_owned(keeper.run()));
        let follower = follow::Follower::new(self, asks, known);
        stop.run_until_cancelled_owned(follower.run(inbox)).await;
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                log::error!(event = "task_failed"; "a task of the tracker failed: {error}");
            }
        }
    }
}
