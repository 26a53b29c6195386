//! Opens connections to MariaDB or SQLite, by the URL's scheme, and sets up each session.

#[cfg(feature = "mysql")]
use super::{client_library, known_texts, tls};
use super::{
    connection::{AnyConnection, each},
    refusal,
    session::{self, SessionError},
    url::{Scheme, ServerUrl},
    url_error::UrlError,
    watchdog,
};
use crate::{secret::Secret, trust::TlsFiles};
use diesel::{Connection, ConnectionError, connection::InstrumentationEvent};
use secrecy::ExposeSecret;
#[cfg(feature = "mysql")]
use std::sync::OnceLock;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Which database; parsed once, with an error that says what to write. From a file it is read again for every connection.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    server: ServerUrl,
    file: Option<Secret>,
    tls: TlsFiles,
    /// Set once known texts were read back: the client library stays the same for as long as the process lives.
    #[cfg(feature = "mysql")]
    reads_right: Arc<OnceLock<()>>,
    /// Why the database refused us last, of all connections of a process together.
    refusal: Arc<Mutex<Option<String>>>,
    announces: bool,
}

impl DatabaseUrl {
    /// Parses `mysql://`, `mysql+pymysql://`, `mariadb://` or `sqlite://path`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::new(text, None, TlsFiles::default())
    }

    /// The same of `DATABASE_URL` or `DATABASE_URL_FILE`; the latter may change while the process runs.
    pub fn read(secret: Secret, tls: TlsFiles) -> Result<Self, UrlError> {
        let text = secret.read()?;
        Self::new(text.expose_secret(), Some(secret), tls)
    }

    fn new(text: &str, file: Option<Secret>, tls: TlsFiles) -> Result<Self, UrlError> {
        let server = ServerUrl::parse(text, &tls)?;
        Ok(Self {
            server,
            file,
            tls,
            #[cfg(feature = "mysql")]
            reads_right: Arc::default(),
            refusal: Arc::default(),
            announces: false,
        })
    }

    /// True for SQLite: one writer, the database's clock is this process's.
    pub fn is_sqlite(&self) -> bool {
        #[cfg(feature = "sqlite")]
        {
            self.server.scheme == Scheme::Sqlite
        }
        #[cfg(not(feature = "sqlite"))]
        {
            false
        }
    }

    /// Host and database without credentials, for messages; as it was when the process started.
    pub fn label(&self) -> &str {
        &self.server.label
    }

    /// Opens one connection, sets its session, and reads back what every query relies on; see `session::set` for what
    /// `patience` does there.
    pub fn connect(&self, patience: Option<Duration>) -> Result<AnyConnection, ConnectError> {
        let connected = self.open(patience);
        if self.announces {
            self.announce(connected.as_ref().err());
        }
        connected
    }

    /// The same database, whose refusals are said in the log: for processes that run by themselves. A command ends with the
    /// error instead.
    #[must_use]
    pub fn announcing(mut self) -> Self {
        self.announces = true;
        self
    }

    /// Whether [`Self::announcing`].
    pub fn announces(&self) -> bool {
        self.announces
    }

    /// Says at the change, and not at every try, what a person must do.
    fn announce(&self, error: Option<&ConnectError>) {
        let refused = match error {
            Some(error @ (ConnectError::Refused { .. } | ConnectError::Library(_))) => Some(error.to_string()),
            // An outage says nothing about it.
            Some(_) => return,
            None => None,
        };
        let mut last = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        match &refused {
            Some(text) if last.as_ref() != Some(text) => log::error!(
                event = "database_refused";
                "{text}. PoundCake keeps trying"
            ),
            None if last.is_some() => log::info!(
                event = "database_usable", database = self.label();
                "the database accepts connections again"
            ),
            _ => {}
        }
        *last = refused;
    }

    fn open(&self, patience: Option<Duration>) -> Result<AnyConnection, ConnectError> {
        let server = self.current();
        let label = || server.label.clone();
        let connected = match server.scheme {
            #[cfg(feature = "mysql")]
            Scheme::Mysql => establish_mysql(&server).map(AnyConnection::Mysql),
            #[cfg(feature = "sqlite")]
            Scheme::Sqlite => {
                diesel::SqliteConnection::establish(server.text.expose_secret()).map(AnyConnection::Sqlite)
            }
        };
        let mut conn = connected.map_err(|source| ConnectError::of(label(), source))?;
        each!(&mut conn, |c| c.set_instrumentation(|_: InstrumentationEvent<'_>| watchdog::beat()));
        session::set(&mut conn, patience).map_err(|source| ConnectError::Session { label: label(), source })?;
        self.check(&mut conn, &server, patience)?;
        Ok(conn)
    }

    /// Texts first: nothing that is read later means anything while they read wrong.
    #[cfg(feature = "mysql")]
    fn check(
        &self,
        conn: &mut AnyConnection,
        server: &ServerUrl,
        patience: Option<Duration>,
    ) -> Result<(), ConnectError> {
        #[cfg_attr(not(feature = "sqlite"), expect(irrefutable_let_patterns, reason = "one variant in this build"))]
        let AnyConnection::Mysql(conn) = conn else { return Ok(()) };
        let failed = |source: SessionError| ConnectError::Session { label: server.label.clone(), source };
        if self.reads_right.get().is_none() {
            if let Some(difference) = known_texts::check(conn).map_err(|error| failed(error.into()))? {
                return Err(ConnectError::Library(unfit(&difference)));
            }
            self.reads_right.get_or_init(|| ());
        }
        if server.demands_tls() && !tls::is_encrypted(conn).map_err(|error| failed(error.into()))? {
            return Err(ConnectError::of(server.label.clone(), tls::plain_text()));
        }
        session::read_back(conn, patience).map_err(|error| match error {
            SessionError::Differs { .. } => ConnectError::Refused {
                label: server.label.clone(),
                text: error.to_string(),
                advice: session::SWALLOWED,
            },
            error @ SessionError::Query(_) => failed(error),
        })
    }

    #[cfg(not(feature = "mysql"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "SQLite is compiled in, and sets what it is told"
    )]
    fn check(&self, _: &mut AnyConnection, _: &ServerUrl, _: Option<Duration>) -> Result<(), ConnectError> {
        Ok(())
    }

    /// What the file says now. One that is just being replaced, or names another kind of database, changes nothing.
    fn current(&self) -> ServerUrl {
        let Some(file) = &self.file else { return self.server.clone() };
        match file.read().map_err(UrlError::from).and_then(|text| ServerUrl::parse(text.expose_secret(), &self.tls)) {
            Ok(server) if server.scheme == self.server.scheme => server,
            Ok(_) => {
                log::warn!(
                    event = "url_file_unusable";
                    "DATABASE_URL_FILE names another kind of database; using the value from startup until a restart"
                );
                self.server.clone()
            }
            Err(error) => {
                log::warn!(
                    event = "url_file_unusable", error:%;
                    "DATABASE_URL_FILE is unreadable or invalid; using the value from startup"
                );
                self.server.clone()
            }
        }
    }
}

/// With a bound on connecting and TLS as it was asked for, where the client library knows how.
#[cfg(feature = "mysql")]
fn establish_mysql(server: &ServerUrl) -> Result<diesel::MysqlConnection, ConnectionError> {
    let plain = || diesel::MysqlConnection::establish(server.text.expose_secret());
    let Some(bounded) = server.bounded() else {
        return if server.demands_tls() { Err(no_options()) } else { plain() };
    };
    match diesel::MysqlConnection::establish(bounded.expose_secret()) {
        // Another client library than MariaDB's takes the options for a name.
        Err(ConnectionError::BadConnection(text)) if text.contains("host=") => {
            if server.demands_tls() {
                Err(no_options())
            } else {
                plain()
            }
        }
        other => other,
    }
}

#[cfg(feature = "mysql")]
fn no_options() -> ConnectionError {
    let text = "TLS/SSL error: this client library takes no TLS options from PoundCake; it needs MariaDB Connector/C 3.3 or newer";
    ConnectionError::BadConnection(text.to_owned())
}

/// What is wrong with the client library, and what to install.
#[cfg(feature = "mysql")]
fn unfit(difference: &known_texts::Difference) -> String {
    let library = client_library::name_and_version().unwrap_or_else(|| "of unknown version".to_owned());
    let known_texts::Difference { place, found, sent } = difference;
    format!(
        "the database client library ({library}) reads wrong: {place} came back as {found}, and {sent} was sent. MariaDB \
         Connector/C 3.3.19 (Debian's libmariadb3 10.11.18) and 3.4.9 do this (CONC-821); install 3.3.20 (libmariadb3 10.11.19) or \
         newer: apt-get update && apt-get install libmariadb3"
    )
}

/// No connection could be had.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Refused, unknown host, too many connections, …: it may pass.
    #[error("cannot connect to the database {label}")]
    Connect {
        /// Which database.
        label: String,
        /// The client library's error.
        #[source]
        source: ConnectionError,
    },
    /// Wrong password, unknown database, a certificate that is not believed, …: a person has to do something.
    #[error("the database {label} cannot be used: {text}; {advice}")]
    Refused {
        /// Which database.
        label: String,
        /// The server's or the client library's words.
        text: String,
        /// What to do.
        advice: &'static str,
    },
    /// Connected, but the session is not what every query relies on.
    #[error("cannot set up the session with the database {label}")]
    Session {
        /// Which database.
        label: String,
        /// The statement's error, or the difference.
        #[source]
        source: SessionError,
    },
    /// The client library reads wrong: nothing may be read with it.
    #[error("{0}")]
    Library(String),
}

impl ConnectError {
    fn of(label: String, source: ConnectionError) -> Self {
        match refusal::advice(&source) {
            Some(advice) => Self::Refused { label, text: source.to_string(), advice },
            None => Self::Connect { label, source },
        }
    }
}
