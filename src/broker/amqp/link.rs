//! One connection to RabbitMQ: its URL, and connecting within a bound.

use super::topology;
use crate::secret::{Secret, SecretError};
use lapin::{Connection, ConnectionProperties, uri::AMQPUri};
use secrecy::ExposeSecret;
use std::time::Duration;

/// TCP, TLS, login and declares together; a broker that starts up accepts connections long before it answers.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Seconds between heartbeats unless `AMQP_URL` says otherwise: a peer whose packets are dropped is noticed in two.
const HEARTBEAT_SECONDS: u16 = 10;

/// `AMQP_URL`, parsed; from a file it is read again for every connection.
#[derive(Clone)]
pub struct BrokerUrl {
    uri: AMQPUri,
    file: Option<Secret>,
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
}

impl BrokerUrl {
    /// Parses `amqp://` or `amqps://`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let mut uri: AMQPUri = text.parse().map_err(UrlError::Syntax)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self { uri, file: None })
    }

    /// The same of `AMQP_URL` or `AMQP_URL_FILE`; the latter may change while the process runs.
    pub fn read(secret: Secret) -> Result<Self, UrlError> {
        let Self { uri, .. } = Self::parse(secret.read()?.expose_secret())?;
        Ok(Self { uri, file: Some(secret) })
    }

    /// What the file says now; while it cannot be used (it is being replaced), what it said at the start.
    fn current(&self) -> AMQPUri {
        let Some(file) = &self.file else { return self.uri.clone() };
        match file.read().map_err(UrlError::from).and_then(|text| Self::parse(text.expose_secret())) {
            Ok(url) => url.uri,
            Err(error) => {
                log::warn!(error:%; "AMQP_URL_FILE cannot be used as it is now, so what it said at the start is");
                self.uri.clone()
            }
        }
    }

    /// As `rabbitmqctl -p` takes it.
    pub fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    /// `host:port/vhost`, for messages.
    pub fn label(&self) -> String {
        format!("{}:{}/{}", self.uri.authority.host, self.uri.authority.port, self.uri.vhost.trim_start_matches('/'))
    }
}

/// A connection with its declared topology.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) channel: lapin::Channel,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The queue is not there; whoever may create it makes what was in it due first.
    #[error("the queue is not there")]
    NoQueue,
    /// Anything else; the text says what.
    #[error("{0}")]
    Failed(String),
}

/// Connects and declares, or says why not. Only with `may_create` a queue that is missing is created.
pub(super) async fn connect(url: &BrokerUrl, name: &str, may_create: bool) -> Result<Link, LinkError> {
    let attempt = async {
        let connection = open(url, name).await?;
        let channel = topology::declare(&connection, may_create).await?;
        Ok::<_, lapin::Error>(channel.map(|channel| Link { connection, channel }))
    };
    match bounded(attempt).await {
        Ok(Some(link)) => {
            log::info!(broker = url.label(), role = name; "connected to RabbitMQ");
            Ok(link)
        }
        Ok(None) => Err(LinkError::NoQueue),
        Err(error) => Err(LinkError::Failed(error)),
    }
}

/// A connection alone.
pub(super) async fn open(url: &BrokerUrl, name: &str) -> Result<Connection, lapin::Error> {
    let properties = ConnectionProperties::default().with_connection_name(format!("poundcake {name}").into());
    Connection::connect_uri(url.current(), properties).await
}

/// Waits for the broker's answers, and not for ever.
pub(super) async fn bounded<T>(attempt: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_elapsed) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}
