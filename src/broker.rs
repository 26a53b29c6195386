//! Between ingest and dispatcher: publishing with confirms, consuming with acks. All AMQP of the project is here.
//!
//! Two brokers, one pair of enums: RabbitMQ, and a bounded channel in the same process for `standalone`. Neither is
//! trusted with the truth: the rows are, and the relay publishes again whatever a broker loses.

pub mod amqp;
pub mod in_process;
pub mod message;

use message::Message;
use std::sync::Arc;

/// Why a message does not count as published. The row stays as it is, and the relay publishes it when it is due.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No connection; the text says why.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
    /// No confirm within `POUNDCAKE_CONFIRM_TIMEOUT`: the broker may have it or not.
    #[error("the broker did not confirm in time")]
    Unconfirmed,
    /// Confirmed and returned: no queue took it.
    #[error("the broker returned the message: {0}")]
    Returned(String),
    /// The broker refused it.
    #[error("the broker refused the message (nack)")]
    Refused,
    /// The in-process queue is full.
    #[error("the in-process queue is full")]
    Full,
}

/// The sending side. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub enum Publisher {
    /// RabbitMQ.
    Amqp(amqp::Publisher),
    /// The same process.
    InProcess(in_process::Publisher),
}

impl Publisher {
    /// Publishes all, pipelined, and returns one result per message in the same order. Never waits longer than the
    /// confirm timeout plus one connection attempt.
    pub async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        match self {
            Self::Amqp(publisher) => publisher.publish(messages).await,
            Self::InProcess(publisher) => publisher.publish(messages),
        }
    }

    /// Connects if need be; `Err` while the broker is away.
    pub async fn ready(&self) -> Result<(), PublishError> {
        match self {
            Self::Amqp(publisher) => publisher.ready().await,
            Self::InProcess(_) => Ok(()),
        }
    }

    /// True once after this publisher had to create the queue: what was in it before is gone. Whoever takes this and cannot
    /// act on it gives it back by [`Self::note_queue_created`].
    pub fn take_queue_created(&self) -> bool {
        match self {
            Self::Amqp(publisher) => publisher.take_queue_created(),
            Self::InProcess(_) => false,
        }
    }

    /// The queue was created, and nobody has acted on it yet.
    pub fn note_queue_created(&self) {
        if let Self::Amqp(publisher) = self {
            publisher.note_queue_created();
        }
    }
}

/// What a consumer yields.
#[derive(Debug)]
pub enum Event {
    /// The queue had to be created: whatever was `queued` is no longer in it.
    QueueCreated,
    /// A message to handle and then ack.
    Delivery(Delivery),
}

/// The receiving side.
pub enum Consumer {
    /// RabbitMQ.
    Amqp(Box<amqp::Consumer>),
    /// The same process.
    InProcess(in_process::Consumer),
}

impl Consumer {
    /// The next event; waits, reconnecting for ever. Safe to drop between events (cancel-safe).
    pub async fn next(&mut self) -> Event {
        match self {
            Self::Amqp(consumer) => consumer.next().await,
            Self::InProcess(consumer) => consumer.next().await,
        }
    }

    /// Stops taking messages: what was delivered and not acked goes back to the queue.
    pub async fn pause(&mut self) {
        match self {
            Self::Amqp(consumer) => consumer.pause().await,
            Self::InProcess(_) => {}
        }
    }
}

/// One message, to be acked when everything about it is recorded.
#[derive(Debug)]
pub struct Delivery {
    /// What it says.
    pub message: Message,
    /// RabbitMQ's channel and tag, for the ack.
    amqp: Option<(Arc<amqp::Acks>, u64)>,
}

impl Delivery {
    /// Takes the message off the queue, soon: together with those before it. If the channel has died meanwhile the broker
    /// delivers it again, which the claim turns into nothing.
    pub async fn ack(self) {
        let Some((acks, tag)) = self.amqp else { return };
        if let Err(error) = acks.ack(tag).await {
            log::debug!(alert_id = self.message.alert_id, error:% = error; "ack failed; the broker delivers it again");
        }
    }
}
