//! r2d2's side of the pool: how a connection is made, when it still lives, and when it must not come back.

use super::{
    any::AnyConnection,
    conn::{ConnectError, DatabaseUrl},
    pulse, tx,
};
use crate::logging::chain;
use diesel::r2d2;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A connection that was used this short ago is not asked whether it lives.
const FRESH: Duration = Duration::from_secs(1);

/// A pooled connection.
pub(super) struct Kept {
    pub(super) conn: AnyConnection,
    /// When its last work ended.
    pub(super) used: Instant,
}

/// Makes and judges connections.
#[derive(Debug)]
pub(super) struct Manager {
    pub(super) url: DatabaseUrl,
    pub(super) patience: Option<Duration>,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Kept;
    type Error = ManagerError;

    fn connect(&self) -> Result<Kept, ManagerError> {
        Ok(Kept { conn: self.url.connect(self.patience)?, used: Instant::now() })
    }

    fn is_valid(&self, kept: &mut Kept) -> Result<(), ManagerError> {
        if kept.used.elapsed() < FRESH {
            return Ok(());
        }
        tx::now(&mut kept.conn).map(|_| ()).map_err(ManagerError::Died)
    }

    /// What was given up must not come back, and neither what could not roll back.
    fn has_broken(&self, kept: &mut Kept) -> bool {
        std::thread::panicking() || pulse::given_up() || tx::is_in_transaction(&mut kept.conn)
    }
}

/// What the pool reports.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManagerError {
    /// See [`ConnectError`].
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An idle connection had died.
    #[error("an idle connection has died")]
    Died(#[source] diesel::result::Error),
}

/// The last connect that failed, for those who wait for a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Option<(Instant, String)>>>);

impl Failures {
    /// What went wrong, if it was after this moment.
    pub(super) fn since(&self, begun: Instant) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| *at >= begun).map(|(_, text)| text.clone())
    }
}

impl r2d2::HandleError<ManagerError> for Failures {
    fn handle_error(&self, error: ManagerError) {
        let text = chain(&error);
        log::debug!("{text}");
        if matches!(error, ManagerError::Connect(_)) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), text));
        }
    }
}
