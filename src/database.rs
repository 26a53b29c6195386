//! What every query needs: the URL, connections, transactions, errors, migrations and the schema.
//!
//! Knows nothing of alerts or dispatches; [`crate::store`] has the queries on our tables, [`crate::st2_tables`] those on
//! StackStorm's.

#[cfg(feature = "mysql")]
pub mod client_library;
pub mod connect;
pub mod connection;
pub mod datetime;
pub(crate) mod error_texts;
pub mod galera;
pub(crate) mod idle_connections;
pub(crate) mod inserted_ids;
pub mod json;
#[cfg(feature = "mysql")]
pub(crate) mod known_texts;
pub mod max_packet;
#[cfg(feature = "mysql")]
pub(crate) mod migration_ledger;
pub mod migrations;
pub mod page;
pub(crate) mod pool;
pub(crate) mod prepared;
pub(crate) mod refusal;
pub mod schema;
pub mod server;
pub(crate) mod session;
pub mod sizes;
pub mod statement_timeout;
#[cfg(feature = "mysql")]
pub(crate) mod tls;
pub mod transaction;
pub(crate) mod url;
pub mod url_error;
pub(crate) mod watchdog;

use std::{sync::Arc, time::Duration};
use {
    connect::{ConnectError, DatabaseUrl},
    connection::AnyConnection,
    pool::{Lost, Pool},
};

/// Why the database could not do it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection: refused, wrong password, too many connections, pool exhausted.
    #[error("no connection to the database {label}")]
    Unavailable {
        /// Host and database.
        label: String,
        /// The pool's or the client library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Wrong password, unknown database, a certificate that is not believed: a person has to do something.
    #[error("the database {label} cannot be used: {text}; {advice}")]
    Refused {
        /// Host and database.
        label: String,
        /// The server's or the client library's words.
        text: String,
        /// What to do.
        advice: &'static str,
    },
    /// The client library, or the server, does not do what every query relies on: nothing may be concluded from what is read.
    #[error("{0}")]
    Unfit(String),
    /// A statement failed.
    #[error("a database statement failed")]
    Query(#[from] diesel::result::Error),
    /// COMMIT was sent and not answered: the rows may be there or not.
    #[error("the database did not answer COMMIT")]
    CommitUnknown(#[source] diesel::result::Error),
    /// No answer for as long as the database may be silent: what was under way is done, will be undone, or neither is known.
    #[error("the database {label} was silent for {seconds} s")]
    Silent {
        /// Host and database.
        label: String,
        /// How long it may be.
        seconds: u64,
    },
    /// What was read changed before the write; the transaction is retried.
    #[error("another writer changed the same rows")]
    Raced,
    /// What a row says cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The schema is not ours.
    #[error("{0}")]
    Schema(String),
    /// A migration failed.
    #[error("a migration failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement took longer than `statement_timeout` allows.
    #[error("query timed out; narrow it with `from` and `to` or with a more selective filter")]
    TooLong,
    /// The blocking task was cut off by shutdown.
    #[error("the database task was cut off")]
    CutOff,
}

/// A pool of connections to one database.
#[derive(Clone)]
pub struct Database {
    pool: Arc<Pool>,
    url: DatabaseUrl,
}

impl Database {
    /// Makes the pool without connecting: the database may come later. Waits for its answers without a limit: for commands
    /// that a person watches.
    pub fn new(url: DatabaseUrl, size: u32) -> Self {
        Self::make(url, size, None, Lost::default())
    }

    /// The same for processes that run by themselves: a connection that has no answer for `patience` is given up.
    pub fn bounded(url: DatabaseUrl, size: u32, patience: Duration) -> Self {
        Self::make(url.announcing(), size, Some(patience), Lost::default())
    }

    /// The same for a command: a connection that is refused is an error of the command, and nothing in the log.
    pub fn watched(url: DatabaseUrl, size: u32, patience: Duration) -> Self {
        Self::make(url, size, Some(patience), Lost::default())
    }

    /// Whether both have the same connections.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pool, &other.pool)
    }

    /// The same database with another patience and connections of its own; lost threads count together.
    #[must_use]
    pub fn with_patience(&self, size: u32, patience: Duration) -> Self {
        Self::make(self.url.clone(), size, Some(patience), self.pool.lost().clone())
    }

    /// The same database and patience with one connection of its own: for a writer that never waits for others.
    #[must_use]
    pub fn single(&self) -> Self {
        Self::make(self.url.clone(), 1, self.pool.patience(), self.pool.lost().clone())
    }

    fn make(url: DatabaseUrl, size: u32, patience: Option<Duration>, lost: Lost) -> Self {
        Self { pool: Arc::new(Pool::new(url.clone(), size, patience, lost)), url }
    }

    /// Threads that still wait for an answer after their caller has given up.
    pub fn lost_threads(&self) -> usize {
        self.pool.lost().count()
    }

    /// Ends when there are too many of them: only a new process helps.
    pub async fn exhausted(&self) {
        self.pool.lost().exhausted().await;
    }

    /// Host and database without credentials.
    pub fn label(&self) -> &str {
        self.url.label()
    }

    /// True on SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.url.is_sqlite()
    }

    /// Whether a refused connection is said in the log when it happens: so it is in processes that run by themselves. Commands
    /// end with the error.
    pub fn announces(&self) -> bool {
        self.url.announces()
    }

    /// A connection of one's own, outside the pool.
    pub fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        Ok(self.url.connect(None)?)
    }

    /// Runs `body` with a pooled connection on a blocking thread. After [`DatabaseError::Silent`] the result is
    /// unknown; a transaction whose COMMIT was not sent by then is never committed.
    pub async fn run<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.pool.run(body).await
    }

    /// The same on the calling thread, for as long as it takes.
    pub fn run_blocking<T>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.pool.run_blocking(body)
    }

    /// Checks that the database answers.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.run(|conn| Ok(transaction::now(conn).map(|_| ())?)).await
    }

    /// Fails unless the schema is exactly this program's, naming the command to run.
    pub async fn require_schema(&self) -> Result<(), DatabaseError> {
        self.run(|conn| migrations::status(conn)?.require_current()).await
    }
}

impl DatabaseError {
    /// How loud a loop that tries again says it. What a person must change was said at the change, see [`Database::announces`].
    pub fn level(&self) -> log::Level {
        match self {
            Self::Refused { .. } => log::Level::Debug,
            _ => log::Level::Warn,
        }
    }
}

impl AsRef<Self> for DatabaseError {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl From<ConnectError> for DatabaseError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused { label, text, advice } => Self::Refused { label, text, advice },
            ConnectError::Library(text) => Self::Unfit(text),
            ConnectError::Connect { ref label, .. } | ConnectError::Session { ref label, .. } => {
                Self::Unavailable { label: label.clone(), source: Box::new(error) }
            }
        }
    }
}
