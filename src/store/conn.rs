//! Connections to either database, chosen by the URL's scheme, and what every session is set to.

use super::any::AnyConnection;
use diesel::{Connection, ConnectionError, RunQueryDsl, connection::SimpleConnection, r2d2};
use secrecy::{ExposeSecret, SecretString};

/// Which database a URL names; parsed once, with an error that says what to write.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    scheme: Scheme,
    /// What diesel is given: `mysql://…` or a file path.
    target: SecretString,
    /// `host:port/database` or the path: safe to log.
    label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    #[cfg(feature = "mysql")]
    Mysql,
    #[cfg(feature = "sqlite")]
    Sqlite,
}

/// A `DATABASE_URL` that cannot be used; never shows the password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("DATABASE_URL is no URL; write mysql://user:password@host:3306/database or sqlite://path")]
    Syntax(#[source] url::ParseError),
    /// A scheme that this build does not serve.
    #[error("DATABASE_URL has the scheme {0:?}; this build knows {known}", known = KNOWN)]
    Scheme(String),
    /// `/`, `?`, `#` or `@` in the password as they are: they end the host or begin it.
    #[error(
        "DATABASE_URL has a character in user or password that must be percent-encoded: / ? # @ are %2F %3F %23 %40"
    )]
    Encoding,
    /// No database named.
    #[error("DATABASE_URL names no database; write mysql://user:password@host:3306/database")]
    NoDatabase,
    /// `sqlite://` with nothing behind it.
    #[error("DATABASE_URL names no file; write sqlite://path/to/poundcake.db")]
    NoPath,
}

#[cfg(all(feature = "mysql", feature = "sqlite"))]
const KNOWN: &str = "mysql:// (also mysql+pymysql://) and sqlite://";
#[cfg(all(feature = "mysql", not(feature = "sqlite")))]
const KNOWN: &str = "mysql:// only";
#[cfg(all(feature = "sqlite", not(feature = "mysql")))]
const KNOWN: &str = "sqlite:// only; build with the feature mysql for MariaDB";

impl DatabaseUrl {
    /// Parses `mysql://`, `mysql+pymysql://`, `mariadb://` or `sqlite://path`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme {
            #[cfg(feature = "mysql")]
            "mysql" | "mysql+pymysql" | "mariadb" => Self::mysql(rest),
            #[cfg(feature = "sqlite")]
            "sqlite" if rest.is_empty() => Err(UrlError::NoPath),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                Ok(Self { scheme: Scheme::Sqlite, target: rest.to_owned().into(), label: format!("sqlite {rest}") })
            }
            "" => Err(UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase)),
            other => Err(UrlError::Scheme(other.to_owned())),
        }
    }

    #[cfg(feature = "mysql")]
    fn mysql(rest: &str) -> Result<Self, UrlError> {
        let url = url::Url::parse(&format!("mysql://{rest}")).map_err(UrlError::Syntax)?;
        if url.fragment().is_some() || url.path().contains('@') || url.query().is_some_and(|query| query.contains('@'))
        {
            return Err(UrlError::Encoding);
        }
        let database = url.path().trim_matches('/');
        if database.is_empty() {
            return Err(UrlError::NoDatabase);
        }
        let label = format!("{}:{}/{database}", url.host_str().unwrap_or("localhost"), url.port().unwrap_or(3306));
        Ok(Self { scheme: Scheme::Mysql, target: url.to_string().into(), label })
    }

    /// True for SQLite: one writer, the database's clock is this process's.
    pub fn is_sqlite(&self) -> bool {
        #[cfg(feature = "sqlite")]
        {
            self.scheme == Scheme::Sqlite
        }
        #[cfg(not(feature = "sqlite"))]
        {
            false
        }
    }

    /// Host and database without credentials, for messages.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Opens one connection and sets its session.
    pub fn connect(&self) -> Result<AnyConnection, ConnectError> {
        let target = self.target.expose_secret();
        let connected = match self.scheme {
            #[cfg(feature = "mysql")]
            Scheme::Mysql => diesel::MysqlConnection::establish(target).map(AnyConnection::Mysql),
            #[cfg(feature = "sqlite")]
            Scheme::Sqlite => diesel::SqliteConnection::establish(target).map(AnyConnection::Sqlite),
        };
        let mut conn = connected.map_err(|source| ConnectError::Connect { label: self.label.clone(), source })?;
        set_session(&mut conn).map_err(|source| ConnectError::Session { label: self.label.clone(), source })?;
        Ok(conn)
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

/// READ COMMITTED and short lock waits on MariaDB (any other shape of the episode transaction deadlocks or waits for 50 s);
/// the locks of a client that stands still or cannot be reached are freed after 10 s, not when its connection is found dead;
/// English messages because 1205 has no kind of its own in diesel. WAL with full sync on SQLite: 202 means on disk.
fn set_session(conn: &mut AnyConnection) -> Result<(), diesel::result::Error> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => conn.batch_execute(
            "SET SESSION tx_isolation = 'READ-COMMITTED', SESSION innodb_lock_wait_timeout = 3, \
             SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', SESSION lc_messages = 'en_US', \
             SESSION autocommit = 1, SESSION idle_transaction_timeout = 10",
        ),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => conn.batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        ),
    }
}

/// r2d2's way to [`DatabaseUrl::connect`].
#[derive(Debug)]
pub struct Manager(pub DatabaseUrl);

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = ManagerError;

    fn connect(&self) -> Result<AnyConnection, ManagerError> {
        Ok(self.0.connect()?)
    }

    fn is_valid(&self, conn: &mut AnyConnection) -> Result<(), ManagerError> {
        diesel::sql_query("SELECT 1").execute(conn).map(|_| ()).map_err(ManagerError::Ping)
    }

    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        std::thread::panicking() || super::tx::is_in_transaction(conn)
    }
}

/// What the pool reports.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// See [`ConnectError`].
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An idle connection had died.
    #[error("the database connection has died")]
    Ping(#[source] diesel::result::Error),
}
