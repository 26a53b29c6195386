//! The exchange, the queue and where dead letters go; declared on every connect, by both sides.

use lapin::{
    Channel, Connection, Error, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};

/// The direct exchange that ingest publishes to.
pub const EXCHANGE: &str = "poundcake";
/// The routing key of every message.
pub const ROUTING_KEY: &str = "dispatch";
/// The quorum queue that dispatchers consume.
pub const QUEUE: &str = "poundcake.dispatch";
/// The exchange and the queue of messages that could not be read, or were delivered 1,000 times.
pub const DEAD_QUEUE: &str = "poundcake.dead";
const DEAD_EXCHANGE: &str = "poundcake.dead";
const DELIVERY_LIMIT: i32 = 1_000;
const DEAD_LENGTH: i32 = 100_000;

/// Declares everything and opens a channel. `None` if the queue is not there and may not be created. A queue that exists
/// with other arguments is the broker's 406, whose text names the difference.
pub(super) async fn declare(connection: &Connection, may_create: bool) -> Result<Option<Channel>, Error> {
    if !may_create && !exists(connection).await? {
        return Ok(None);
    }
    let channel = connection.create_channel().await?;
    declare_queue(&channel, DEAD_EXCHANGE, ExchangeKind::Fanout, DEAD_QUEUE, dead_arguments()).await?;
    declare_dispatch(&channel).await?;
    Ok(Some(channel))
}

/// The exchange and the queue of dispatches alone.
pub(super) async fn declare_dispatch(channel: &Channel) -> Result<(), Error> {
    declare_queue(channel, EXCHANGE, ExchangeKind::Direct, QUEUE, dispatch_arguments()).await
}

/// A passive declare of a missing queue closes its channel with 404, so it gets a channel of its own.
async fn exists(connection: &Connection) -> Result<bool, Error> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(QUEUE.into(), passive, FieldTable::default()).await {
        Ok(_) => {
            channel.close(200, ShortString::from("")).await?;
            Ok(true)
        }
        Err(error) if is_not_found(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_not_found(error: &Error) -> bool {
    replied(error, &AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

/// Whether the broker closed the channel or the connection with this reply code.
pub(super) fn replied(error: &Error, kind: &AMQPErrorKind) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.kind() == kind)
}

async fn declare_queue(
    channel: &Channel,
    exchange: &str,
    kind: ExchangeKind,
    queue: &str,
    arguments: FieldTable,
) -> Result<(), Error> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(exchange.into(), kind, durable, FieldTable::default()).await?;
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await?;
    let key = ROUTING_KEY.into();
    channel.queue_bind(queue.into(), exchange.into(), key, QueueBindOptions::default(), FieldTable::default()).await
}

fn dispatch_arguments() -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-dead-letter-exchange".into(), text(DEAD_EXCHANGE));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    arguments
}

fn dead_arguments() -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(DEAD_LENGTH));
    arguments
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
