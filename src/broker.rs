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
    /// The queue is not there. It is created by [`Publisher::create_queue`], after what was in it has been made due.
    #[error("the queue does not exist")]
    NoQueue,
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

    /// Creates the queue that [`PublishError::NoQueue`] misses. Before this everything `queued` must be due: a process that
    /// dies right after it would leave rows whose messages were lost with the old queue, without a trace.
    pub async fn create_queue(&self) -> Result<(), PublishError> {
        match self {
            Self::Amqp(publisher) => publisher.create_queue().await,
            Self::InProcess(_) => Ok(()),
        }
    }
}

/// What a consumer yields.
#[derive(Debug)]
pub enum Event {
    /// The queue is not there, or lost, so whatever was `queued` is no longer in it. Nothing follows until
    /// [`Consumer::create_queue`] is called, after those rows have been made due.
    NoQueue,
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
    /// The next event; waits and reconnects without a limit. Safe to drop between events (cancel-safe).
    pub async fn next(&mut self) -> Event {
        match self {
            Self::Amqp(consumer) => consumer.next().await,
            Self::InProcess(consumer) => consumer.next().await,
        }
    }

    /// Lets the next connection create, or repair, the queue that [`Event::NoQueue`] misses.
    pub fn create_queue(&mut self) {
        if let Self::Amqp(consumer) = self {
            consumer.create_queue();
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
    /// How often it was delivered before.
    pub returned: u32,
    /// RabbitMQ's channel and tag, for the ack.
    amqp: Option<(Arc<amqp::Acks>, u64)>,
}

impl Delivery {
    /// Returns the message to the queue; it is delivered again at once. For a row that this database node does not have yet.
    pub async fn give_back(self) {
        let Some((acks, tag)) = self.amqp else { return };
        if let Err(error) = acks.give_back(tag).await {
            log::debug!(
                event = "reject_failed", alert_id = self.message.alert_id, error:% = error;
                "reject failed; RabbitMQ redelivers the message"
            );
        }
    }

    /// Takes the message off the queue, soon: together with those before it. If the channel has died meanwhile the broker
    /// delivers it again, which the claim turns into nothing.
    pub async fn ack(self) {
        let Some((acks, tag)) = self.amqp else { return };
        if let Err(error) = acks.ack(tag).await {
            log::debug!(
                event = "ack_failed", alert_id = self.message.alert_id, error:% = error;
                "ack failed; RabbitMQ redelivers the message"
            );
        }
    }
}
