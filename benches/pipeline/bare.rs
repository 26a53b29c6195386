//! The bare loop: consume, POST, batched link INSERT, ack. What a dispatcher costs that claims nothing, records nothing
//! in the alert's row and remembers nothing.

use super::{
    dispatch::{KEPT, OWN},
    stackstorm::{ACTION, KEY},
};
use anyhow::Context;
use diesel::{Connection, MysqlConnection, connection::SimpleConnection};
use futures_util::StreamExt;
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use poundcake::broker::{amqp::QUEUE, message::Message};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue};
use std::{collections::BTreeSet, fmt::Write, net::SocketAddr, sync::Arc};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    sync::{Semaphore, mpsc},
};

/// Links per INSERT at most.
const LINKS: usize = 256;

/// A call that was made, and is to be linked.
struct Done {
    tag: u64,
    message: Message,
    execution_id: String,
}

#[derive(serde::Deserialize)]
struct Created {
    id: String,
}

/// Runs until it is killed. Arguments: address (answers once it consumes), `DATABASE_URL`, `AMQP_URL`, StackStorm's
/// address, concurrency, and which connections to it: [`OWN`] or [`KEPT`].
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [address, database, amqp, stackstorm, concurrency, connections] = arguments else {
        anyhow::bail!("bare: address, database, broker, StackStorm, concurrency and connections")
    };
    let concurrency: u16 = concurrency.parse()?;
    let mut conn = MysqlConnection::establish(database)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let connection = lapin::Connection::connect(amqp, lapin::ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(concurrency * 2, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let mut deliveries = channel.basic_consume(QUEUE.into(), "".into(), options, FieldTable::default()).await?;
        tokio::spawn(answer(address.parse()?));
        let (done, finished) = mpsc::channel(LINKS);
        let acks = tokio::runtime::Handle::current();
        let linking = std::thread::spawn(move || link(&mut conn, finished, &channel, &acks));
        let mut headers = HeaderMap::new();
        match connections.as_str() {
            OWN => drop(headers.insert(CONNECTION, HeaderValue::from_static("close"))),
            KEPT => {}
            other => anyhow::bail!("bare: {OWN} or {KEPT}, not {other}"),
        }
        let client = reqwest::Client::builder().default_headers(headers).build()?;
        let slots = Arc::new(Semaphore::new(concurrency.into()));
        let url = format!("http://{stackstorm}/v1/executions");
        while let Some(delivery) = deliveries.next().await {
            let slot = Arc::clone(&slots).acquire_owned().await?;
            let (post, done) = (client.post(&url), done.clone());
            let delivery = delivery?;
            tokio::spawn(async move {
                match trigger(post, &delivery).await {
                    Ok(finished) => drop(done.send(finished).await),
                    Err(error) => eprintln!("{error:#}"),
                }
                drop(slot);
            });
        }
        drop(done);
        linking.join().map_err(|_panic| anyhow::anyhow!("the linking thread failed"))?
    })
}

async fn trigger(post: reqwest::RequestBuilder, delivery: &Delivery) -> anyhow::Result<Done> {
    let message = Message::decode(&delivery.data)?;
    let body = serde_json::json!({
        "action": ACTION,
        "parameters": {
            "alert_name": "HostDown",
            "instance": "node-0000000000",
            "poundcake_request_id": message.request_id,
        },
        "context": {
            "poundcake": { "request_id": message.request_id, "alert_id": message.alert_id },
            "trace_context": { "trace_tag": format!("poundcake:{}:{}:0", message.request_id, message.alert_id) },
        },
    });
    let answer = post.header("St2-Api-Key", KEY).json(&body).send().await?.error_for_status()?;
    let created: Created = answer.json().await.context("StackStorm's answer")?;
    Ok(Done { tag: delivery.delivery_tag, message, execution_id: created.id })
}

/// Inserts what has gathered, then acks: everything up to the first delivery that is not done, at once.
fn link(
    conn: &mut MysqlConnection,
    mut finished: mpsc::Receiver<Done>,
    channel: &Channel,
    runtime: &tokio::runtime::Handle,
) -> anyhow::Result<()> {
    let (mut batch, mut acked, mut early) = (Vec::new(), 0, BTreeSet::new());
    while finished.blocking_recv_many(&mut batch, LINKS) > 0 {
        let mut text =
            "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, \
             created_at) VALUES "
                .to_owned();
        for (index, done) in batch.drain(..).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let Done { tag, message, execution_id } = done;
            write!(
                text,
                "{comma}('{}',{},'{execution_id}','{ACTION}',UTC_TIMESTAMP(6))",
                message.request_id, message.alert_id
            )?;
            early.insert(tag);
        }
        conn.batch_execute(&text)?;
        let before = acked;
        while early.first() == Some(&(acked + 1)) {
            early.pop_first();
            acked += 1;
        }
        if acked > before {
            runtime.block_on(channel.basic_ack(acked, BasicAckOptions { multiple: true }))?;
        }
    }
    Ok(())
}

/// Answers every connection with 200: it is ready.
async fn answer(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    }
}
