//! What a `DATABASE_URL` says: which database, where, and the text that the client library is given.

use secrecy::{ExposeSecret, SecretString};

/// How long the client library tries to connect, the server's greeting and login included, in seconds.
#[cfg(feature = "mysql")]
const CONNECT_SECONDS: u64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
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
pub(super) struct Target {
    pub(super) scheme: Scheme,
    /// What diesel is given: `mysql://…` or a file path.
    pub(super) text: SecretString,
    /// `host:port/database` or the path: safe to log.
    pub(super) label: String,
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme {
            #[cfg(feature = "mysql")]
            "mysql" | "mysql+pymysql" | "mariadb" => Self::mysql(rest),
            #[cfg(feature = "sqlite")]
            "sqlite" if rest.is_empty() => Err(UrlError::NoPath),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                Ok(Self { scheme: Scheme::Sqlite, text: rest.to_owned().into(), label: format!("sqlite {rest}") })
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
        Ok(Self { scheme: Scheme::Mysql, text: url.to_string().into(), label })
    }

    /// The text with a bound on connecting. diesel has no option for it, but MariaDB's client library takes options in the
    /// place of the host name (`host=…;connect_timeout=…`); `None` where that cannot be written: a socket, an IPv6 literal.
    #[cfg(feature = "mysql")]
    pub(super) fn bounded(&self) -> Option<SecretString> {
        let mut url = url::Url::parse(self.text.expose_secret()).ok()?;
        let host = match url.host()? {
            url::Host::Ipv6(_) => return None,
            host => host.to_string(),
        };
        if host.contains(['=', ';', '{']) || url.query_pairs().any(|(name, _)| name == "unix_socket") {
            return None;
        }
        url.set_host(Some(&format!("host={host};connect_timeout={CONNECT_SECONDS}"))).ok()?;
        Some(url.to_string().into())
    }
}

#[cfg(all(test, feature = "mysql"))]
mod tests {
    use super::*;

    fn bounded(url: &Target) -> Option<String> {
        url.bounded().map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn the_bound_on_connecting_is_written_in_the_place_of_the_host() {
        let url = bounded(&Target::parse("mysql://pc:p%40ss@db.example:3307/pc?ssl_mode=required").unwrap()).unwrap();
        assert_eq!(url, "mysql://pc:p%40ss@host=db.example;connect_timeout=5:3307/pc?ssl_mode=required");
        let other = bounded(&Target::parse("mysql+pymysql://pc:x@10.0.0.1/pc").unwrap()).unwrap();
        assert!(other.contains("@host=10.0.0.1;connect_timeout=5/pc"), "{other}");
    }

    #[test]
    fn sockets_and_ipv6_literals_are_left_as_they_are() {
        for url in ["mysql://pc:x@[::1]:3306/pc", "mysql://pc:x@localhost/pc?unix_socket=/run/mysqld/mysqld.sock"] {
            assert_eq!(bounded(&Target::parse(url).unwrap()), None);
        }
    }
}
