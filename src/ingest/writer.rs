//! Group commit: one thread takes whatever waits, writes it in one transaction and answers everybody.
//!
//! Nothing lingers: a lone webhook commits at once, and under load batches form by themselves. The queue is bounded in
//! number and in bytes; a full queue is 503, so memory stays bounded whatever is sent.
//!
//! What if the database never answers: the store gives the transaction up and we go on with the next batch on a new
//! connection. The senders are told 503, and we never try the same batch again: it may be committed, by then or (if COMMIT
//! was on its way) a little later. To the episodes that is a second ingest with the same webhook: its locks, its unique key
//! and its second look make one of the two a repeat, whichever comes first.

use crate::{
    database::{Store, StoreError},
    metrics::Metrics,
    model::{episode::EpisodePolicy, plan::RowFate, status::DispatchReason},
    store::{
        dispatch::due::Due,
        ingest::webhooks::{Batch, Intake, Stored},
        operate::probe::Refusal,
    },
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

/// Bytes of bodies that wait at most; above it, one more is taken only when none waits.
const QUEUE_BYTES: usize = 64 << 20;

/// How batches are formed and decided.
#[derive(Debug, Clone, Copy)]
pub struct WriterSettings {
    /// Alert rows per transaction at most; a single webhook may have more.
    pub batch_rows: usize,
    /// Bytes of bodies per transaction at most; likewise.
    pub batch_bytes: usize,
    /// Webhooks that wait at most.
    pub queue: usize,
    /// The episode decision's settings.
    pub policy: EpisodePolicy,
}

/// How long a webhook waits for its COMMIT: Alertmanager gives up after 10 s at the shortest. The rows may be committed later all the same: then the sender's retry is a repeat.
const PATIENCE: Duration = Duration::from_secs(8);

type Answer = Result<Vec<RowFate>, &'static str>;

/// A webhook with somebody who waits for its COMMIT.
struct Waiting {
    intake: Arc<Intake>,
    answer: oneshot::Sender<Answer>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.intake.call.body.len()
    }
}

/// The queue before the writer's thread.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    waiting_bytes: Arc<AtomicUsize>,
    busy_since: BusySince,
    refused: Refused,
}

/// When the batch under way was begun.
type BusySince = Arc<Mutex<Option<Instant>>>;

/// When the database refused the last batch, and why.
type Refused = Arc<Mutex<Option<(Instant, Refusal)>>>;

/// How long a refusal is believed without another: whoever asks `/readyz` may send no webhook meanwhile.
const BELIEVED: Duration = Duration::from_secs(10);

const FULL: &str = "too many webhooks are waiting; send again";
const STOPPED: &str = "shutting down; send again";
const SILENT: &str = "the database has not answered in time; send again";
const FAILED: &str = "the database could not store the webhook; send again";

impl Writer {
    /// Starts the thread; `announce` is given what is to be published after each COMMIT, and must not wait. It ends when the
    /// last `Writer` is dropped and everything queued is answered. Must be called on a tokio runtime.
    pub fn start(
        store: &Store,
        settings: WriterSettings,
        announce: impl Fn(Vec<Due>) + Send + 'static,
        metrics: Metrics,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (queue, receiver) = mpsc::channel(settings.queue.max(1));
        let (waiting_bytes, busy_since, refused) =
            (Arc::new(AtomicUsize::new(0)), BusySince::default(), Refused::default());
        let thread = Thread {
            store: store.single(),
            runtime: Handle::current(),
            settings,
            announce: Box::new(announce),
            metrics,
            receiver,
            waiting_bytes: Arc::clone(&waiting_bytes),
            busy_since: Arc::clone(&busy_since),
            refused: Arc::clone(&refused),
            held_over: None,
        };
        let handle = std::thread::Builder::new().name("writer".to_owned()).spawn(move || thread.run())?;
        Ok((Self { queue, waiting_bytes, busy_since, refused }, handle))
    }

    /// True while a batch takes longer than anybody waits for it: a webhook that came now would be 503.
    pub(super) fn is_stuck(&self) -> bool {
        let since = *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    /// Why the last batch could not be stored, as long as that counts: a COMMIT that is refused and a disk that is full show
    /// nowhere else. An error that one webhook may have caused alone is none.
    pub(super) fn refused(&self) -> Option<Refusal> {
        let last = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(at, _)| at.elapsed() < BELIEVED).map(|(_, refusal)| refusal)
    }

    /// Queues a webhook and waits for its COMMIT. `Err` is short enough for the sender's log.
    pub(super) async fn store(&self, intake: Intake) -> Answer {
        let (answer, answered) = oneshot::channel();
        let bytes = intake.call.body.len();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before + bytes > QUEUE_BYTES {
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(FULL);
        }
        if let Err(error) = self.queue.try_send(Waiting { intake: Arc::new(intake), answer }) {
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(match error {
                mpsc::error::TrySendError::Full(_) => FULL,
                mpsc::error::TrySendError::Closed(_) => STOPPED,
            });
        }
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(answer) => answer.unwrap_or(Err(STOPPED)),
            Err(_elapsed) => Err(SILENT),
        }
    }
}

struct Thread {
    /// With a connection of its own.
    store: Store,
    runtime: Handle,
    settings: WriterSettings,
    announce: Box<dyn Fn(Vec<Due>) + Send>,
    metrics: Metrics,
    receiver: mpsc::Receiver<Waiting>,
    waiting_bytes: Arc<AtomicUsize>,
    busy_since: BusySince,
    refused: Refused,
    /// What did not fit into the last batch.
    held_over: Option<Waiting>,
}

impl Thread {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            self.commit(batch);
        }
    }

    /// Blocks for the first webhook, then takes what is waiting, up to the limits.
    fn next_batch(&mut self) -> Option<Vec<Waiting>> {
        let first = self.held_over.take().or_else(|| self.receiver.blocking_recv())?;
        let (mut rows, mut bytes) = (first.intake.arrivals.len(), first.bytes());
        let mut batch = vec![first];
        while let Ok(next) = self.receiver.try_recv() {
            rows += next.intake.arrivals.len();
            bytes += next.bytes();
            if rows > self.settings.batch_rows || bytes > self.settings.batch_bytes {
                self.held_over = Some(next);
                break;
            }
            batch.push(next);
        }
        Some(batch)
    }

    fn commit(&self, batch: Vec<Waiting>) {
        let bytes: usize = batch.iter().map(Waiting::bytes).sum();
        let (intakes, answers) = batch.into_iter().map(|waiting| (waiting.intake, waiting.answer)).unzip();
        self.note_busy(Some(Instant::now()));
        self.commit_or_halve(intakes, answers);
        self.note_busy(None);
        self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    fn note_busy(&self, since: Option<Instant>) {
        *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn note_refused(&self, refusal: Option<Refusal>) {
        let refused = refusal.filter(|refusal| *refusal != Refusal::Other).map(|refusal| (Instant::now(), refusal));
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// A batch that fails is halved down to the one at fault, so that one webhook never takes others with it.
    /// A lost database (no connection, no answer) fails them all at once; an unanswered COMMIT must not be tried again by us.
    fn commit_or_halve(&self, mut intakes: Vec<Arc<Intake>>, mut answers: Vec<oneshot::Sender<Answer>>) {
        let count = intakes.len();
        // Kept for the halves; a batch of one needs no second try.
        let copy = (count > 1).then(|| intakes.clone());
        let result = self.store(std::mem::take(&mut intakes));
        match (result, copy) {
            (Ok(stored), _) => {
                self.note_refused(None);
                self.answer(stored, answers);
            }
            // Cut off: something in the batch made us panic.
            (Err(error @ (StoreError::Query(_) | StoreError::Unreadable(_) | StoreError::CutOff)), Some(mut first)) => {
                log::warn!(webhooks = count; "a batch failed and is halved: {}", crate::logging::chain(&error));
                let second = first.split_off(count / 2);
                let second_answers = answers.split_off(count / 2);
                self.commit_or_halve(first, answers);
                self.commit_or_halve(second, second_answers);
            }
            (Err(error), _) => {
                self.note_refused(Some(Refusal::of(&error)));
                log::error!(webhooks = count; "webhooks could not be stored, answering 503: {}", crate::logging::chain(&error));
                for answer in answers {
                    drop(answer.send(Err(FAILED)));
                }
            }
        }
    }

    fn store(&self, intakes: Vec<Arc<Intake>>) -> Result<Stored, StoreError> {
        self.metrics.commit_webhooks.observe(f64::from(u32::try_from(intakes.len()).unwrap_or(u32::MAX)));
        let (batch, policy) = (Batch::new(intakes), self.settings.policy);
        let (stored, took) = self.runtime.block_on(self.store.run(move |conn| {
            let begun = Instant::now();
            Ok((batch.store(conn, &policy)?, begun.elapsed()))
        }))?;
        self.metrics.commit_retries.inc_by(u64::from(stored.retries));
        self.metrics.commit_seconds.observe(took.as_secs_f64());
        Ok(stored)
    }

    fn answer(&self, stored: Stored, answers: Vec<oneshot::Sender<Answer>>) {
        for (answer, fates) in std::iter::zip(answers, stored.fates) {
            for fate in &fates {
                let decision = fate.dispatch_reason.map_or("pending", DispatchReason::as_str);
                self.metrics.alerts.with_label_values(&[decision]).inc();
            }
            // Nobody waits any more: the sender gave up, and will send a repeat.
            drop(answer.send(Ok(fates)));
        }
        (self.announce)(stored.due);
    }
}
