//! The connection pool, with a limit on every wait for the database.
//!
//! Each piece of work runs on a blocking thread with a pooled connection. If the database stays silent for longer than
//! `POUNDCAKE_DB_TIMEOUT` (a failover, a firewall or a partition drops packets), the pool gives the thread up: the caller gets
//! [`DatabaseError::Silent`], the slot is free again, and new idle connections replace the old ones, because those are as
//! old as the silent one. The thread ends when the kernel gives up. So that many partitions do not collect threads without
//! a limit, the process must restart at [`LOST`] such threads ([`Lost::exhausted`]).

use super::{
    DatabaseError,
    connect::DatabaseUrl,
    connection::AnyConnection,
    idle_connections::IdleConnections,
    transaction,
    watchdog::{self, Pulse},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How long a caller waits for a free slot before the database counts as unavailable.
const CHECKOUT: Duration = Duration::from_secs(5);
/// How long a command waits for its connection: a person waits for the command.
const CONNECT: Duration = Duration::from_secs(15);
/// After a stop of the whole process (SIGSTOP) every timeout has passed and the answers may be there, so look once more.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// Most given-up threads: enough for several partitions in a row that each catch every connection.
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
    patience: Option<Duration>,
    slots: Arc<Semaphore>,
    idle: IdleConnections,
    lost: Lost,
}

impl Pool {
    /// Opens no connection yet. Without `patience` no thread is given up.
    pub(crate) fn new(url: DatabaseUrl, size: u32, patience: Option<Duration>, lost: Lost) -> Self {
        let size = size.max(1);
        // SQLite has no network to lose.
        let patience = patience.filter(|_| !url.is_sqlite());
        let idle = IdleConnections::new(size, CHECKOUT);
        let slots = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Self { url, patience, slots, idle, lost }
    }

    pub(crate) fn lost(&self) -> &Lost {
        &self.lost
    }

    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Runs `body` with a connection on a blocking thread. Dropping the future does not stop the work.
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
            _ => Err(self.unavailable("all connections are busy or wait for an answer")),
        }
    }

    /// Starts the thread and waits as long as it beats.
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

    /// No limit on the work, but one on connecting.
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

    /// If the thread has ended at this moment, its answer counts.
    async fn give_up<T: Send + 'static>(
        &self,
        pulse: &Pulse,
        patience: Duration,
        thread: JoinHandle<Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        // Count before the thread can uncount itself.
        self.lost.add();
        if !pulse.give_up() {
            self.lost.remove();
            return thread.await.unwrap_or(Err(DatabaseError::CutOff));
        }
        self.idle.replace();
        let (database, lost, seconds) = (self.url.label(), self.lost.count(), patience.as_secs());
        log::warn!(
            event = "database_silent", database, lost;
            "no answer from the database for {seconds} s; dropping the connection"
        );
        Err(DatabaseError::Silent { label: self.url.label().to_owned(), seconds })
    }

    /// On the blocking thread: takes a live connection, does the work, and returns the connection after a success.
    fn work<T>(&self, body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        let mut kept = self.idle.take().map_err(|error| self.unavailable(error))?;
        let mut conn = match kept.conn.take() {
            Some(conn) => conn,
            None => self.url.connect(self.patience)?,
        };
        watchdog::connected();
        let done = body(&mut conn);
        match done {
            // Not the statement failed: its connection is lost, and probably the idle ones too.
            Err(DatabaseError::Query(error)) if transaction::now(&mut conn).is_err() => {
                self.idle.replace();
                Err(DatabaseError::Unavailable { label: self.url.label().to_owned(), source: Box::new(error) })
            }
            // Any error may have broken the connection (after an interrupted statement Connector/C's next one can wait
            // without an end), so it is dropped.
            Err(error) => Err(error),
            Ok(value) => {
                kept.conn = Some(conn);
                kept.used = Instant::now();
                Ok(value)
            }
        }
    }

    fn unavailable(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DatabaseError {
        DatabaseError::Unavailable { label: self.url.label().to_owned(), source: why.into() }
    }
}

/// The result of a thread, if it comes within this time.
async fn within<T>(
    time: Duration,
    thread: &mut JoinHandle<Result<T, DatabaseError>>,
) -> Option<Result<T, DatabaseError>> {
    let ended = tokio::time::timeout(time, thread).await.ok()?;
    Some(ended.unwrap_or(Err(DatabaseError::CutOff)))
}
