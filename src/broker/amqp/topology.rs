//! The exchange, the queue and where dead letters go; declared on every connect, by both sides.

use lapin::{
    Channel, Connection, Error, ErrorKind, ExchangeKind, Queue,
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
    declare_as_it_should_be(&channel, DEAD_QUEUE).await?;
    declare_as_it_should_be(&channel, QUEUE).await?;
    Ok(Some(channel))
}

async fn exists(connection: &Connection) -> Result<bool, Error> {
    Ok(look(connection, QUEUE).await?.is_some())
}

/// A queue as it is; `None` if there is none. A passive declare of a missing queue closes its channel with 404, so it gets
/// a channel of its own.
pub(super) async fn look(connection: &Connection, queue: &'static str) -> Result<Option<Queue>, Error> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(queue.into(), passive, FieldTable::default()).await {
        Ok(found) => {
            channel.close(200, ShortString::from("")).await?;
            Ok(Some(found))
        }
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Exchange and queue once more, by which the broker compares what is there with what we want.
pub(super) async fn declare_as_it_should_be(channel: &Channel, queue: &'static str) -> Result<(), Error> {
    if queue == DEAD_QUEUE {
        declare_queue(channel, DEAD_EXCHANGE, ExchangeKind::Fanout, DEAD_QUEUE, dead_arguments()).await
    } else {
        declare_queue(channel, EXCHANGE, ExchangeKind::Direct, QUEUE, dispatch_arguments()).await
    }
}

fn is_not_found(error: &Error) -> bool {
    replied(error, &AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

/// Whether the broker closed the channel or the connection with this reply code.
pub(super) fn replied(error: &Error, kind: &AMQPErrorKind) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.kind() == kind)
}

/// What keeps this user from making a queue that is not there, and its exchange; `None`: nothing. Makes neither.
///
/// Both are declared with an argument that no broker takes. RabbitMQ looks at rights first, then at the vhost's limits, then at
/// the arguments; so a complaint about our argument says that everything before it is in order. (An exchange that is there is
/// compared instead, which is as good.)
pub(super) async fn obstacle(connection: &Connection, queue: &'static str) -> Result<Option<String>, Error> {
    let (exchange, arguments) =
        if queue == DEAD_QUEUE { (DEAD_EXCHANGE, dead_arguments()) } else { (EXCHANGE, dispatch_arguments()) };
    let exchange = impossible_exchange(connection, exchange).await;
    let queue = impossible_queue(connection, queue, arguments).await;
    for declared in [exchange, queue] {
        match declared {
            Err(error) if !is_of_the_channel(&error) => return Err(error),
            Err(error) if !is_of_the_argument(&error) => return Ok(Some(error.to_string())),
            _ => {}
        }
    }
    Ok(None)
}

async fn impossible_exchange(connection: &Connection, exchange: &str) -> Result<(), Error> {
    let mut arguments = FieldTable::default();
    arguments.insert("alternate-exchange".into(), AMQPValue::LongInt(-1));
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let channel = connection.create_channel().await?;
    channel.exchange_declare(exchange.into(), ExchangeKind::Direct, durable, arguments).await
}

async fn impossible_queue(connection: &Connection, queue: &str, mut arguments: FieldTable) -> Result<(), Error> {
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongInt(-1));
    let channel = connection.create_channel().await?;
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await.map(drop)
}

fn is_of_the_argument(error: &Error) -> bool {
    replied(error, &AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)) && error.to_string().contains(" arg ")
}

/// Refused by the broker, which goes on talking to us: another type, other arguments, a limit, or no right to declare.
pub(super) fn is_of_the_channel(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if matches!(amqp.kind(), AMQPErrorKind::Soft(_)))
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
