//! The routes file on disk, re-read when it changes; an invalid one keeps the table that was in use.

use super::{RouteTable, RoutesError};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::SystemTime,
};

/// A routes file in use. It is shared between tasks; [`Self::refresh`] is called now and then by one of them.
#[derive(Debug)]
pub struct RoutesFile {
    path: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    table: Arc<RouteTable>,
    stamp: Stamp,
    error: Option<RoutesError>,
}

/// By what a change is seen; `None` while the file cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

/// What a look at the file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// It is the one that was read last, good or bad.
    Unchanged,
    /// It changed, and the new table is in use.
    Loaded,
    /// It changed and is invalid: the old table stays. Said once per change.
    Kept(RoutesError),
}

impl RoutesFile {
    /// Reads the file for the first time; there is no old table to keep, so an invalid one is an error.
    pub fn open(path: &Path) -> Result<Self, RoutesError> {
        let (stamp, table) = read(path);
        let state = State { table: Arc::new(table?), stamp, error: None };
        Ok(Self { path: path.to_owned(), state: RwLock::new(state) })
    }

    /// The table in use.
    pub fn table(&self) -> Arc<RouteTable> {
        Arc::clone(&self.state().table)
    }

    /// What is wrong with the file as it stands, while an older table is in use.
    pub fn last_error(&self) -> Option<RoutesError> {
        self.state().error.clone()
    }

    /// Reads the file again if its time or length has changed. Touches the disk: one `stat`, mostly.
    pub fn refresh(&self) -> Refresh {
        if stamp(&self.path).ok() == self.state().stamp {
            return Refresh::Unchanged;
        }
        let (stamp, table) = read(&self.path);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.stamp = stamp;
        match table {
            Ok(table) => {
                state.table = Arc::new(table);
                state.error = None;
                Refresh::Loaded
            }
            Err(error) => {
                state.error = Some(error.clone());
                Refresh::Kept(error)
            }
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        // Nothing panics while it is held for writing, and a state is replaced whole.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stamp is taken first: a write that comes between is seen as a change next time.
fn read(path: &Path) -> (Stamp, Result<RouteTable, RoutesError>) {
    let unreadable =
        |error: io::Error| RoutesError::Unreadable { path: path.display().to_string(), problem: error.to_string() };
    match stamp(path) {
        Ok(stamp) => {
            let text = fs::read_to_string(path).map_err(unreadable);
            (Some(stamp), text.and_then(|text| RouteTable::parse(&text)))
        }
        Err(error) => (None, Err(unreadable(error))),
    }
}

fn stamp(path: &Path) -> io::Result<(SystemTime, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.modified()?, metadata.len()))
}
