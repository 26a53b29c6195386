//! Consuming: reconnects for ever, hands out decoded messages, dead-letters what cannot be read. Never requeues.

use super::{
    acks::Acks,
    link::{self, BrokerUrl, Link},
    topology::QUEUE,
};
use crate::{
    broker::{Delivery, Event, message::Message},
    retry::Reconnect,
};
use futures_util::StreamExt;
use lapin::{
    message::Delivery as AmqpDelivery,
    options::{BasicConsumeOptions, BasicQosOptions, BasicRejectOptions},
    types::FieldTable,
};
use std::sync::Arc;

/// The receiving side.
pub struct Consumer {
    url: BrokerUrl,
    prefetch: u16,
    subscription: Option<Subscription>,
    reconnect: Reconnect,
    /// The queue was created and nobody has been told yet. It outlives the connection that did it.
    queue_created: bool,
}

struct Subscription {
    link: Link,
    stream: lapin::Consumer,
    acks: Arc<Acks>,
}

impl Consumer {
    /// Does not connect yet. `prefetch` is how many unacked messages the broker hands out at most.
    pub fn new(url: BrokerUrl, prefetch: u16) -> Self {
        Self { url, prefetch, subscription: None, reconnect: Reconnect::new(), queue_created: false }
    }

    /// See [`crate::broker::Consumer::next`].
    pub async fn next(&mut self) -> Event {
        loop {
            let Some(subscription) = &mut self.subscription else {
                self.connect().await;
                continue;
            };
            if std::mem::take(&mut self.queue_created) {
                return Event::QueueCreated;
            }
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

    /// See [`crate::broker::Consumer::pause`].
    pub async fn pause(&mut self) {
        if let Some(subscription) = self.subscription.take()
            && let Err(error) = subscription.link.connection.close(200, "paused".into()).await
        {
            log::debug!(error:% = error; "closing the consumer's connection failed");
        }
    }

    fn lost(&mut self, error: &str) {
        log::warn!(broker = self.url.label(); "lost RabbitMQ: {error}");
        self.subscription = None;
    }

    async fn connect(&mut self) {
        tokio::time::sleep(self.reconnect.remaining()).await;
        match self.subscribe().await {
            Ok(subscription) => {
                self.reconnect.succeeded();
                self.subscription = Some(subscription);
            }
            Err(error) => {
                let wait = self.reconnect.failed(&error);
                log::warn!(broker = self.url.label(), wait_ms = wait.as_millis(); "waiting for RabbitMQ: {error}");
            }
        }
    }

    async fn subscribe(&mut self) -> Result<Subscription, String> {
        let link = link::connect(&self.url, "consumer").await?;
        self.queue_created |= link.queue_created;
        let subscribe = async {
            link.channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            link.channel.basic_consume(QUEUE.into(), "".into(), options, FieldTable::default()).await
        };
        let stream = subscribe.await.map_err(|error: lapin::Error| error.to_string())?;
        let acks = Arc::new(Acks::new(link.channel.clone(), self.prefetch));
        Ok(Subscription { link, stream, acks })
    }
}

async fn decode(delivery: AmqpDelivery, acks: &Arc<Acks>) -> Option<Delivery> {
    let tag = delivery.delivery_tag;
    match Message::decode(&delivery.data) {
        Ok(message) => Some(Delivery { message, amqp: Some((Arc::clone(acks), tag)) }),
        Err(error) => {
            log::error!(bytes = delivery.data.len(); "a message cannot be read and goes to poundcake.dead: {error}");
            if let Err(error) = delivery.reject(BasicRejectOptions { requeue: false }).await {
                log::debug!(error:% = error; "reject failed; the broker delivers it again");
            }
            acks.rejected(tag);
            None
        }
    }
}
