//! From a `request_id`, a fingerprint or an execution id to the whole story: our rows and StackStorm's.
//!
//! The two sides may be two servers, so they are read one after the other by lists of ids and put together here, for
//! `http` and `cli` alike. Nothing is written. Without StackStorm's tables our side is shown, and each answer says what is
//! missing ([`TablesState`]).

mod approvals;
mod by_status;
mod charts;
pub mod cursor;
pub(crate) mod durations;
pub(crate) mod effect;
mod executions;
pub(crate) mod explain;
pub(crate) mod from_api;
pub mod guards;
mod kept;
mod listing;
mod now;
mod orders;
mod processes;
mod routes;
pub(crate) mod st2_rows;
mod stats;
mod story;
pub(crate) mod timeline;

pub use approvals::Asked;
pub use charts::Charts;
pub use effect::Effect;
pub use executions::{ExecutionEntry, ExecutionFilter, ExecutionStory};
pub use listing::Listing;
pub use now::{Now, Standing};
pub use routes::RoutesUse;
pub use st2_rows::{ExecutionShown, TablesState};
pub use stats::{Counts, Day, Range, Stats, Workflow};
pub use story::{AlertAlone, AlertEntry, AlertStory, LinkStory, RequestEntry, RequestStory};
pub use timeline::Step;

use crate::{
    database::{Database, DatabaseError, connection::AnyConnection, statement_timeout::bounded},
    dispatcher::Routes,
    st2_tables::St2Tables,
    store::processes::Process,
};
use chrono::TimeDelta;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Our database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The question is about what only StackStorm's tables know.
    #[error("this needs StackStorm's tables, which cannot be read: {0}")]
    NoTables(String),
}

/// Both sides.
#[derive(Clone)]
pub struct History {
    store: Database,
    tables: St2Tables,
    web_url: Option<url::Url>,
    /// For display; nothing is decided by them here.
    routes: Option<KnownRoutes>,
    /// Walks over many links at once: each keeps a connection busy for seconds.
    walks: Arc<Semaphore>,
    charts: charts::KeptCharts,
    standing: Arc<kept::Kept<(Standing, Vec<Process>)>>,
    tallies: Arc<stats::Tallies>,
}

/// The routes that are shown.
#[derive(Clone)]
struct KnownRoutes {
    routes: Routes,
    cooldown: TimeDelta,
    max_age: TimeDelta,
}

/// How many walks at once.
const WALKS: usize = 2;

impl History {
    /// `web_url` is `ST2_WEB_URL`: with it executions carry a link to StackStorm's own page.
    pub fn new(store: Database, tables: St2Tables, web_url: Option<url::Url>) -> Self {
        Self {
            store,
            tables,
            web_url,
            routes: None,
            walks: Arc::new(Semaphore::new(WALKS)),
            charts: charts::KeptCharts::default(),
            standing: now::kept(),
            tallies: Arc::default(),
        }
    }

    /// Shows the limits of these routes next to their use. `cooldown`: `POUNDCAKE_REFIRE_COOLDOWN`,
    /// `max_age`: `POUNDCAKE_DISPATCH_MAX_AGE`.
    #[must_use]
    pub fn with_routes(self, routes: Routes, cooldown: TimeDelta, max_age: TimeDelta) -> Self {
        Self { routes: Some(KnownRoutes { routes, cooldown, max_age }), ..self }
    }

    /// The routes, if this process has a routes file.
    pub fn known_routes(&self) -> Option<Routes> {
        Some(self.routes.as_ref()?.routes.clone())
    }

    /// Our side, never for long.
    async fn ours<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.store.run(|conn| bounded(conn, read)).await
    }
}
