//! The tracker's loop: takes signals, writes rows, and runs the periodic tasks.

use super::{
    Polled, Signal, Tracker,
    catalog::Known,
    early::Early,
    ends::Ends,
    followed::{News, Question, Watched},
    links::Links,
    patience,
    write::Rows,
};
use crate::{
    clock,
    database::DatabaseError,
    metrics::TrackerMetrics,
    retry::Reconnect,
    st2_tables::{St2Tables, Tracking, tracking},
    stackstorm::{Execution, ExecutionId, ExecutionStatus},
};
use chrono::TimeDelta;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc::{Receiver, Sender},
    time::{Interval, MissedTickBehavior, interval},
};

/// Signals taken for one write at most.
const TAKEN: usize = 256;
/// How often fresh links are looked for, and at the shortest when the stream shows an execution of ours that has none yet.
const FRESH: Duration = Duration::from_millis(500);
const FRESH_AT_ONCE: Duration = Duration::from_millis(50);
/// How often links that became visible late are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// How often what has been silent is looked for.
const SILENT: Duration = Duration::from_secs(1);

/// The owner of everything that is followed.
pub(super) struct Follower {
    tables: St2Tables,
    metrics: Arc<TrackerMetrics>,
    deadline: Duration,
    known: Arc<Known>,
    watched: Watched,
    links: Links,
    ends: Ends,
    rows: Rows,
    pending: HashMap<ExecutionId, News>,
    asks: Sender<Question>,
    /// A question is not answered yet.
    asking: bool,
    streaming: bool,
    /// Executions of ours that the stream showed, and whose link was not read yet.
    early: Early,
    read_at: Instant,
}

impl Follower {
    pub(super) fn new(tracker: Tracker, asks: Sender<Question>, known: Arc<Known>) -> Self {
        let Tracker { store, tables, metrics, deadline, .. } = tracker;
        Self {
            ends: Ends { store: store.clone() },
            links: Links::new(store, tables.clone()),
            rows: Rows::new(tables.clone()),
            watched: Watched::default(),
            pending: HashMap::new(),
            asking: false,
            streaming: false,
            early: Early::default(),
            read_at: Instant::now(),
            tables,
            metrics: metrics.tracker,
            deadline,
            known,
            asks,
        }
    }

    /// Runs until all senders of signals are gone.
    pub(super) async fn run(mut self, mut inbox: Receiver<Signal>) {
        self.resume().await;
        let [mut fresh, mut sweep, mut silent] = [FRESH, SWEEP, SILENT].map(every);
        let mut overdue = every((self.deadline / 10).clamp(Duration::from_secs(1), Duration::from_secs(30)));
        let mut signals = Vec::with_capacity(TAKEN);
        loop {
            tokio::select! {
                taken = inbox.recv_many(&mut signals, TAKEN) => {
                    if taken == 0 {
                        return;
                    }
                    for signal in signals.drain(..) {
                        self.take(signal);
                    }
                }
                _ = fresh.tick() => self.read_fresh().await,
                _ = sweep.tick() => {
                    let swept = self.links.sweep(&mut self.watched).await;
                    log_failure(swept);
                }
                _ = silent.tick() => self.look_for_silent(),
                _ = overdue.tick() => {
                    let marked = self.mark_overdue().await;
                    log_failure(marked);
                }
            }
            if self.early.take_new() && self.read_at.elapsed() > FRESH_AT_ONCE {
                self.read_fresh().await;
            }
            self.show_early();
            self.write().await;
            self.ask();
        }
    }

    async fn resume(&mut self) {
        let mut pace = Reconnect::new();
        while let Err(error) = self.links.resume(&mut self.watched).await {
            let wait = pace.failed("no answer");
            let chain = crate::logging::chain(&error);
            log::log!(
                error.level(), event = "database_waiting", wait_ms = wait.as_millis();
                "waiting for the database: {chain}"
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn read_fresh(&mut self) {
        let read = self.links.read_fresh(&mut self.watched).await;
        self.read_at = Instant::now();
        log_failure(read);
    }

    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Connected => {
                self.streaming = true;
                self.watched.ask_for_all(Instant::now());
            }
            Signal::Cut => self.streaming = false,
            Signal::Streamed(execution) => {
                let now = Instant::now();
                self.show(&execution, now, true);
                if !self.watched.contains(&execution.id) {
                    self.early.keep(execution, now);
                }
            }
            Signal::Missed => self.watched.ask_for_all_soon(),
            Signal::Polled(polled) => self.take_answer(&polled),
        }
    }

    fn take_answer(&mut self, polled: &Polled) {
        self.asking = false;
        for execution in &polled.found {
            self.show(execution, polled.asked_at, false);
        }
        for execution in &polled.glanced {
            self.watched.glanced(execution, polled.asked_at);
        }
        for id in &polled.gone {
            let Some(news) = self.watched.gone(id) else { continue };
            log::warn!(
                event = "execution_gone", st2_execution_id:% = id;
                "StackStorm no longer has this execution; keeping its row unchanged"
            );
            match self.pending.get_mut(id) {
                Some(pending) => pending.row.tracking = Tracking::Gone,
                None => drop(self.pending.insert(id.clone(), news)),
            }
        }
    }

    /// What the stream showed of executions that are followed only now, and of their tasks.
    fn show_early(&mut self) {
        let mut added = self.watched.take_added();
        while let Some(id) = added.pop() {
            if let Some((at, execution)) = self.early.take(&id) {
                self.show(&execution, at, true);
                added.extend(self.early.tasks_of(&id));
            }
        }
    }

    fn look_for_silent(&mut self) {
        let now = Instant::now();
        let patience = if self.streaming { &patience::STREAMING } else { &patience::CUT };
        self.watched.ask_for_silent(now, patience);
    }

    fn show(&mut self, execution: &Execution, at: Instant, streamed: bool) {
        let Some(news) = self.watched.take(execution, at, streamed) else { return };
        if let Some(action) = &execution.action_ref {
            self.known.saw(action);
        }
        self.pending.insert(execution.id.clone(), news);
    }

    /// Writes what is pending, and follows no further what is finished. What the database refused is asked for again.
    async fn write(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let news: Vec<(ExecutionId, News)> = self.pending.drain().collect();
        // Before the rows say that the execution is done: a tracker that dies in between writes the ends again.
        self.ends.write(&news).await;
        let mut refused: std::collections::HashSet<ExecutionId> = news.iter().map(|(id, _)| id.clone()).collect();
        let mut finished = Vec::new();
        for (id, news) in self.rows.write(news).await {
            refused.remove(&id);
            self.count(&news);
            let written = self.watched.written(&id, news.row.tracking);
            for link in written.links {
                self.links.has_row(link);
            }
            finished.extend(written.finished.map(|parent| parent.to_string()));
        }
        for id in refused {
            self.watched.refused(&id);
        }
        if !finished.is_empty() {
            let prefix = self.tables.prefix.clone();
            let done = self.tables.store.run(move |conn| tracking::finish(conn, &prefix, &finished)).await;
            // Not done: the rows stay `following` and are looked at again after a restart.
            log_failure(done);
        }
    }

    fn count(&self, news: &News) {
        if news.row.tracking == Tracking::Gone {
            self.metrics.gone.inc();
        }
        if let Some(status) = news.end().filter(|_| news.changed || news.row.tracking == Tracking::Gone) {
            let action = news.row.action.as_deref().unwrap_or_default();
            self.metrics.ended.with_label_values(&[action, status]).inc();
        }
        if !news.changed {
            return;
        }
        // Labels are of a known set: a status that a newer StackStorm invents is `other`.
        let status = news.row.status.as_deref().and_then(|status| status.parse::<ExecutionStatus>().ok());
        let status = status.map_or("other", ExecutionStatus::as_str);
        self.metrics.updates.with_label_values(&[status]).inc();
        if let Some(changed_at) = news.changed_at {
            let lag = (clock::utc_now() - changed_at.naive_utc()).to_std().unwrap_or_default();
            self.metrics.lag_seconds.observe(lag.as_secs_f64());
        }
    }

    async fn mark_overdue(&self) -> Result<(), DatabaseError> {
        let prefix = self.tables.prefix.clone();
        let deadline = TimeDelta::from_std(self.deadline).unwrap_or(TimeDelta::MAX);
        let (marked, counts) = self
            .tables
            .store
            .run(move |conn| Ok((tracking::mark_overdue(conn, &prefix, deadline)?, tracking::counts(conn, &prefix)?)))
            .await?;
        for id in &marked {
            log::warn!(
                event = "execution_overdue", st2_execution_id = id;
                "execution still running after POUNDCAKE_EXECUTION_DEADLINE"
            );
        }
        self.metrics.overdue.inc_by(u64::try_from(marked.len()).unwrap_or(u64::MAX));
        for (tracking, rows) in counts {
            self.metrics.executions.with_label_values(&[tracking.as_str()]).set(rows);
        }
        Ok(())
    }

    /// Hands the poller its next question, one at a time.
    fn ask(&mut self) {
        if self.asking {
            return;
        }
        if let Some(question) = self.watched.question(Instant::now()) {
            self.asking = self.asks.try_send(question).is_ok();
        }
    }
}

/// Logs a failed periodic task; the next tick retries it.
fn log_failure(done: Result<(), DatabaseError>) {
    if let Err(error) = done {
        log::log!(
            error.level(), event = "database_waiting";
            "waiting for the database: {}",
            crate::logging::chain(&error)
        );
    }
}

/// Ticks at once, and then after each wait; what could not be done in time is not made up for.
fn every(wait: Duration) -> Interval {
    let mut interval = interval(wait);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
