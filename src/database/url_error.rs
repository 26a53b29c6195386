//! Why a `DATABASE_URL` cannot be used, and what to write instead.

use crate::trust::TrustError;

/// A `DATABASE_URL` that cannot be used; never shows the password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("DATABASE_URL is not a URL; write mysql://user:password@host:3306/database or sqlite://path")]
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
    /// More than a name after the host: a `/` at the end is one.
    #[error(
        "DATABASE_URL has {0:?} where the database's name should be; take the extra / out: \
         mysql://user:password@host:3306/database"
    )]
    Path(String),
    /// An `ssl_mode` that the client library cannot give.
    #[error(
        "DATABASE_URL asks for ssl_mode={0}, which MariaDB's client library cannot give; it can give ssl_mode=verify_identity \
         (encrypted, certificate and host name checked), required (encrypted, nothing checked), preferred and disabled"
    )]
    SslMode(String),
    /// TLS asked for in another client's words.
    #[error(
        "DATABASE_URL has the parameter {0}, which nothing reads; for TLS write ssl_mode=verify_identity, and name a private CA \
         with POUNDCAKE_DB_CA_FILE or ssl_ca"
    )]
    TlsParameter(String),
    /// Files that nothing would look at.
    #[error(
        "DATABASE_URL has ssl_mode={0}, which checks no certificate, and a CA or a client certificate is named; write \
         ssl_mode=verify_identity"
    )]
    FilesWithoutCheck(&'static str),
    /// TLS asked for where there is none.
    #[error(
        "DATABASE_URL has ssl_mode and unix_socket; a socket has no TLS: leave ssl_mode out, or write the host instead"
    )]
    TlsOnSocket,
    /// The client library takes TLS options with a name only.
    #[error(
        "DATABASE_URL asks for TLS with an IPv6 address, for which MariaDB's client library takes no options; write the host's name"
    )]
    TlsWithIpv6,
    /// A CA, certificate or key file.
    #[error(
        "the TLS files of DATABASE_URL (POUNDCAKE_DB_CA_FILE, _CERT_FILE, _KEY_FILE, or ssl_ca, ssl_cert, ssl_key) cannot be used"
    )]
    TlsFile(#[source] TrustError),
    /// `sqlite://` with nothing behind it.
    #[error("DATABASE_URL names no file; write sqlite://path/to/poundcake.db")]
    NoPath,
    /// The file of `DATABASE_URL_FILE`.
    #[error(transparent)]
    Secret(#[from] crate::secret::SecretError),
}

#[cfg(all(feature = "mysql", feature = "sqlite"))]
const KNOWN: &str = "mysql:// (also mysql+pymysql://) and sqlite://";
#[cfg(all(feature = "mysql", not(feature = "sqlite")))]
const KNOWN: &str = "mysql:// only";
#[cfg(all(feature = "sqlite", not(feature = "mysql")))]
const KNOWN: &str = "sqlite:// only; build with the feature mysql for MariaDB";
