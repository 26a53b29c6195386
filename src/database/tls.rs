//! TLS to MariaDB: the options of `DATABASE_URL`, and how MariaDB's client library gets them.
//!
//! diesel's `ssl_mode` is the one of `MySQL`'s own library: Connector/C does not know the option, ignores it, and connects in plain text. It does know
//! `ssl-enforce` and `ssl-verify-server-cert`, which it takes in the place of the host's name (see `url`). What it can do:
//! encrypt without checking anything, or check the certificate and the name together. Whether a session is encrypted is asked
//! once it is connected, since a server without TLS would otherwise be spoken to in plain text.

use super::url_error::UrlError;
use crate::trust::{self, TlsFiles};
use diesel::{ConnectionError, MysqlConnection, QueryResult, QueryableByName, RunQueryDsl, sql_types::Text};
use url::{Host, Url};

/// `ssl_mode` in `DATABASE_URL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disabled,
    Preferred,
    Required,
    VerifyIdentity,
}

/// What one database's URL and the settings ask for together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseTls {
    /// `None`: nothing was asked for, and the client library's default holds.
    mode: Option<Mode>,
    files: TlsFiles,
}

impl DatabaseTls {
    /// Takes the `ssl_…` parameters out of a URL. Files that it names count before those of the settings.
    pub(crate) fn take(url: &mut Url, files: &TlsFiles) -> Result<Self, UrlError> {
        let (mut mode, mut named, mut others) = (None, TlsFiles::default(), Vec::new());
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "ssl_mode" => mode = Some(Mode::parse(&value)?),
                "ssl_ca" => named.ca = Some(value.as_ref().into()),
                "ssl_cert" => named.cert = Some(value.as_ref().into()),
                "ssl_key" => named.key = Some(value.as_ref().into()),
                other if is_about_tls(other) => return Err(UrlError::TlsParameter(other.to_owned())),
                _ => others.push((name.into_owned(), value.into_owned())),
            }
        }
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        let tls = Self { mode, files: if named.is_empty() { files.clone() } else { named } };
        tls.files.check().map_err(UrlError::TlsFile)?;
        tls.with_default_mode(url)
    }

    /// Files without a mode mean the strictest one; contradictions are refused.
    fn with_default_mode(mut self, url: &Url) -> Result<Self, UrlError> {
        if self.mode == Some(Mode::Disabled) {
            // Two databases share the settings' files, and one of them may have no TLS.
            self.files = TlsFiles::default();
        }
        if !self.files.is_empty() {
            match self.mode.get_or_insert(Mode::VerifyIdentity) {
                Mode::VerifyIdentity => {}
                other => return Err(UrlError::FilesWithoutCheck(other.word())),
            }
        }
        if self.is_demanded() {
            if url.query_pairs().any(|(name, _)| name == "unix_socket") {
                return Err(UrlError::TlsOnSocket);
            }
            if matches!(url.host(), Some(Host::Ipv6(_)) | None) {
                return Err(UrlError::TlsWithIpv6);
            }
        }
        Ok(self)
    }

    /// Whether a connection without TLS must not be used.
    pub(crate) fn is_demanded(&self) -> bool {
        matches!(self.mode, Some(Mode::Required | Mode::VerifyIdentity))
    }

    /// Connector/C's options, each with a `;` before it. Both are always written: 3.3 and 3.4 have other defaults.
    pub(crate) fn options(&self) -> &'static str {
        match self.mode {
            None => "",
            Some(Mode::Disabled) => ";ssl-enforce=0;ssl-verify-server-cert=0",
            Some(Mode::Preferred | Mode::Required) => ";ssl-enforce=1;ssl-verify-server-cert=0",
            Some(Mode::VerifyIdentity) => ";ssl-enforce=1;ssl-verify-server-cert=1",
        }
    }

    /// Names the files in the URL that diesel is given. Without a CA file the system's store counts; `SSL_CERT_FILE` is
    /// named here too, since only some builds of Connector/C look at it.
    pub(crate) fn name_files(&self, url: &mut Url) {
        let TlsFiles { ca, cert, key } = &self.files;
        let system = if self.mode == Some(Mode::VerifyIdentity) { trust::system_file() } else { None };
        for (name, path) in
            [("ssl_ca", ca.as_ref().or(system.as_ref())), ("ssl_cert", cert.as_ref()), ("ssl_key", key.as_ref())]
        {
            if let Some(path) = path {
                url.query_pairs_mut().append_pair(name, &path.to_string_lossy());
            }
        }
    }
}

impl Mode {
    fn parse(text: &str) -> Result<Self, UrlError> {
        match text.to_ascii_lowercase().as_str() {
            "disabled" => Ok(Self::Disabled),
            "preferred" => Ok(Self::Preferred),
            "required" => Ok(Self::Required),
            "verify_identity" => Ok(Self::VerifyIdentity),
            _ => Err(UrlError::SslMode(text.to_owned())),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Preferred => "preferred",
            Self::Required => "required",
            Self::VerifyIdentity => "verify_identity",
        }
    }
}

/// `ssl-mode`, `sslmode`, `useSSL`, `tls`, …: other clients' names, which nothing here reads.
fn is_about_tls(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("ssl") || name.contains("tls")
}

#[derive(QueryableByName)]
struct Cipher {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// Whether this session is encrypted, by the server's word.
pub(crate) fn is_encrypted(conn: &mut MysqlConnection) -> QueryResult<bool> {
    let ciphers: Vec<Cipher> = diesel::sql_query("SHOW SESSION STATUS LIKE 'Ssl_cipher'").load(conn)?;
    Ok(ciphers.iter().any(|cipher| !cipher.value.is_empty()))
}

/// What is said of a server that speaks no TLS although it was asked for.
pub(crate) fn plain_text() -> ConnectionError {
    ConnectionError::BadConnection("TLS/SSL error: TLS was asked for, and the server does not offer it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<(DatabaseTls, String), UrlError> {
        let mut url = Url::parse(text).unwrap();
        let tls = DatabaseTls::take(&mut url, &TlsFiles::default())?;
        Ok((tls, url.to_string()))
    }

    #[test]
    fn url_options_that_diesel_ignores_are_taken_out() {
        let (tls, url) = take("mysql://u:p@db/pc?ssl_mode=VERIFY_IDENTITY&charset=utf8mb4").unwrap();
        assert!(tls.is_demanded() && tls.options().ends_with("ssl-verify-server-cert=1"));
        assert_eq!(url, "mysql://u:p@db/pc?charset=utf8mb4");
        let (tls, url) = take("mysql://u:p@db/pc?ssl_mode=disabled").unwrap();
        assert!(!tls.is_demanded());
        assert_eq!(url, "mysql://u:p@db/pc");
        assert_eq!(take("mysql://u:p@db/pc").unwrap().0.options(), "");
    }

    #[test]
    fn unsupported_options_are_refused_with_supported_ones() {
        for (query, word) in [
            ("ssl_mode=verify_ca", "verify_identity"),
            ("ssl_mode=on", "verify_identity"),
            ("ssl-mode=REQUIRED", "ssl_mode"),
            ("sslmode=require", "ssl_mode"),
            ("useSSL=true", "ssl_mode"),
            ("tls=true", "ssl_mode"),
            ("ssl_ca=/nonexistent/ca.pem", "/nonexistent/ca.pem"),
            ("ssl_mode=required&unix_socket=/run/m.sock", "unix_socket"),
        ] {
            let error = take(&format!("mysql://u:s3cret@db/pc?{query}")).map(drop).unwrap_err();
            let text = crate::logging::chain(&error);
            assert!(text.contains(word) && !text.contains("s3cret"), "{query}: {text}");
        }
        assert!(matches!(take("mysql://u:p@[::1]/pc?ssl_mode=required"), Err(UrlError::TlsWithIpv6)));
    }

    #[test]
    fn files_mean_that_the_certificate_and_the_name_are_checked() {
        let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stackstorm/tls/test-cert.pem");
        let (tls, url) = take(&format!("mysql://u:p@db/pc?ssl_ca={ca}")).unwrap();
        assert_eq!((tls.mode, url.as_str()), (Some(Mode::VerifyIdentity), "mysql://u:p@db/pc"));
        let mut named = Url::parse(&url).unwrap();
        tls.name_files(&mut named);
        let pairs: Vec<_> = named.query_pairs().into_owned().collect();
        assert_eq!(pairs, [("ssl_ca".to_owned(), ca.to_owned())]);
        let error = take(&format!("mysql://u:p@db/pc?ssl_mode=required&ssl_ca={ca}")).map(drop).unwrap_err();
        assert!(error.to_string().contains("ssl_mode=verify_identity"), "{error}");
    }
}
