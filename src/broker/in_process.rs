//! The queue of `standalone`: a bounded channel. Its content is lost with the process; the sweep publishes the rows again.

use super::{Delivery, Event, PublishError, message::Message};
use tokio::sync::mpsc;

/// Messages held at most; beyond that rows stay `pending` and the relay publishes them later.
const CAPACITY: usize = 10_000;

/// The sending side.
#[derive(Clone)]
pub struct Publisher(mpsc::Sender<Message>);

/// The receiving side.
pub struct Consumer {
    receiver: mpsc::Receiver<Message>,
    fresh: bool,
}

/// A connected pair.
pub fn pair() -> (Publisher, Consumer) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (Publisher(sender), Consumer { receiver, fresh: true })
}

impl Publisher {
    /// Never waits: full or unconsumed is a result.
    pub fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let send = |message: &Message| match self.0.try_send(*message) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(PublishError::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Err(PublishError::Unavailable("the dispatcher of this process has stopped".to_owned()))
            }
        };
        messages.iter().map(send).collect()
    }
}

impl Consumer {
    /// The first event is always [`Event::NoQueue`]: the queue of the process before is gone.
    pub async fn next(&mut self) -> Event {
        if std::mem::take(&mut self.fresh) {
            return Event::NoQueue;
        }
        match self.receiver.recv().await {
            Some(message) => Event::Delivery(Delivery { message, returned: 0, amqp: None }),
            None => std::future::pending().await,
        }
    }
}
