//! The writer: one thread takes the webhooks that wait, writes them in one transaction (`group_commit`) and answers each.
//!
//! The queue is bounded in number and in bytes; a full queue is 503, so memory stays bounded whatever is sent.
//!
//! What if the database never answers: the store gives the transaction up and we go on with the next batch on a new
//! connection. The senders are told 503, and we never try the same batch again: it may be committed, by then or (if COMMIT
//! was on its way) a little later. To the episodes that is a second ingest with the same webhook: its locks, its unique key
//! and its second look make one of the two a repeat, whichever comes first.

use crate::{
    database::{Database, DatabaseError},
    group_commit::{self, Batches, NotQueued, Requests},
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
use tokio::runtime::Handle;

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

/// How long a webhook waits for its COMMIT: less than Alertmanager's 10 s for a whole flush, so that it can try again. The
/// rows may be committed later all the same: then the sender's retry is a repeat.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(8);

type Answer = Result<Vec<RowFate>, &'static str>;
type Answers = group_commit::Answers<Answer>;

fn bytes(intake: &Intake) -> usize {
    intake.call.body.len()
}

/// The queue before the writer's thread.
#[derive(Clone)]
pub struct Writer {
    queue: Requests<Arc<Intake>, Answer>,
    waiting_bytes: Arc<AtomicUsize>,
    busy_since: BusySince,
    refused: Refused,
}

/// When the batch under way was begun.
type BusySince = Arc<Mutex<Option<Instant>>>;

/// When the database refused the last batch, and why.
type Refused = Arc<Mutex<Option<(Instant, Refusal)>>>;

/// How long a refusal counts without another one: while `/readyz` is 503, no webhook may come that would show more.
const BELIEVED: Duration = Duration::from_secs(10);

const FULL: &str = "too many webhooks are waiting; send again";
const STOPPED: &str = "shutting down; send again";
const SILENT: &str = "the database has not answered in time; send again";
const FAILED: &str = "the database could not store the webhook; send again";

impl Writer {
    /// Starts the thread; `announce` is given what is to be published after each COMMIT, and must not wait. It ends when the
    /// last `Writer` is dropped and everything queued is answered. Must be called on a tokio runtime.
    pub fn start(
        store: &Database,
        settings: WriterSettings,
        announce: impl Fn(Vec<Due>) + Send + 'static,
        metrics: Metrics,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (queue, batches) = group_commit::queue(settings.queue);
        let (waiting_bytes, busy_since, refused) =
            (Arc::new(AtomicUsize::new(0)), BusySince::default(), Refused::default());
        let thread = Thread {
            store: store.single(),
            runtime: Handle::current(),
            settings,
            announce: Box::new(announce),
            metrics,
            batches,
            waiting_bytes: Arc::clone(&waiting_bytes),
            busy_since: Arc::clone(&busy_since),
            refused: Arc::clone(&refused),
        };
        let handle = std::thread::Builder::new().name("writer".to_owned()).spawn(move || thread.run())?;
        Ok((Self { queue, waiting_bytes, busy_since, refused }, handle))
    }

    /// True while a batch takes longer than anybody waits for it: a webhook that came now would be 503.
    pub(super) fn is_stuck(&self) -> bool {
        let since = *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= COMMIT_TIMEOUT)
    }

    /// Why the last batch could not be stored, as long as that counts: a COMMIT that is refused and a disk that is full show
    /// nowhere else. An error that one webhook may have caused alone is none.
    pub(super) fn refused(&self) -> Option<Refusal> {
        let last = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(at, _)| at.elapsed() < BELIEVED).map(|(_, refusal)| refusal)
    }

    /// Queues a webhook and waits for its COMMIT. `Err` is short enough for the sender's log.
    pub(super) async fn store(&self, intake: Intake) -> Answer {
        let bytes = bytes(&intake);
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before + bytes > QUEUE_BYTES {
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(FULL);
        }
        let queued = self.queue.try_queue(Arc::new(intake)).map_err(|refusal| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            match refusal {
                NotQueued::Full => FULL,
                NotQueued::Ended => STOPPED,
            }
        })?;
        match tokio::time::timeout(COMMIT_TIMEOUT, queued).await {
            Ok(answer) => answer.unwrap_or(Err(STOPPED)),
            Err(_elapsed) => Err(SILENT),
        }
    }
}

struct Thread {
    /// With a connection of its own.
    store: Database,
    runtime: Handle,
    settings: WriterSettings,
    announce: Box<dyn Fn(Vec<Due>) + Send>,
    metrics: Metrics,
    batches: Batches<Arc<Intake>, Answer>,
    waiting_bytes: Arc<AtomicUsize>,
    busy_since: BusySince,
    refused: Refused,
}

impl Thread {
    fn run(mut self) {
        while let Some((intakes, answers)) = self.next_batch() {
            let bytes: usize = intakes.iter().map(|intake| bytes(intake)).sum();
            self.note_busy(Some(Instant::now()));
            self.commit_or_halve(intakes, answers);
            self.note_busy(None);
            self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
        }
    }

    /// Blocks for the first webhook, then takes what is waiting, up to the limits.
    fn next_batch(&mut self) -> Option<(Vec<Arc<Intake>>, Answers)> {
        let WriterSettings { batch_rows, batch_bytes, .. } = self.settings;
        let (mut rows, mut bytes_taken) = (0, 0);
        self.batches.blocking_next(|intake| {
            rows += intake.arrivals.len();
            bytes_taken += bytes(intake);
            rows <= batch_rows && bytes_taken <= batch_bytes
        })
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
    fn commit_or_halve(&self, intakes: Vec<Arc<Intake>>, mut answers: Answers) {
        let count = intakes.len();
        // Kept for the halves; a batch of one needs no second try.
        let copy = (count > 1).then(|| intakes.clone());
        let result = self.store(intakes);
        match (result, copy) {
            (Ok(stored), _) => {
                self.note_refused(None);
                self.answer(stored, answers);
            }
            // Cut off: something in the batch made us panic.
            (
                Err(error @ (DatabaseError::Query(_) | DatabaseError::Unreadable(_) | DatabaseError::CutOff)),
                Some(mut first),
            ) => {
                log::warn!(
                    event = "batch_split", webhooks = count;
                    "a batch failed; splitting it in two to find the webhook at fault: {}",
                    crate::logging::chain(&error)
                );
                let second = first.split_off(count / 2);
                let second_answers = answers.split_off(count / 2);
                self.commit_or_halve(first, answers);
                self.commit_or_halve(second, second_answers);
            }
            (Err(error), _) => {
                self.note_refused(Some(Refusal::of(&error)));
                log::error!(
                    event = "webhooks_not_stored", webhooks = count;
                    "webhooks could not be stored, answering 503: {}",
                    crate::logging::chain(&error)
                );
                answers.send(std::iter::repeat_with(|| Err(FAILED)));
            }
        }
    }

    fn store(&self, intakes: Vec<Arc<Intake>>) -> Result<Stored, DatabaseError> {
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

    fn answer(&self, stored: Stored, answers: Answers) {
        for fate in stored.fates.iter().flatten() {
            let decision = fate.dispatch_reason.map_or("pending", DispatchReason::as_str);
            self.metrics.alerts.with_label_values(&[decision]).inc();
        }
        answers.send(stored.fates.into_iter().map(Ok));
        (self.announce)(stored.due);
    }
}
