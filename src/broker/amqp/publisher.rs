//! Publishing: persistent, mandatory, confirms pipelined and each with its own timeout.

use super::{
    session::{self, Session, SessionError},
    topology::{EXCHANGE, ROUTING_KEY},
    url::BrokerUrl,
};
use crate::{
    broker::{PublishError, message::Message},
    retry::Reconnect,
};
use futures_util::future::join_all;
use lapin::{
    BasicProperties, Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// AMQP's delivery mode for messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// The shared sending side; connects when it is used and, after a failure, not before the backoff is over.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    url: BrokerUrl,
    confirm_timeout: Duration,
    state: Mutex<State>,
    /// Held while messages are sent; their confirms are awaited without it.
    sending: Mutex<()>,
}

struct State {
    session: Option<Session>,
    /// Counts the sessions: a failure on an old one must not close the one that came after it.
    serial: u64,
    reconnect: Reconnect,
}

impl Publisher {
    /// Does not connect yet.
    pub fn new(url: BrokerUrl, confirm_timeout: Duration) -> Self {
        let state = Mutex::new(State { session: None, serial: 0, reconnect: Reconnect::new() });
        Self { shared: Arc::new(Shared { url, confirm_timeout, state, sending: Mutex::new(()) }) }
    }

    /// See [`crate::broker::Publisher::publish`]. Publishing twice is safe: the claim lets one of them through.
    pub async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let (channel, serial) = match self.channel(false).await {
            Ok(channel) => channel,
            Err(error) => return vec![Err(error); messages.len()],
        };
        let sent = {
            // lapin counts a message before it queues it: two senders at once could get each other's confirms.
            let _alone = self.shared.sending.lock().await;
            // All are queued before the first is written. One after the other, each would cost two changes of threads (profiled).
            let sends = join_all(messages.iter().map(|message| send(&channel, message)));
            tokio::time::timeout(self.shared.confirm_timeout, sends).await
        };
        let deadline = Instant::now() + self.shared.confirm_timeout;
        let mut results = Vec::with_capacity(messages.len());
        for confirm in sent.unwrap_or_else(|_elapsed| messages.iter().map(|_| Err(PublishError::Unconfirmed)).collect())
        {
            results.push(match confirm {
                Ok(confirm) => await_confirm(confirm, deadline).await,
                Err(error) => Err(error),
            });
        }
        if results.iter().any(is_connection_trouble) {
            self.disconnect(serial).await;
        }
        results
    }

    /// See [`crate::broker::Publisher::ready`].
    pub async fn ready(&self) -> Result<(), PublishError> {
        self.channel(false).await.map(|_| ())
    }

    /// See [`crate::broker::Publisher::create_queue`].
    pub async fn create_queue(&self) -> Result<(), PublishError> {
        self.channel(true).await.map(|_| ())
    }

    async fn channel(&self, may_create: bool) -> Result<(Channel, u64), PublishError> {
        let mut state = self.shared.state.lock().await;
        if let Some(session) = &state.session
            && session.channel.status().connected()
        {
            return Ok((session.channel.clone(), state.serial));
        }
        state.session = None;
        state.reconnect.permit().map_err(PublishError::Unavailable)?;
        match self.connect(may_create).await {
            Ok(session) => {
                state.reconnect.succeeded();
                state.serial += 1;
                let serial = state.serial;
                Ok((state.session.insert(session).channel.clone(), serial))
            }
            Err(SessionError::NoQueue) => Err(PublishError::NoQueue),
            Err(SessionError::Refused(error)) => {
                let news = state.reconnect.is_news(&error);
                state.reconnect.failed(&error);
                session::say_once(news, &self.shared.url.label(), "publisher", &error);
                Err(PublishError::Unavailable(error))
            }
            Err(SessionError::Failed(error)) => {
                let wait = state.reconnect.failed(&error);
                let broker = self.shared.url.label();
                log::warn!(
                    event = "broker_waiting", broker, wait_ms = wait.as_millis();
                    "cannot publish to RabbitMQ: {error}; rows wait in the database"
                );
                Err(PublishError::Unavailable(error))
            }
        }
    }

    async fn connect(&self, may_create: bool) -> Result<Session, SessionError> {
        let session = session::connect(&self.shared.url, "publisher", may_create).await?;
        let confirms = session.channel.confirm_select(ConfirmSelectOptions::default());
        session::bounded(confirms).await.map_err(SessionError::Failed)?;
        Ok(session)
    }

    /// A connection that answers no confirms (memory alarm, dropped packets) is given up, so that the next use
    /// reconnects instead of collecting unconfirmed messages.
    async fn disconnect(&self, serial: u64) {
        let mut state = self.shared.state.lock().await;
        if state.serial == serial
            && let Some(session) = state.session.take()
        {
            let wait = state.reconnect.failed("confirms were missing");
            log::warn!(
                event = "confirms_missing", broker = self.shared.url.label(), wait_ms = wait.as_millis();
                "RabbitMQ sends no publisher confirms; reconnecting"
            );
            drop(tokio::spawn(async move { session.connection.close(200, "confirms missing".into()).await }));
        }
    }
}

fn is_connection_trouble(result: &Result<(), PublishError>) -> bool {
    matches!(result, Err(PublishError::Unavailable(_) | PublishError::Unconfirmed))
}

async fn send(channel: &Channel, message: &Message) -> Result<PublisherConfirm, PublishError> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_content_type("application/json".into());
    channel
        .basic_publish(EXCHANGE.into(), ROUTING_KEY.into(), options, message.encode().as_bytes(), properties)
        .await
        .map_err(|error| PublishError::Unavailable(error.to_string()))
}

async fn await_confirm(confirm: PublisherConfirm, deadline: Instant) -> Result<(), PublishError> {
    match tokio::time::timeout_at(deadline, confirm).await {
        Err(_elapsed) => Err(PublishError::Unconfirmed),
        Ok(Err(error)) => Err(PublishError::Unavailable(error.to_string())),
        Ok(Ok(Confirmation::Ack(None))) => Ok(()),
        Ok(Ok(Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)))) => {
            Err(PublishError::Returned(returned.reply_text.to_string()))
        }
        Ok(Ok(Confirmation::Nack(None))) => Err(PublishError::Refused),
        Ok(Ok(Confirmation::NotRequested)) => Err(PublishError::Unconfirmed),
    }
}
