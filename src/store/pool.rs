//! A few connections, shared, and a bound on every wait for the database.
//!
//! Each piece of work runs on a blocking thread. One that gets no answer for as long as the database may be silent (dropped
//! packets: a failover, a firewall, a partition) is given up: its caller is told [`StoreError::Silent`], its place is free
//! again, and every idle connection, as old as it, is dropped. The thread itself ends when the kernel gives up; so that no
//! number of partitions collects threads without an end, there is a [`LOST`] limit, beyond which the process must be
//! started anew ([`Pool::exhausted`]). Connecting is bounded by the client library, and few threads do it at once.

use super::{StoreError, any::AnyConnection, conn::DatabaseUrl, pulse::Pulse, tx};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How long a caller waits for a place, or for a turn to connect, before the database counts as unavailable.
const CHECKOUT: Duration = Duration::from_secs(5);
/// Threads that connect at once at most.
const CONNECTING: usize = 4;
/// A connection that was used this short ago is not asked whether it lives.
const FRESH: Duration = Duration::from_secs(1);
/// A process that stood still finds every wait over and the answers already there; so it looks once more.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// Given-up threads at most: some partitions in a row that each catch every connection.
const LOST: usize = 128;

/// The threads that were given up and have not ended, of all pools of a process.
#[derive(Clone, Default)]
pub(super) struct Lost {
    threads: Arc<AtomicUsize>,
    exhausted: CancellationToken,
}

impl Lost {
    pub(super) fn count(&self) -> usize {
        self.threads.load(Ordering::Acquire)
    }

    /// Ends when there are too many.
    pub(super) async fn exhausted(&self) {
        self.exhausted.cancelled().await;
    }

    fn add(&self) {
        if self.threads.fetch_add(1, Ordering::AcqRel) + 1 >= LOST {
            self.exhausted.cancel();
        }
    }

    fn remove(&self) {
        self.threads.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) struct Pool {
    url: DatabaseUrl,
    patience: Option<Duration>,
    slots: Arc<Semaphore>,
    connecting: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    lost: Lost,
}

struct Idle {
    conn: AnyConnection,
    since: Instant,
}

impl Pool {
    /// Connects to nothing yet. Without `patience` nothing is given up.
    pub(super) fn new(url: DatabaseUrl, size: u32, patience: Option<Duration>, lost: Lost) -> Self {
        let size = usize::try_from(size.max(1)).unwrap_or(1);
        Self {
            // SQLite has no network to lose.
            patience: patience.filter(|_| !url.is_sqlite()),
            url,
            slots: Arc::new(Semaphore::new(size)),
            connecting: Arc::new(Semaphore::new(CONNECTING)),
            idle: Mutex::default(),
            lost,
        }
    }

    pub(super) fn lost(&self) -> &Lost {
        &self.lost
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Runs `body` with a connection on a blocking thread. Dropping the future changes nothing of what is done.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(self);
        let run = tokio::spawn(async move {
            let slot = pool.turn(&pool.slots).await?;
            let idle = pool.idle().pop();
            let connecting = if idle.is_some() { None } else { Some(pool.turn(&pool.connecting).await?) };
            let done = pool.watched(idle, connecting, body).await;
            drop(slot);
            done
        });
        run.await.unwrap_or(Err(StoreError::CutOff))
    }

    /// The same on the calling thread, for as long as it takes.
    pub(super) fn run_blocking<T>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        self.work(idle, None, body)
    }

    async fn turn(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
        if self.lost.count() >= LOST {
            return Err(self.unavailable("too many statements were never answered; restart this process"));
        }
        match tokio::time::timeout(CHECKOUT, Arc::clone(places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.unavailable("all connections are busy, or wait for an answer")),
        }
    }

    /// Starts the thread and waits while it shows signs of life.
    async fn watched<T: Send + 'static>(
        self: &Arc<Self>,
        idle: Option<Idle>,
        connecting: Option<OwnedSemaphorePermit>,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (pool, pulse) = (Arc::clone(self), Pulse::new());
        let beating = Arc::clone(&pulse);
        let mut thread = tokio::task::spawn_blocking(move || {
            let lost = pool.lost.clone();
            let ended = |given_up: bool| {
                if given_up {
                    lost.remove();
                }
            };
            let _working = beating.enter(ended);
            pool.work(idle, connecting, body)
        });
        let Some(patience) = self.patience else { return thread.await.unwrap_or(Err(StoreError::CutOff)) };
        loop {
            let left = patience.saturating_sub(pulse.silent_for()).max(SECOND_LOOK);
            if let Some(done) = within(left, &mut thread).await {
                return done;
            }
            if pulse.silent_for() < patience {
                continue;
            }
            if let Some(done) = within(SECOND_LOOK, &mut thread).await {
                return done;
            }
            if pulse.silent_for() >= patience {
                return self.give_up(&pulse, patience, thread).await;
            }
        }
    }

    /// The thread may have ended this instant: then its answer counts.
    async fn give_up<T: Send + 'static>(
        &self,
        pulse: &Pulse,
        patience: Duration,
        thread: JoinHandle<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // Before the thread can take itself off.
        self.lost.add();
        if !pulse.give_up() {
            self.lost.remove();
            return thread.await.unwrap_or(Err(StoreError::CutOff));
        }
        self.forget_idle();
        let (database, lost, seconds) = (self.url.label(), self.lost.count(), patience.as_secs());
        log::warn!(database, lost; "the database was silent for {seconds} s: a connection is given up, the next one is new");
        Err(StoreError::Silent { label: self.url.label().to_owned(), seconds })
    }

    /// On the blocking thread: a connection that lives, the work, and the connection back if it is whole.
    fn work<T>(
        &self,
        idle: Option<Idle>,
        connecting: Option<OwnedSemaphorePermit>,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut conn = match idle.and_then(|idle| self.alive(idle)) {
            Some(conn) => conn,
            None => self.url.connect(self.patience)?,
        };
        drop(connecting);
        let done = body(&mut conn);
        match done {
            // What was given up must not come back.
            Ok(value) => {
                if !super::pulse::given_up() && !tx::is_in_transaction(&mut conn) {
                    self.idle().push(Idle { conn, since: Instant::now() });
                }
                Ok(value)
            }
            // Any error may have broken the connection, so it is dropped.
            Err(StoreError::Query(error)) if tx::now(&mut conn).is_err() => Err(self.cut_off(error)),
            Err(error) => Err(error),
        }
    }

    /// The statement is not at fault: its connection is gone, and the others with it.
    fn cut_off(&self, error: diesel::result::Error) -> StoreError {
        self.forget_idle();
        StoreError::Unavailable { label: self.url.label().to_owned(), source: Box::new(error) }
    }

    /// One that has died means that the others have too: the database was restarted, or is another one now.
    fn alive(&self, mut idle: Idle) -> Option<AnyConnection> {
        if idle.since.elapsed() < FRESH {
            return Some(idle.conn);
        }
        match tx::now(&mut idle.conn) {
            Ok(_) => Some(idle.conn),
            Err(error) => {
                log::debug!(error:%; "an idle connection has died");
                self.forget_idle();
                None
            }
        }
    }

    fn forget_idle(&self) {
        let dead = std::mem::take(&mut *self.idle());
        // Each says goodbye to its server; not with the lock held.
        drop(dead);
    }

    /// Nothing panics while it is held.
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, why: &'static str) -> StoreError {
        StoreError::Unavailable { label: self.url.label().to_owned(), source: why.into() }
    }
}

/// What a thread answers within a time.
async fn within<T>(time: Duration, thread: &mut JoinHandle<Result<T, StoreError>>) -> Option<Result<T, StoreError>> {
    let ended = tokio::time::timeout(time, thread).await.ok()?;
    Some(ended.unwrap_or(Err(StoreError::CutOff)))
}
