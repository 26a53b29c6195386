//! All SQL: our three tables and StackStorm's, on MariaDB or SQLite, with one set of queries.
//!
//! Every change of an alert's state is one guarded UPDATE here; losing the race is a value.
//! Files: `conn` and `tx` are the ground; `api_calls`, `alerts` and `links` one table each;
//! `intake` (the webhook transaction), `due` (relay), `claims` (dispatcher) are the flows over them; `selection`, `repair`
//! and `prune` are what people do by hand; `history` (in pages of `page`, none longer than `bounded` allows) and
//! `depth` are what people and Prometheus read; `executions` is StackStorm's side, which may be another server.

pub mod alerts;
pub mod any;
pub mod api_calls;
pub mod awaiting;
pub mod bounded;
pub mod claims;
pub mod conn;
pub mod depth;
pub mod dispatch_log;
pub mod due;
pub mod executions;
pub mod history;
mod ids;
pub mod intake;
pub mod links;
pub mod migrate;
mod openers;
pub mod packet;
pub mod page;
pub mod prune;
pub mod records;
pub mod repair;
pub mod schema;
pub mod selection;
pub mod tx;

use any::AnyConnection;
use conn::{ConnectError, DatabaseUrl, Manager};
use diesel::r2d2;
use std::time::Duration;

/// How long a caller waits for a pooled connection before the database counts as unavailable.
const CHECKOUT: Duration = Duration::from_secs(5);

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection: refused, wrong password, too many connections, pool exhausted.
    #[error("no connection to the database {label}")]
    Unavailable {
        /// Host and database.
        label: String,
        /// The pool's or the client library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A statement failed.
    #[error("a database statement failed")]
    Query(#[from] diesel::result::Error),
    /// COMMIT was sent and not answered: the rows may be there or not.
    #[error("the database did not answer COMMIT")]
    CommitUnknown(#[source] diesel::result::Error),
    /// What was read changed before the write; the transaction begins anew.
    #[error("another writer changed the same rows")]
    Raced,
    /// The schema is not ours.
    #[error("{0}")]
    Schema(String),
    /// A migration failed.
    #[error("a migration failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement took longer than `bounded` allows.
    #[error(
        "the database needs too long for this; ask for less: narrow it with from and to, or with a more exact filter"
    )]
    TooLong,
    /// The blocking task was cut off by shutdown.
    #[error("the database task was cut off")]
    CutOff,
}

/// A pool of connections to one database.
#[derive(Clone)]
pub struct Store {
    pool: r2d2::Pool<Manager>,
    url: DatabaseUrl,
}

impl Store {
    /// Makes the pool without connecting: the database may come later.
    pub fn new(url: DatabaseUrl, size: u32) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(0))
            .connection_timeout(CHECKOUT)
            .error_handler(Box::new(QuietErrors))
            .build_unchecked(Manager(url.clone()));
        Self { pool, url }
    }

    /// Host and database without credentials.
    pub fn label(&self) -> &str {
        self.url.label()
    }

    /// True on SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.url.is_sqlite()
    }

    /// A connection of one's own, outside the pool: for a writer thread that keeps it.
    pub fn connect(&self) -> Result<AnyConnection, StoreError> {
        self.url.connect().map_err(|error| self.unavailable(error))
    }

    /// Runs `body` with a pooled connection on a blocking thread.
    pub async fn run<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.run_blocking(body)).await.unwrap_or(Err(StoreError::CutOff))
    }

    /// The same on the calling thread.
    pub fn run_blocking<T>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut conn = self.pool.get().map_err(|error| self.unavailable(error))?;
        body(&mut conn)
    }

    fn unavailable(&self, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Unavailable { label: self.label().to_owned(), source: Box::new(source) }
    }

    /// Checks that the database answers; what `/readyz` means.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.run(|conn| Ok(tx::now(conn).map(|_| ())?)).await
    }

    /// Fails unless the schema is exactly this program's, naming the command to run.
    pub async fn require_schema(&self) -> Result<(), StoreError> {
        self.run(|conn| migrate::status(conn)?.require_current()).await
    }
}

impl AsRef<Self> for StoreError {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        let (ConnectError::Connect { label, .. } | ConnectError::Session { label, .. }) = &error;
        Self::Unavailable { label: label.clone(), source: Box::new(error) }
    }
}

/// r2d2 logs every failed connect at ERROR; callers already say what they wait for.
#[derive(Debug)]
struct QuietErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for QuietErrors {
    fn handle_error(&self, error: E) {
        log::debug!(error:% = error; "pool connection failed");
    }
}
