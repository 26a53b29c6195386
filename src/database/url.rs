//! What a `DATABASE_URL` says: which database, where, and the text that the client library is given.

#[cfg(feature = "mysql")]
use super::tls::DatabaseTls;
use crate::trust::{TlsFiles, TrustError};
#[cfg(feature = "mysql")]
use secrecy::ExposeSecret;
use secrecy::SecretString;

/// How long the client library tries to connect, the server's greeting and login included, in seconds.
#[cfg(feature = "mysql")]
const CONNECT_SECONDS: u64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
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

/// A parsed `DATABASE_URL`.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    /// What diesel is given: `mysql://…` or a file path.
    pub(crate) text: SecretString,
    /// `host:port/database` or the path: safe to log.
    pub(crate) label: String,
    #[cfg(feature = "mysql")]
    pub(crate) tls: Option<DatabaseTls>,
}

impl Target {
    /// `files` are the settings' CA and client certificate, for a database on the network.
    pub(crate) fn parse(text: &str, files: &TlsFiles) -> Result<Self, UrlError> {
        #[cfg(not(feature = "mysql"))]
        let _ = files;
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme {
            #[cfg(feature = "mysql")]
            "mysql" | "mysql+pymysql" | "mariadb" => Self::mysql(rest, files),
            #[cfg(feature = "sqlite")]
            "sqlite" if rest.is_empty() => Err(UrlError::NoPath),
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self {
                scheme: Scheme::Sqlite,
                text: rest.to_owned().into(),
                label: format!("sqlite {rest}"),
                #[cfg(feature = "mysql")]
                tls: None,
            }),
            "" => Err(UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase)),
            other => Err(UrlError::Scheme(other.to_owned())),
        }
    }

    #[cfg(feature = "mysql")]
    fn mysql(rest: &str, files: &TlsFiles) -> Result<Self, UrlError> {
        let mut url = url::Url::parse(&format!("mysql://{rest}")).map_err(UrlError::Syntax)?;
        if url.fragment().is_some() || url.path().contains('@') || url.query().is_some_and(|query| query.contains('@'))
        {
            return Err(UrlError::Encoding);
        }
        let path = url.path().strip_prefix('/').unwrap_or_default().to_owned();
        if path.trim_matches('/').is_empty() {
            return Err(UrlError::NoDatabase);
        }
        if path.contains('/') {
            return Err(UrlError::Path(path));
        }
        let tls = DatabaseTls::take(&mut url, files)?;
        let label = format!("{}:{}/{path}", url.host_str().unwrap_or("localhost"), url.port().unwrap_or(3306));
        Ok(Self { scheme: Scheme::Mysql, text: url.to_string().into(), label, tls: Some(tls) })
    }

    /// Whether a connection without TLS must not be used.
    #[cfg(feature = "mysql")]
    pub(crate) fn demands_tls(&self) -> bool {
        self.tls.as_ref().is_some_and(DatabaseTls::is_demanded)
    }

    /// The text with a bound on connecting, and with TLS as it was asked for. diesel has no options for these, but MariaDB's
    /// client library takes options in the place of the host name (`host=…;connect_timeout=…`); `None` where that cannot be
    /// written: a socket, an IPv6 literal.
    #[cfg(feature = "mysql")]
    pub(crate) fn bounded(&self) -> Option<SecretString> {
        let mut url = url::Url::parse(self.text.expose_secret()).ok()?;
        let host = match url.host()? {
            url::Host::Ipv6(_) => return None,
            host => host.to_string(),
        };
        if host.contains(['=', ';', '{']) || url.query_pairs().any(|(name, _)| name == "unix_socket") {
            return None;
        }
        let options = self.tls.as_ref().map_or("", DatabaseTls::options);
        url.set_host(Some(&format!("host={host};connect_timeout={CONNECT_SECONDS}{options}"))).ok()?;
        if let Some(tls) = &self.tls {
            tls.name_files(&mut url);
        }
        Some(url.to_string().into())
    }
}

#[cfg(all(test, feature = "mysql"))]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, UrlError> {
        Target::parse(text, &TlsFiles::default())
    }

    fn bounded(url: &Target) -> Option<String> {
        url.bounded().map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn the_bound_on_connecting_is_written_in_the_place_of_the_host() {
        let url = bounded(&parse("mysql://pc:p%40ss@db.example:3307/pc?ssl_mode=required").unwrap()).unwrap();
        assert_eq!(
            url,
            "mysql://pc:p%40ss@host=db.example;connect_timeout=5;ssl-enforce=1;ssl-verify-server-cert=0:3307/pc"
        );
        let other = bounded(&parse("mysql+pymysql://pc:x@10.0.0.1/pc").unwrap()).unwrap();
        assert!(other.contains("@host=10.0.0.1;connect_timeout=5/pc"), "{other}");
    }

    #[test]
    fn sockets_and_ipv6_literals_are_left_as_they_are() {
        for url in ["mysql://pc:x@[::1]:3306/pc", "mysql://pc:x@localhost/pc?unix_socket=/run/mysqld/mysqld.sock"] {
            assert_eq!(bounded(&parse(url).unwrap()), None);
        }
    }

    #[test]
    fn a_slash_after_the_database_is_refused_with_what_to_write() {
        for url in ["mysql://pc:s3cret@db/pc/", "mysql://pc:s3cret@db/pc/x", "mysql://pc:s3cret@db//pc"] {
            let text = parse(url).unwrap_err().to_string();
            assert!(text.contains("take the extra / out") && !text.contains("s3cret"), "{url}: {text}");
        }
        assert!(matches!(parse("mysql://pc:x@db//"), Err(UrlError::NoDatabase)));
    }
}
