//! StackStorm's tables in SQL: `execution_db` and its seven neighbours, written by the tracker only.
//!
//! They live where `ST2_DATABASE_URL` says, which may be another server, under `ST2_TABLE_PREFIX`: so they are never joined
//! with PoundCake's own here, but read by lists of ids. Only the tracker writes; ingest and dispatcher need SELECT, and
//! work without the tables too: a read then says [`Found::NotThere`].
//!
//! diesel's `table!` knows names at compile time only. The prefix is checked once ([`TablePrefix`]) and put into the text
//! of each statement; values are always bound.

pub mod catalog;
mod prefix;
pub mod read;
pub mod schema;
mod statement;
pub mod tracking;
pub mod upsert;

pub use prefix::{InvalidPrefix, TablePrefix};
pub use read::{ExecutionRow, Found, Outcome};

use crate::{
    database::{Database, DatabaseError, connection::AnyConnection},
    model::execution_status::ExecutionStatus,
    text_enum,
};

text_enum! {
    /// What the tracker does with a row: the column `tracking`.
    pub enum Tracking {
        /// Not ended yet, or its children are not all there yet.
        Following = "following",
        /// Followed, and unfinished for longer than `POUNDCAKE_EXECUTION_DEADLINE`.
        Overdue = "overdue",
        /// Ended; nothing will change.
        Done = "done",
        /// StackStorm has deleted it: the row stays as it was.
        Gone = "gone",
    }
}

/// Some of StackStorm's statuses, as a list in SQL.
pub(crate) fn statuses(chosen: impl Fn(ExecutionStatus) -> bool) -> String {
    let chosen = ExecutionStatus::ALL.iter().filter(|status| chosen(**status));
    chosen.map(|status| format!("'{status}'")).collect::<Vec<_>>().join(", ")
}

/// Those after which nothing comes.
pub(crate) fn terminal_statuses() -> String {
    statuses(ExecutionStatus::is_terminal)
}

/// Where the tables are.
#[derive(Clone)]
pub struct St2Tables {
    /// The database that holds them.
    pub store: Database,
    /// What stands before their names.
    pub prefix: TablePrefix,
}

impl St2Tables {
    /// The rows of these executions. What cannot be had is said, and is no error: history goes on without it.
    pub async fn executions(&self, ids: Vec<String>) -> Found<ExecutionRow> {
        self.read(move |conn, prefix| read::executions(conn, prefix, &ids)).await
    }

    /// The same without what may be large.
    pub async fn outcomes(&self, ids: Vec<String>) -> Found<Outcome> {
        self.read(move |conn, prefix| read::outcomes(conn, prefix, &ids)).await
    }

    /// The tasks of an execution, without what may be large, in the order they started; at most [`read::CHILDREN`].
    pub async fn children(&self, parent: String) -> Found<Outcome> {
        self.read(move |conn, prefix| read::children(conn, prefix, &parent)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut AnyConnection, &TablePrefix) -> Result<Found<T>, DatabaseError> + Send + 'static,
    ) -> Found<T> {
        let prefix = self.prefix.clone();
        let read = self.store.run(move |conn| body(conn, &prefix)).await;
        read.unwrap_or_else(|error| Found::NotThere(crate::logging::chain(&error)))
    }

    /// Fails unless the tables are exactly this program's, naming the command to run.
    pub async fn require_schema(&self) -> Result<(), DatabaseError> {
        let prefix = self.prefix.clone();
        self.store
            .run(move |conn| schema::status(conn, &prefix)?.require_current_of("the schema of StackStorm's tables"))
            .await
    }
}
