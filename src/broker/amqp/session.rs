//! One connection to RabbitMQ, with its declared topology, made within a time limit.

use super::{refusal, topology, url::BrokerUrl};
use futures_util::TryFutureExt;
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt, RustlsConnector},
    uri::{AMQPScheme, AMQPUri},
};
use std::time::Duration;

/// TCP, TLS, login and declares together; a broker that starts up accepts connections long before it answers.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A connection with its declared topology.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) channel: lapin::Channel,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The queue does not exist. Before a process declares it, it makes the queued rows due.
    #[error("the queue does not exist")]
    NoQueue,
    /// A person has to do something; the text says what.
    #[error("{0}")]
    Refused(String),
    /// Anything else; the text says what.
    #[error("{0}")]
    Failed(String),
}

/// Connects and declares, or says why not. Only with `may_create` a queue that is missing is created.
pub(super) async fn connect(url: &BrokerUrl, name: &str, may_create: bool) -> Result<Session, SessionError> {
    let attempt = async {
        let connection = open(url, name).await?;
        let channel = topology::declare(&connection, may_create).await?;
        Ok::<_, lapin::Error>(channel.map(|channel| Session { connection, channel }))
    };
    let mut refused = false;
    let noted = attempt.inspect_err(|error| refused = refusal::advice(error).is_some());
    match bounded(noted).await {
        Ok(Some(session)) => {
            log::info!(event = "broker_connected", broker = url.label(), role = name; "connected to RabbitMQ");
            Ok(session)
        }
        Ok(None) => Err(SessionError::NoQueue),
        Err(error) if refused => Err(SessionError::Refused(error)),
        Err(error) => Err(SessionError::Failed(error)),
    }
}

/// What a person must change is said at the change, and not at every try.
pub(super) fn say_once(news: bool, broker: &str, role: &str, error: &str) {
    let level = if news { log::Level::Error } else { log::Level::Debug };
    log::log!(
        level, event = "broker_refused", broker, role;
        "RabbitMQ refuses PoundCake: {error}. Rows wait in the database; PoundCake keeps trying"
    );
}

/// A connection alone.
pub(super) async fn open(url: &BrokerUrl, name: &str) -> Result<Connection, lapin::Error> {
    let properties = ConnectionProperties::default().with_connection_name(format!("poundcake {name}").into());
    let uri = url.current();
    if uri.scheme == AMQPScheme::AMQP {
        return Connection::connect_uri(uri, properties).await;
    }
    // lapin's own way knows neither a private CA nor the system's store. Files are read again for every connection.
    let tls = url.tls.client_config().map_err(|error| std::io::Error::other(crate::logging::chain(&error)))?;
    let connector = RustlsConnector::from(tls);
    let runtime = lapin::runtime::default_runtime()?;
    Connection::connector(
        uri,
        runtime,
        async move |uri, runtime| {
            let host = uri.authority.host.clone();
            let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri };
            let stream: AsyncTcpStream<_> = plain.connect_async(&runtime).await?;
            Ok(stream.into_rustls(&connector, &host).await?)
        },
        properties,
    )
    .await
}

/// Waits for the broker's answer, with a limit.
pub(super) async fn bounded<T>(attempt: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(answer) => answer.map_err(|error| refusal::described(&error)),
        Err(_elapsed) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}
