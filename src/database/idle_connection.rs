//! The entries of the r2d2 pool: when an idle connection is checked, and when a connection is dropped.
//!
//! r2d2 opens connections on threads of its own, on which a connect has no time limit: a server that goes silent after its
//! greeting would block them without an end. So r2d2 creates empty entries. The first thread that takes an entry connects,
//! and that thread is watched.

use super::{connection::AnyConnection, transaction, watchdog};
use diesel::r2d2;
use std::time::{Duration, Instant};

/// A connection that was used within this time is not checked before its next use.
const FRESH: Duration = Duration::from_secs(1);

/// A pooled connection.
pub(crate) struct Kept {
    /// `None` until the first user has connected.
    pub(crate) conn: Option<AnyConnection>,
    /// When its last work ended.
    pub(crate) used: Instant,
}

/// Creates entries and decides which connections stay.
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
