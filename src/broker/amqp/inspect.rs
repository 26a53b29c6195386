//! Inspects our queues for `doctor` without declaring them.

use super::{
    session,
    topology::{self, DEAD_QUEUE, QUEUE},
    url::BrokerUrl,
    version::version,
};
use lapin::{Connection, Error};
use std::time::Duration;

/// For one question: a queue without a leader does not answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Both queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// RabbitMQ's version, where it can be read.
    pub version: Option<String>,
    /// What dispatchers consume.
    pub dispatch: QueueState,
    /// What could not be read.
    pub dead: QueueState,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueState {
    /// It exists.
    There {
        /// Messages that wait.
        messages: u32,
        /// Who consumes it.
        consumers: u32,
        /// How it differs from what we declare, in the broker's words.
        difference: Option<String>,
    },
    /// It does not exist, and this user may make it.
    Missing,
    /// It does not exist and cannot be made, for this reason of the broker's: a right or a limit.
    Forbidden(String),
    /// The broker would not say.
    Unknown(String),
}

/// Looks at both queues; `Err` when the broker cannot be reached.
pub async fn inspect(url: &BrokerUrl) -> Result<Inspected, String> {
    let connection = session::bounded(session::open(url, "doctor")).await?;
    let dispatch = state(&connection, QUEUE).await;
    let dead = state(&connection, DEAD_QUEUE).await;
    if let Err(error) = connection.close(200, "done".into()).await {
        log::debug!(event = "broker_close_failed", error:% = error; "could not close doctor's connection to RabbitMQ");
    }
    Ok(Inspected { version: version(url).await, dispatch, dead })
}

async fn state(connection: &Connection, queue: &'static str) -> QueueState {
    let look = async {
        let Some(found) = topology::look(connection, queue).await? else {
            return Ok(topology::obstacle(connection, queue).await?.map_or(QueueState::Missing, QueueState::Forbidden));
        };
        let (messages, consumers) = (found.message_count(), found.consumer_count());
        Ok(QueueState::There { messages, consumers, difference: difference(connection, queue).await? })
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, look).await {
        Ok(Ok(state)) => state,
        Ok(Err(error)) => QueueState::Unknown(Error::to_string(&error)),
        Err(_elapsed) => {
            let seconds = ANSWER_TIMEOUT.as_secs();
            QueueState::Unknown(format!(
                "no answer within {seconds} s: the queue may have no leader (rabbitmq-queues quorum_status)"
            ))
        }
    }
}

/// Declares the queue that is there as it should be: the broker compares, and names what differs.
async fn difference(connection: &Connection, queue: &'static str) -> Result<Option<String>, Error> {
    let channel = connection.create_channel().await?;
    match topology::declare_as_it_should_be(&channel, queue).await {
        Ok(()) => Ok(None),
        Err(error) if topology::is_of_the_channel(&error) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
