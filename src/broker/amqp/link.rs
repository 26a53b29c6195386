//! One connection to RabbitMQ: its URL, and connecting within a bound.

use super::topology::{self, Declared};
use lapin::{Connection, ConnectionProperties, uri::AMQPUri};
use std::time::Duration;

/// TCP, TLS, login and declares together; a broker that starts up accepts connections long before it answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Seconds between heartbeats unless `AMQP_URL` says otherwise: a peer whose packets are dropped is noticed in two.
const HEARTBEAT_SECONDS: u16 = 10;

/// `AMQP_URL`, parsed.
#[derive(Clone)]
pub struct BrokerUrl {
    uri: AMQPUri,
}

/// An `AMQP_URL` that cannot be used; never shows the password.
#[derive(Debug, thiserror::Error)]
#[error("AMQP_URL is not usable: {0}; write amqp://user:password@host:5672/vhost or amqps://…")]
pub struct UrlError(String);

impl BrokerUrl {
    /// Parses `amqp://` or `amqps://`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let mut uri: AMQPUri = text.parse().map_err(UrlError)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self { uri })
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
    pub(super) queue_created: bool,
}

/// Connects and declares, or says why not.
pub(super) async fn connect(url: &BrokerUrl, name: &str) -> Result<Link, String> {
    let attempt = async {
        let connection = to_broker(url, name).await?;
        let Declared { channel, queue_created } = topology::declare(&connection).await?;
        Ok(Link { connection, channel, queue_created })
    };
    let link = within(attempt).await?;
    log::info!(broker = url.label(), role = name; "connected to RabbitMQ");
    Ok(link)
}

/// Connects and declares nothing.
pub(super) async fn open(url: &BrokerUrl, name: &str) -> Result<Connection, String> {
    within(to_broker(url, name)).await
}

async fn to_broker(url: &BrokerUrl, name: &str) -> Result<Connection, lapin::Error> {
    let properties = ConnectionProperties::default().with_connection_name(format!("poundcake {name}").into());
    Connection::connect_uri(url.uri.clone(), properties).await
}

async fn within<T>(attempt: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_elapsed) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}
