//! r2d2's side of the pool: what it keeps, when that still lives, and when it must not come back.
//!
//! r2d2 makes connections on threads of its own, for which nobody could set a bound: a server that goes silent after its
//! greeting would hold them for ever. So what r2d2 makes is an empty place, and whoever gets it first connects, on a thread
//! that is watched.

use super::{connection::AnyConnection, transaction, watchdog};
use diesel::r2d2;
use std::time::{Duration, Instant};

/// A connection that was used this short ago is not asked whether it lives.
const FRESH: Duration = Duration::from_secs(1);

/// A pooled connection.
pub(crate) struct Kept {
    /// `None` until somebody has connected.
    pub(crate) conn: Option<AnyConnection>,
    /// When its last work ended.
    pub(crate) used: Instant,
}

/// Makes and judges what is kept.
#[derive(Debug)]
pub(crate) struct Manager;

/// An idle connection had died.
#[derive(Debug, thiserror::Error)]
#[error("an idle connection has died")]
pub(crate) struct Died(#[from] diesel::result::Error);

impl r2d2::ManageConnection for Manager {
    type Connection = Kept;
    type Error = Died;

    fn connect(&self) -> Result<Kept, Died> {
        Ok(Kept { conn: None, used: Instant::now() })
    }

    /// Asked on the thread that wants the connection.
    fn is_valid(&self, kept: &mut Kept) -> Result<(), Died> {
        match &mut kept.conn {
            Some(conn) if kept.used.elapsed() >= FRESH => Ok(transaction::now(conn).map(|_| ())?),
            _ => Ok(()),
        }
    }

    /// What was given up must not come back, and neither what could not roll back.
    fn has_broken(&self, kept: &mut Kept) -> bool {
        std::thread::panicking() || watchdog::given_up() || kept.conn.as_mut().is_none_or(transaction::is_discarded)
    }
}

/// A connection that has died is nothing worth a warning: the next one is new.
#[derive(Debug)]
pub(crate) struct Quiet;

impl<E: std::error::Error> r2d2::HandleError<E> for Quiet {
    fn handle_error(&self, error: E) {
        log::debug!("{}", crate::logging::chain(&error));
    }
}
