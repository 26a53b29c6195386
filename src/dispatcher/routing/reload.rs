//! The routes file on disk, re-read when its content changes; an invalid one keeps the table that was in use.
//!
//! The content decides, not the file's time and size: images and packages fix times, and `cp -p` and `rsync -t` keep them.

use super::{table::RouteTable, yaml::RoutesError};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
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
    /// Of the content that the table was made from.
    digest: String,
    content: Content,
    error: Option<RoutesError>,
}

/// What the last look found: the whole file, or why it could not be read.
type Content = Result<String, RoutesError>;

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
        let content = read(path);
        let state = State { table: Arc::new(parse(&content)?), digest: digest(&content), content, error: None };
        Ok(Self { path: path.to_owned(), state: RwLock::new(state) })
    }

    /// The table in use.
    pub fn table(&self) -> Arc<RouteTable> {
        Arc::clone(&self.state().table)
    }

    /// Identifies the content of the table in use: 16 hex digits of its SHA-256.
    pub fn digest(&self) -> String {
        self.state().digest.clone()
    }

    /// What is wrong with the file as it stands, while an older table is in use.
    pub fn last_error(&self) -> Option<RoutesError> {
        self.state().error.clone()
    }

    /// Reads the file, and uses it if its content has changed. Touches the disk.
    pub fn refresh(&self) -> Refresh {
        let content = read(&self.path);
        if content == self.state().content {
            return Refresh::Unchanged;
        }
        let table = parse(&content);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let digest = digest(&content);
        state.content = content;
        match table {
            Ok(table) => {
                state.digest = digest;
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

fn read(path: &Path) -> Content {
    fs::read_to_string(path)
        .map_err(|error| RoutesError::Unreadable { path: path.display().to_string(), problem: error.to_string() })
}

fn digest(content: &Content) -> String {
    let hash = Sha256::digest(content.as_ref().map_or("", String::as_str));
    format!("{hash:x}").chars().take(16).collect()
}

fn parse(content: &Content) -> Result<RouteTable, RoutesError> {
    RouteTable::parse(content.as_ref().map_err(Clone::clone)?)
}

#[cfg(test)]
mod tests;
