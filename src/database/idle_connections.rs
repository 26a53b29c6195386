//! The idle connections of a pool, kept by r2d2: when one is checked, and when one is dropped. The only file that names r2d2.
//!
//! r2d2 opens connections on threads of its own, on which a connect has no time limit: a server that goes silent after its
//! greeting would block them without an end. So r2d2 creates empty places. The first thread that takes a place connects,
//! and that thread is watched.

use super::{connection::AnyConnection, transaction, watchdog};
use diesel::r2d2;
use scheduled_thread_pool::ScheduledThreadPool;
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// A connection that was used within this time is not checked before its next use.
const FRESH: Duration = Duration::from_secs(1);

/// The idle connections; all of them are replaced when one is lost.
pub(crate) struct IdleConnections {
    size: u32,
    /// How long a caller waits for a place.
    checkout: Duration,
    /// r2d2's own thread, for all pools that follow each other.
    keeper: Arc<ScheduledThreadPool>,
    current: RwLock<r2d2::Pool<Manager>>,
}

impl IdleConnections {
    /// Connects to nothing yet.
    pub(crate) fn new(size: u32, checkout: Duration) -> Self {
        let keeper = Arc::new(ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("pool").build());
        let current = RwLock::new(places(size, checkout, &keeper));
        Self { size, checkout, keeper, current }
    }

    /// A place, with a connection that lives or with none; it comes back when it is dropped.
    pub(crate) fn take(&self) -> Result<r2d2::PooledConnection<Manager>, r2d2::PoolError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        current.get()
    }

    /// New places for all callers. Connections that are in use end with their work.
    pub(crate) fn replace(&self) {
        let new = places(self.size, self.checkout, &self.keeper);
        let old = std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), new);
        // Each of its connections says goodbye to its server; not with the lock held.
        drop(old);
    }
}

fn places(size: u32, checkout: Duration, keeper: &Arc<ScheduledThreadPool>) -> r2d2::Pool<Manager> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(checkout)
        .error_handler(Box::new(Quiet))
        .thread_pool(Arc::clone(keeper))
        .build_unchecked(Manager)
}

/// A pooled connection.
pub(crate) struct Kept {
    /// `None` until the first user has connected.
    pub(crate) conn: Option<AnyConnection>,
    /// When its last work ended.
    pub(crate) used: Instant,
}

/// Creates places and decides which connections stay.
#[derive(Debug)]
pub(crate) struct Manager;

/// An idle connection had died.
#[derive(Debug, thiserror::Error)]
#[error("an idle connection was dead")]
pub(crate) struct Died(#[from] diesel::result::Error);

impl r2d2::ManageConnection for Manager {
    type Connection = Kept;
    type Error = Died;

    fn connect(&self) -> Result<Kept, Died> {
        Ok(Kept { conn: None, used: Instant::now() })
    }

    /// Runs on the thread that takes the connection.
    fn is_valid(&self, kept: &mut Kept) -> Result<(), Died> {
        match &mut kept.conn {
            Some(conn) if kept.used.elapsed() >= FRESH => Ok(transaction::now(conn).map(|_| ())?),
            _ => Ok(()),
        }
    }

    /// Drops connections that were given up, and those whose rollback failed.
    fn has_broken(&self, kept: &mut Kept) -> bool {
        std::thread::panicking() || watchdog::given_up() || kept.conn.as_mut().is_none_or(transaction::is_discarded)
    }
}

/// A dead idle connection is no warning: the pool opens a new one.
#[derive(Debug)]
pub(crate) struct Quiet;

impl<E: std::error::Error> r2d2::HandleError<E> for Quiet {
    fn handle_error(&self, error: E) {
        log::debug!(event = "idle_connection_dropped"; "{}", crate::logging::chain(&error));
    }
}
