//! Publishes rows to the broker: right after COMMIT, and when they are due.
//!
//! The [`Announcer`] publishes right after COMMIT; the [`Relay`] sweeps for rows that are due and repairs whatever a
//! crash, a full queue or a lost broker left behind. Both mark rows `queued` only after the broker's confirm.
//! Crash safety: before the publish the row is `pending` and due within 15 s; between confirm and mark it is published
//! again, and the claim lets one of the two messages through.

use crate::{
    broker::{PublishError, Publisher, message::Message},
    database::{Database, DatabaseError},
    metrics::Metrics,
    model::status::DispatchStatus,
    store::dispatch::due::{self, Due, Taken},
    tasks::Tasks,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Rows per sweep and state, and messages per pipelined publish.
const CHUNK: i64 = 500;
const PUBLISH: usize = 500;
/// Chunks under way at once: one is sent while another awaits its confirms, or its mark.
const UNDER_WAY: usize = 2;
/// Committed rows that wait for the publisher at most, about 3 MB; the relay takes care of what does not fit, 15 s later.
const ANNOUNCED: usize = 50_000;

/// Publishes and marks; shared by announcer and relay.
#[derive(Clone)]
struct Path {
    store: Database,
    publisher: Publisher,
    metrics: Metrics,
}

impl Path {
    /// Connects if need be. What was in a queue that is gone is made due before a new one is declared, so that a crash
    /// between the two finds it missing again.
    async fn ready(&self) -> Result<Result<(), PublishError>, DatabaseError> {
        let ready = self.publisher.ready().await;
        if ready != Err(PublishError::NoQueue) {
            return Ok(ready);
        }
        requeue_all(&self.store).await?;
        Ok(self.publisher.create_queue().await)
    }

    async fn publish(&self, due: Vec<Due>) -> Result<(), DatabaseError> {
        let messages: Vec<_> =
            due.iter().map(|due| Message::new(due.alert_id, due.request_id, due.generation)).collect();
        let results = match self.ready().await? {
            Ok(()) => self.publisher.publish(&messages).await,
            Err(error) => vec![Err(error); messages.len()],
        };
        let mut confirmed = Vec::with_capacity(due.len());
        for (due, result) in std::iter::zip(due, results) {
            self.metrics.published.with_label_values(&[label(&result)]).inc();
            match result {
                Ok(()) => confirmed.push(due),
                Err(error) => log::debug!(
                    event = "publish_failed", alert_id = due.alert_id, error:%;
                    "publish failed; the relay retries it"
                ),
            }
        }
        if !confirmed.is_empty() {
            self.store.run(move |conn| due::mark_queued(conn, &confirmed)).await?;
        }
        Ok(())
    }
}

fn label(result: &Result<(), PublishError>) -> &'static str {
    match result {
        Ok(()) => "confirmed",
        Err(PublishError::Unavailable(_) | PublishError::NoQueue) => "unavailable",
        Err(PublishError::Unconfirmed) => "unconfirmed",
        Err(PublishError::Returned(_)) => "returned",
        Err(PublishError::Refused) => "refused",
        Err(PublishError::Full) => "full",
    }
}

/// Hands committed rows to the publisher without ever making the writer wait.
#[derive(Clone)]
pub struct Announcer {
    rows: mpsc::UnboundedSender<Vec<Due>>,
    waiting: Arc<AtomicUsize>,
}

impl Announcer {
    /// The announcer, and the task that serves it until the last announcer is dropped.
    pub fn start(
        store: Database,
        publisher: Publisher,
        metrics: Metrics,
        tasks: &Tasks,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (rows, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let path = Path { store, publisher, metrics };
        let task = tasks.spawn("announcer", publish_announced(path, receiver, Arc::clone(&waiting)));
        (Self { rows, waiting }, task)
    }

    /// Publishes soon. What does not fit stays `pending` and is the relay's.
    pub fn announce(&self, due: Vec<Due>) {
        let rows = due.len();
        let before = self.waiting.fetch_add(rows, Ordering::AcqRel);
        let fits = before == 0 || before + rows <= ANNOUNCED;
        if rows == 0 || !fits || self.rows.send(due).is_err() {
            self.waiting.fetch_sub(rows, Ordering::AcqRel);
        }
        if !fits {
            log::debug!(event = "announce_overflow", rows; "the publisher is behind; leaving these rows to the relay");
        }
    }
}

/// While some chunks are under way the next rows gather, and go out together.
async fn publish_announced(path: Path, mut rows: mpsc::UnboundedReceiver<Vec<Due>>, waiting: Arc<AtomicUsize>) {
    let (mut batches, mut under_way) = (Vec::new(), JoinSet::new());
    while rows.recv_many(&mut batches, PUBLISH).await > 0 {
        let due: Vec<Due> = batches.drain(..).flatten().collect();
        for chunk in due.chunks(PUBLISH) {
            if under_way.len() >= UNDER_WAY {
                under_way.join_next().await;
            }
            let (path, chunk, waiting) = (path.clone(), chunk.to_vec(), Arc::clone(&waiting));
            under_way.spawn(async move {
                let rows = chunk.len();
                if let Err(error) = path.publish(chunk).await {
                    log::warn!(
                        event = "mark_queued_failed", error:%;
                        "could not mark published rows as queued; the relay publishes them again"
                    );
                }
                waiting.fetch_sub(rows, Ordering::AcqRel);
            });
        }
    }
    under_way.join_all().await;
}

/// The sweep over rows that are due.
pub struct Relay {
    path: Path,
    interval: Duration,
}

impl Relay {
    /// A relay that sweeps every `interval`.
    pub fn new(store: Database, publisher: Publisher, metrics: Metrics, interval: Duration) -> Self {
        Self { path: Path { store, publisher, metrics }, interval }
    }

    /// Sweeps until cancelled. Errors are logged and the next sweep tries again.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            match self.sweep().await {
                // A full chunk: there is more.
                Ok(true) => {
                    if stop.is_cancelled() {
                        return;
                    }
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    log::log!(
                        error.level(), event = "database_waiting";
                        "the relay waits for the database: {}",
                        crate::logging::chain(&error)
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    /// One sweep: leases that ended, then what is due, one state at a time. True when a chunk was full.
    pub async fn sweep(&self) -> Result<bool, DatabaseError> {
        let expired = self.path.store.run(|conn| due::expire_leases(conn, CHUNK)).await?;
        if expired > 0 {
            log::warn!(
                event = "leases_expired", rows = expired;
                "leases of claims expired; looking their dispatches up in StackStorm"
            );
            self.path.metrics.leases_expired.inc_by(u64::try_from(expired).unwrap_or_default());
        }
        if let Err(error) = self.path.ready().await? {
            log::debug!(event = "publishing_paused", error:%; "RabbitMQ is unavailable; publishing nothing");
            return Ok(false);
        }
        let mut more = false;
        for status in [DispatchStatus::Pending, DispatchStatus::Queued] {
            let Taken { due, looked_at } = self.path.store.run(move |conn| due::take(conn, status, CHUNK)).await?;
            more |= i64::try_from(looked_at).is_ok_and(|taken| taken == CHUNK);
            if !due.is_empty() {
                log::debug!(event = "publishing_due", rows = due.len(), status:%; "publishing rows that are due");
                self.path.publish(due).await?;
            }
        }
        Ok(more)
    }
}

/// The queue was lost: everything `queued` is due at once. The process that declares the queue calls this first.
pub async fn requeue_all(store: &Database) -> Result<(), DatabaseError> {
    let rows = store.run(due::requeue_all).await?;
    if rows > 0 {
        log::warn!(event = "queue_lost", rows; "the queue is gone; republishing all queued rows");
    }
    Ok(())
}
