//! `AMQP_URL`: what it may say, and what its file says now.

use crate::{
    secret::{Secret, SecretError},
    trust::{TlsFiles, TrustError},
};
use lapin::uri::{AMQPScheme, AMQPUri};
use secrecy::ExposeSecret;

/// Seconds between heartbeats unless `AMQP_URL` says otherwise: a peer whose packets are dropped is noticed in two.
const HEARTBEAT_SECONDS: u16 = 10;

/// `AMQP_URL`, parsed; from a file it is read again for every connection.
#[derive(Clone)]
pub struct BrokerUrl {
    uri: AMQPUri,
    file: Option<Secret>,
    pub(super) tls: TlsFiles,
}

/// An `AMQP_URL` that cannot be used; never shows the password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// No AMQP URL.
    #[error("AMQP_URL is not usable: {0}; write amqp://user:password@host:5672/vhost or amqps://…")]
    Syntax(String),
    /// The file of `AMQP_URL_FILE`.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS in the words of RabbitMQ's own clients.
    #[error(
        "AMQP_URL has the parameter {0}, which nothing reads; for TLS write amqps://, and name a private CA with \
         POUNDCAKE_AMQP_CA_FILE and a client certificate with POUNDCAKE_AMQP_CERT_FILE and POUNDCAKE_AMQP_KEY_FILE"
    )]
    Parameter(String),
    /// TLS files for a connection without TLS.
    #[error("POUNDCAKE_AMQP_CA_FILE or _CERT_FILE is set, and AMQP_URL is amqp://, which has no TLS; write amqps://")]
    NoTls,
    /// A CA, certificate or key file.
    #[error("POUNDCAKE_AMQP_CA_FILE, _CERT_FILE and _KEY_FILE cannot be used")]
    Tls(#[source] TrustError),
}

impl BrokerUrl {
    /// Parses `amqp://` or `amqps://`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::new(text, None, TlsFiles::default())
    }

    /// The same of `AMQP_URL` or `AMQP_URL_FILE`; the latter may change while the process runs.
    pub fn read(secret: Secret, tls: TlsFiles) -> Result<Self, UrlError> {
        let text = secret.read()?;
        Self::new(text.expose_secret(), Some(secret), tls)
    }

    fn new(text: &str, file: Option<Secret>, tls: TlsFiles) -> Result<Self, UrlError> {
        let mut uri: AMQPUri = text.parse().map_err(|words: String| UrlError::Syntax(without_quote(&words)))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        if let Some(parameter) = tls_parameter(text) {
            return Err(UrlError::Parameter(parameter));
        }
        match uri.scheme {
            AMQPScheme::AMQPS => drop(tls.client_config().map_err(UrlError::Tls)?),
            AMQPScheme::AMQP if tls.is_empty() => {}
            AMQPScheme::AMQP => return Err(UrlError::NoTls),
        }
        Ok(Self { uri, file, tls })
    }

    /// What the file says now; while it cannot be used (it is being replaced), what it said at the start.
    pub(super) fn current(&self) -> AMQPUri {
        let Some(file) = &self.file else { return self.uri.clone() };
        match file
            .read()
            .map_err(UrlError::from)
            .and_then(|text| Self::new(text.expose_secret(), None, self.tls.clone()))
        {
            Ok(url) => url.uri,
            Err(error) => {
                log::warn!(
                    event = "url_file_unusable", error:%;
                    "AMQP_URL_FILE is unreadable or invalid; using the value from startup"
                );
                self.uri.clone()
            }
        }
    }

    /// As `rabbitmqctl -p` takes it.
    pub fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    /// Where to connect without TLS; `None` for `amqps://`.
    pub(super) fn plain_address(&self) -> Option<(String, u16)> {
        let uri = self.current();
        (uri.scheme == AMQPScheme::AMQP).then_some((uri.authority.host, uri.authority.port))
    }

    /// `host:port/vhost`, for messages.
    pub fn label(&self) -> String {
        format!("{}:{}/{}", self.uri.authority.host, self.uri.authority.port, self.uri.vhost.trim_start_matches('/'))
    }
}

/// The parser's words may end with the whole text, in quotes; the password is in it.
fn without_quote(words: &str) -> String {
    let plain = words.split('\'').next().unwrap_or_default();
    plain.trim_end_matches([' ', ':']).to_owned()
}

/// RabbitMQ's other clients take these in the URL; here they would be ignored.
fn tls_parameter(text: &str) -> Option<String> {
    const THEIRS: [&str; 8] = [
        "cacertfile",
        "certfile",
        "keyfile",
        "verify",
        "fail_if_no_peer_cert",
        "password",
        "server_name_indication",
        "depth",
    ];
    let (_, query) = text.rsplit_once('?')?;
    let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default().to_ascii_lowercase());
    names.find(|name| THEIRS.contains(&name.as_str()) || name.contains("ssl") || name.contains("tls"))
}
