//! Parses `DATABASE_URL`: which database, where, and the text for the client library.

#[cfg(feature = "mysql")]
use super::tls::DatabaseTls;
use super::url_error::UrlError;
use crate::trust::TlsFiles;
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

/// A parsed `DATABASE_URL`.
#[derive(Debug, Clone)]
pub(crate) struct ServerUrl {
    pub(crate) scheme: Scheme,
    /// What diesel is given: `mysql://…` or a file path.
    pub(crate) text: SecretString,
    /// `host:port/database` or the path: safe to log.
    pub(crate) label: String,
    #[cfg(feature = "mysql")]
    pub(crate) tls: Option<DatabaseTls>,
}

impl ServerUrl {
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

    fn parse(text: &str) -> Result<ServerUrl, UrlError> {
        ServerUrl::parse(text, &TlsFiles::default())
    }

    fn bounded(url: &ServerUrl) -> Option<String> {
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
