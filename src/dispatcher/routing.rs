//! The routes in force: from the file, re-read when it changes, or the one route that is there without a file.

mod guards_yaml;
pub mod reload;
pub mod route;
pub mod table;
pub mod yaml;

use crate::metrics::Metrics;
use reload::{Refresh, RoutesFile};
use std::{path::Path, sync::Arc, time::Duration};
use table::RouteTable;
use tokio_util::sync::CancellationToken;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where alerts go. Cheap to clone.
#[derive(Clone)]
pub enum Routes {
    /// No file: everything to one StackStorm webhook.
    Fixed(Arc<RouteTable>),
    /// `POUNDCAKE_ROUTES`.
    File(Arc<RoutesFile>),
}

impl Routes {
    /// Reads the file for the first time; an invalid one is an error that names what to change.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        Ok(match path {
            None => Self::Fixed(Arc::new(RouteTable::without_file()?)),
            Some(path) => Self::File(Arc::new(RoutesFile::open(path)?)),
        })
    }

    /// The table in force now.
    pub fn table(&self) -> Arc<RouteTable> {
        match self {
            Self::Fixed(table) => Arc::clone(table),
            Self::File(file) => file.table(),
        }
    }

    /// Identifies the file in use: 16 hex digits of its SHA-256. `None` without a file.
    pub fn digest(&self) -> Option<String> {
        match self {
            Self::Fixed(_) => None,
            Self::File(file) => Some(file.digest()),
        }
    }

    /// Looks at the file until cancelled; an invalid one keeps the old table, is logged once and shown as a metric.
    pub async fn watch(self, metrics: Metrics, stop: CancellationToken) {
        let Self::File(file) = self else { return };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let looked = Arc::clone(&file);
            match tokio::task::spawn_blocking(move || looked.refresh()).await {
                Ok(Refresh::Loaded) => {
                    metrics.routes_invalid.set(0);
                    log::info!(event = "routes_changed"; "the routes file has changed; using the new routes");
                }
                Ok(Refresh::Kept(error)) => {
                    metrics.routes_invalid.set(1);
                    log::error!(event = "routes_invalid"; "the routes file is invalid; using the old routes: {error}");
                }
                Ok(Refresh::Unchanged) | Err(_) => {}
            }
        }
    }
}
