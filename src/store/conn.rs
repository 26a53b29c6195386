//! Connections to either database, chosen by the URL's scheme, and what every session is set to.

pub use super::target::UrlError;
use super::{
    any::{AnyConnection, each},
    pulse,
    target::{Scheme, Target},
};
use crate::secret::Secret;
use diesel::{
    Connection, ConnectionError,
    connection::{InstrumentationEvent, SimpleConnection},
};
use secrecy::ExposeSecret;
use std::time::Duration;

/// Which database; parsed once, with an error that says what to write. From a file it is read again for every connection.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    target: Target,
    file: Option<Secret>,
}

impl DatabaseUrl {
    /// Parses `mysql://`, `mysql+pymysql://`, `mariadb://` or `sqlite://path`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Ok(Self { target: Target::parse(text)?, file: None })
    }

    /// The same of `DATABASE_URL` or `DATABASE_URL_FILE`; the latter may change while the process runs.
    pub fn read(secret: Secret) -> Result<Self, UrlError> {
        Ok(Self { target: Target::parse(secret.read()?.expose_secret())?, file: Some(secret) })
    }

    /// True for SQLite: one writer, the database's clock is this process's.
    pub fn is_sqlite(&self) -> bool {
        #[cfg(feature = "sqlite")]
        {
            self.target.scheme == Scheme::Sqlite
        }
        #[cfg(not(feature = "sqlite"))]
        {
            false
        }
    }

    /// Host and database without credentials, for messages; as it was when the process started.
    pub fn label(&self) -> &str {
        &self.target.label
    }

    /// Opens one connection and sets its session; see `set_session` for what `patience` does there.
    pub fn connect(&self, patience: Option<Duration>) -> Result<AnyConnection, ConnectError> {
        let target = self.current();
        let label = || target.label.clone();
        let connected = match target.scheme {
            #[cfg(feature = "mysql")]
            Scheme::Mysql => establish_mysql(&target).map(AnyConnection::Mysql),
            #[cfg(feature = "sqlite")]
            Scheme::Sqlite => {
                diesel::SqliteConnection::establish(target.text.expose_secret()).map(AnyConnection::Sqlite)
            }
        };
        let mut conn = connected.map_err(|source| ConnectError::Connect { label: label(), source })?;
        each!(&mut conn, |c| c.set_instrumentation(|_: InstrumentationEvent<'_>| pulse::beat()));
        set_session(&mut conn, patience).map_err(|source| ConnectError::Session { label: label(), source })?;
        Ok(conn)
    }

    /// What the file says now. One that is just being replaced, or names another kind of database, changes nothing.
    fn current(&self) -> Target {
        let Some(file) = &self.file else { return self.target.clone() };
        match file.read().map_err(UrlError::from).and_then(|text| Target::parse(text.expose_secret())) {
            Ok(target) if target.scheme == self.target.scheme => target,
            Ok(_) => {
                log::warn!("DATABASE_URL_FILE names another kind of database; restart for that");
                self.target.clone()
            }
            Err(error) => {
                log::warn!(error:%; "DATABASE_URL_FILE cannot be used as it is now, so what it said at the start is");
                self.target.clone()
            }
        }
    }
}

/// With a bound on connecting, where the client library knows how.
#[cfg(feature = "mysql")]
fn establish_mysql(target: &Target) -> Result<diesel::MysqlConnection, ConnectionError> {
    let plain = || diesel::MysqlConnection::establish(target.text.expose_secret());
    let Some(bounded) = target.bounded() else { return plain() };
    match diesel::MysqlConnection::establish(bounded.expose_secret()) {
        // Another client library than MariaDB's takes the options for a name.
        Err(ConnectionError::BadConnection(text)) if text.contains("host=") => plain(),
        other => other,
    }
}

/// No connection could be had.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Refused, unknown host, wrong password, …
    #[error("cannot connect to the database {label}")]
    Connect {
        /// Which database.
        label: String,
        /// The client library's error.
        #[source]
        source: ConnectionError,
    },
    /// Connected, but the session could not be set up.
    #[error("cannot set up the session with the database {label}")]
    Session {
        /// Which database.
        label: String,
        /// The statement's error.
        #[source]
        source: diesel::result::Error,
    },
}

/// How long MariaDB waits for the next statement of a transaction, in seconds.
#[cfg(feature = "mysql")]
const IDLE_SECONDS: u64 = 10;
/// How much earlier than we MariaDB gives up.
#[cfg(feature = "mysql")]
const SERVER_FIRST: Duration = Duration::from_secs(2);

/// READ COMMITTED and short lock waits on MariaDB (any other shape of the episode transaction deadlocks or waits for 50 s);
/// the locks of a client that stands still or cannot be reached are freed after 10 s, not when its connection is found dead;
/// English messages because 1205 has no kind of its own in diesel. WAL with full sync on SQLite: 202 means on disk.
///
/// With `patience` MariaDB gives up [`SERVER_FIRST`] before we do: a statement that takes too long is an error and no silence
/// (COMMIT has no such bound), and a transaction that we give up before its COMMIT was sent has been rolled back by then.
fn set_session(conn: &mut AnyConnection, patience: Option<Duration>) -> Result<(), diesel::result::Error> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let statement = patience.map_or(0, |patience| patience.saturating_sub(SERVER_FIRST).as_secs().max(1));
            let idle = if statement == 0 { IDLE_SECONDS } else { statement.min(IDLE_SECONDS) };
            conn.batch_execute(&format!(
                "SET SESSION tx_isolation = 'READ-COMMITTED', SESSION innodb_lock_wait_timeout = 3, \
                 SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', SESSION lc_messages = 'en_US', \
                 SESSION autocommit = 1, SESSION idle_transaction_timeout = {idle}, SESSION max_statement_time = {statement}"
            ))
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            // There is no network to lose.
            _ = patience;
            conn.batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )
        }
    }
}
