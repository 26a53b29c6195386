//! Consumes: reconnects without a limit, returns decoded messages, dead-letters unreadable ones. Never requeues.

use super::{
    acks::Acks,
    refusal,
    repair::{self, Repair},
    session::{self, Session, SessionError},
    topology::QUEUE,
    url::BrokerUrl,
};
use crate::{
    broker::{Delivery, Event, message::Message},
    retry::Reconnect,
};
use futures_util::{StreamExt, TryFutureExt};
use lapin::{
    message::Delivery as AmqpDelivery,
    options::{BasicConsumeOptions, BasicQosOptions, BasicRejectOptions},
    types::{AMQPValue, FieldTable},
};
use prometheus::IntGauge;
use std::{sync::Arc, time::Instant};

/// The receiving side.
pub struct Consumer {
    url: BrokerUrl,
    prefetch: u16,
    subscription: Option<Subscription>,
    reconnect: Reconnect,
    repair: Repair,
    queue: Queue,
    connected: IntGauge,
}

/// What is known of the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    /// It exists, or the consumer has not looked yet.
    Assumed,
    /// It is missing, or nothing is behind it, and the caller has been told.
    Missing,
    /// What was in it is due: the next connection creates or repairs it.
    MayCreate,
}

struct Subscription {
    session: Session,
    stream: lapin::Consumer,
    acks: Arc<Acks>,
}

impl Consumer {
    /// Does not connect yet. `prefetch` is how many unacked messages the broker hands out at most.
    /// `connected` is 1 while there is a connection.
    pub fn new(url: BrokerUrl, prefetch: u16, repair: Repair, connected: IntGauge) -> Self {
        let (subscription, reconnect, queue) = (None, Reconnect::new(), Queue::Assumed);
        Self { url, prefetch, subscription, reconnect, repair, queue, connected }
    }

    /// See [`crate::broker::Consumer::next`].
    pub async fn next(&mut self) -> Event {
        loop {
            let Some(subscription) = &mut self.subscription else {
                self.connect().await;
                if self.queue == Queue::Missing {
                    return Event::NoQueue;
                }
                continue;
            };
            match subscription.stream.next().await {
                Some(Ok(delivery)) => {
                    if let Some(delivery) = decode(delivery, &subscription.acks).await {
                        return Event::Delivery(delivery);
                    }
                }
                Some(Err(error)) => self.lost(&error.to_string()),
                None => self.lost("the broker ended the subscription (the queue may have been deleted)"),
            }
        }
    }

    /// See [`crate::broker::Consumer::create_queue`].
    pub fn create_queue(&mut self) {
        self.queue = Queue::MayCreate;
    }

    /// See [`crate::broker::Consumer::pause`].
    pub async fn pause(&mut self) {
        self.connected.set(0);
        if let Some(subscription) = self.subscription.take()
            && let Err(error) = subscription.session.connection.close(200, "paused".into()).await
        {
            log::debug!(
                event = "broker_close_failed", error:% = error;
                "could not close the consumer's connection to RabbitMQ"
            );
        }
    }

    fn lost(&mut self, error: &str) {
        log::warn!(event = "broker_lost", broker = self.url.label(); "lost the connection to RabbitMQ: {error}");
        self.subscription = None;
        self.connected.set(0);
    }

    async fn connect(&mut self) {
        tokio::time::sleep(self.reconnect.remaining()).await;
        let may_create = std::mem::replace(&mut self.queue, Queue::Assumed) == Queue::MayCreate;
        let subscribed = self.subscribe(may_create).await;
        self.repair.note(matches!(subscribed, Err(Refusal::NoLeader(_))));
        let error = match subscribed {
            Ok(subscription) => {
                self.reconnect.succeeded();
                self.subscription = Some(subscription);
                self.connected.set(1);
                return;
            }
            Err(Refusal::NoQueue) => {
                self.queue = Queue::Missing;
                return;
            }
            // What was in it is made due first.
            Err(Refusal::NoLeader(_)) if self.repair.is_due(Instant::now()) && !may_create => {
                self.queue = Queue::Missing;
                return;
            }
            Err(Refusal::NoLeader(error)) if self.repair.is_due(Instant::now()) => {
                match self.repair.run(&self.url).await {
                    // The next connection finds it missing.
                    Ok(true) => return,
                    Ok(false) => error,
                    Err(trouble) => format!("{error}; the queue could not be repaired: {trouble}"),
                }
            }
            Err(Refusal::NoLeader(error)) => format!("{error}; {}", self.repair.outlook()),
            Err(Refusal::Refused(error)) => {
                session::say_once(self.reconnect.is_news(&error), &self.url.label(), "consumer", &error);
                self.reconnect.failed(&error);
                return;
            }
            Err(Refusal::Other(error)) => error,
        };
        let wait = self.reconnect.failed(&error);
        log::warn!(
            event = "broker_waiting", broker = self.url.label(), wait_ms = wait.as_millis();
            "waiting for RabbitMQ: {error}"
        );
    }

    async fn subscribe(&self, may_create: bool) -> Result<Subscription, Refusal> {
        let session = session::connect(&self.url, "consumer", may_create).await?;
        let begun = Instant::now();
        let mut no_leader = false;
        let subscribe = async {
            session.channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            session.channel.basic_consume(QUEUE.into(), "".into(), options, FieldTable::default()).await
        };
        let mut refused = false;
        let noted = subscribe.inspect_err(|error| {
            no_leader = repair::is_no_leader(error, begun.elapsed());
            refused = refusal::advice(error).is_some();
        });
        match session::bounded(noted).await {
            Ok(stream) => {
                let acks = Arc::new(Acks::new(session.channel.clone(), self.prefetch));
                Ok(Subscription { session, stream, acks })
            }
            Err(error) if no_leader => Err(Refusal::NoLeader(error)),
            Err(error) if refused => Err(Refusal::Refused(error)),
            Err(error) if begun.elapsed() >= session::CONNECT_TIMEOUT => {
                Err(Refusal::Other(format!("{error}; {}", repair::unanswered(self.url.vhost()))))
            }
            Err(error) => Err(Refusal::Other(error)),
        }
    }
}

/// Why there is no subscription.
enum Refusal {
    NoQueue,
    /// The queue exists, and no process in RabbitMQ serves it.
    NoLeader(String),
    /// A person has to do something.
    Refused(String),
    Other(String),
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NoQueue => Self::NoQueue,
            SessionError::Refused(text) => Self::Refused(text),
            SessionError::Failed(text) => Self::Other(text),
        }
    }
}

/// How often a quorum queue has delivered it before.
fn returned(delivery: &AmqpDelivery) -> u32 {
    let headers = delivery.properties.headers().as_ref();
    let count =
        headers.and_then(|headers| headers.inner().get("x-delivery-count")).and_then(AMQPValue::as_long_long_int);
    count.map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

async fn decode(delivery: AmqpDelivery, acks: &Arc<Acks>) -> Option<Delivery> {
    let tag = delivery.delivery_tag;
    match Message::decode(&delivery.data) {
        Ok(message) => Some(Delivery { message, returned: returned(&delivery), amqp: Some((Arc::clone(acks), tag)) }),
        Err(error) => {
            log::error!(
                event = "message_dead_lettered", bytes = delivery.data.len();
                "unreadable message; moving it to poundcake.dead: {error}"
            );
            if let Err(error) = delivery.reject(BasicRejectOptions { requeue: false }).await {
                log::debug!(event = "reject_failed", error:% = error; "reject failed; RabbitMQ redelivers the message");
            }
            acks.rejected(tag);
            None
        }
    }
}
