//! A few connections, shared, and a bound on every wait for the database.
//!
//! Each piece of work runs on a blocking thread with a connection of r2d2's. One that gets no answer for as long as the
//! database may be silent (dropped packets: a failover, a firewall, a partition) is given up: its caller is told
//! [`DatabaseError::Silent`], its place is free again, and a new r2d2 pool takes the place of the old one, whose connections are
//! as old as that one. The thread itself ends when the kernel gives up; so that no number of partitions collects threads
//! without an end, there is a [`LOST`] limit, beyond which the process must be started anew ([`Lost::exhausted`]).

use super::{
    DatabaseError,
    connect::DatabaseUrl,
    connection::AnyConnection,
    idle_connection::{Manager, Quiet},
    transaction,
    watchdog::{self, Pulse},
};
use diesel::r2d2;
use scheduled_thread_pool::ScheduledThreadPool;
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How long a caller waits for a place before the database counts as unavailable.
const CHECKOUT: Duration = Duration::from_secs(5);
/// How long a command waits for its connection: a person waits for the command.
const CONNECT: Duration = Duration::from_secs(15);
/// A process that stood still finds every wait over and the answers already there; so it looks once more.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// Given-up threads at most: some partitions in a row that each catch every connection.
const LOST: usize = 128;

/// The threads that were given up and have not ended, of all pools of a process.
#[derive(Clone, Default)]
pub(crate) struct Lost {
    threads: Arc<AtomicUsize>,
    exhausted: CancellationToken,
}

impl Lost {
    pub(crate) fn count(&self) -> usize {
        self.threads.load(Ordering::Acquire)
    }

    /// Ends when there are too many.
    pub(crate) async fn exhausted(&self) {
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

pub(crate) struct Pool {
    url: DatabaseUrl,
    size: u32,
    patience: Option<Duration>,
    slots: Arc<Semaphore>,
    /// Replaced when its connections are lost.
    current: RwLock<r2d2::Pool<Manager>>,
    /// r2d2's own thread, for all of them.
    keeper: Arc<ScheduledThreadPool>,
    lost: Lost,
}

impl Pool {
    /// Connects to nothing yet. Without `patience` nothing is given up.
    pub(crate) fn new(url: DatabaseUrl, size: u32, patience: Option<Duration>, lost: Lost) -> Self {
        let size = size.max(1);
        // SQLite has no network to lose.
        let patience = patience.filter(|_| !url.is_sqlite());
        let keeper = Arc::new(ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("pool").build());
        let current = RwLock::new(connections(size, &keeper));
        let slots = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Self { url, size, patience, slots, current, keeper, lost }
    }

    pub(crate) fn lost(&self) -> &Lost {
        &self.lost
    }

    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Runs `body` with a connection on a blocking thread. Dropping the future changes nothing of what is done.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let pool = Arc::clone(self);
        let run = tokio::spawn(async move {
            let slot = pool.turn().await?;
            let done = pool.watched(body).await;
            drop(slot);
            done
        });
        run.await.unwrap_or(Err(DatabaseError::CutOff))
    }

    /// The same on the calling thread, for as long as it takes.
    pub(crate) fn run_blocking<T>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.work(body)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, DatabaseError> {
        if self.lost.count() >= LOST {
            return Err(self.unavailable("too many statements were never answered; restart this process"));
        }
        match tokio::time::timeout(CHECKOUT, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.unavailable("all connections are busy, or wait for an answer")),
        }
    }

    /// Starts the thread and waits while it shows signs of life.
    async fn watched<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
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
            pool.work(body)
        });
        let Some(patience) = self.patience else { return self.once_connected(&pulse, thread).await };
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

    /// Without a bound on the work, and with one on connecting.
    async fn once_connected<T: Send + 'static>(
        self: &Arc<Self>,
        pulse: &Pulse,
        mut thread: JoinHandle<Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        if !self.url.is_sqlite() {
            if let Some(done) = within(CONNECT, &mut thread).await {
                return done;
            }
            if !pulse.is_connected() {
                return self.give_up(pulse, CONNECT, thread).await;
            }
        }
        thread.await.unwrap_or(Err(DatabaseError::CutOff))
    }

    /// The thread may have ended this instant: then its answer counts.
    async fn give_up<T: Send + 'static>(
        &self,
        pulse: &Pulse,
        patience: Duration,
        thread: JoinHandle<Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        // Before the thread can take itself off.
        self.lost.add();
        if !pulse.give_up() {
            self.lost.remove();
            return thread.await.unwrap_or(Err(DatabaseError::CutOff));
        }
        self.replace();
        let (database, lost, seconds) = (self.url.label(), self.lost.count(), patience.as_secs());
        log::warn!(database, lost; "the database was silent for {seconds} s: a connection is given up, the next one is new");
        Err(DatabaseError::Silent { label: self.url.label().to_owned(), seconds })
    }

    /// On the blocking thread: a connection that lives, the work, and the connection back if all went well.
    fn work<T>(&self, body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        let mut kept = self.current().get().map_err(|error| self.unavailable(error))?;
        let mut conn = match kept.conn.take() {
            Some(conn) => conn,
            None => self.url.connect(self.patience)?,
        };
        watchdog::connected();
        let done = body(&mut conn);
        match done {
            // The statement is not at fault: its connection is gone, and the others with it.
            Err(DatabaseError::Query(error)) if transaction::now(&mut conn).is_err() => {
                self.replace();
                Err(DatabaseError::Unavailable { label: self.url.label().to_owned(), source: Box::new(error) })
            }
            // Any error may have broken the connection (an interrupted statement leaves Connector/C's next one waiting for
            // ever), so it does not come back.
            Err(error) => Err(error),
            Ok(value) => {
                kept.conn = Some(conn);
                kept.used = Instant::now();
                Ok(value)
            }
        }
    }

    fn current(&self) -> r2d2::Pool<Manager> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// New connections for everybody. Those that are in use end with their work.
    fn replace(&self) {
        let new = connections(self.size, &self.keeper);
        let old = std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), new);
        // Each of its connections says goodbye to its server; not with the lock held.
        drop(old);
    }

    fn unavailable(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DatabaseError {
        DatabaseError::Unavailable { label: self.url.label().to_owned(), source: why.into() }
    }
}

/// Connects to nothing.
fn connections(size: u32, keeper: &Arc<ScheduledThreadPool>) -> r2d2::Pool<Manager> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(CHECKOUT)
        .error_handler(Box::new(Quiet))
        .thread_pool(Arc::clone(keeper))
        .build_unchecked(Manager)
}

/// What a thread answers within a time.
async fn within<T>(
    time: Duration,
    thread: &mut JoinHandle<Result<T, DatabaseError>>,
) -> Option<Result<T, DatabaseError>> {
    let ended = tokio::time::timeout(time, thread).await.ok()?;
    Some(ended.unwrap_or(Err(DatabaseError::CutOff)))
}
