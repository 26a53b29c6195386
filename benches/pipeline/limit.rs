//! What the machine allows: the rows of PoundCake by multi-row inserts, its messages by pipelined confirms and its
//! `queued` marks, all at the same time, without HTTP, without JSON, without any decision.

use super::{
    load::Load,
    rows::{self, Inserted, Rows},
    world::Database,
};
use futures_util::future::join_all;
use lapin::{
    BasicProperties, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use poundcake::{
    broker::{
        amqp::{EXCHANGE, ROUTING_KEY},
        message::Message,
    },
    model::ids::{AlertId, RequestId},
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use tokio::sync::mpsc;

/// Connections that insert; more gain nothing on two cores.
const WRITERS: usize = 2;
/// Alerts per transaction: where MariaDB is fastest.
const ROWS: usize = 500;
/// Transactions that wait for the publisher, and batches that wait for their confirms.
const AHEAD: usize = 2;

/// Alerts per second that were inserted, confirmed and marked.
pub fn run(database: &Database, amqp: &str, load: &Load, at_window: impl FnOnce()) -> anyhow::Result<f64> {
    let begin = Instant::now() + load.warm_up;
    let end = begin + load.window;
    let stop = AtomicBool::new(false);
    let (to_publish, inserted) = mpsc::channel::<Inserted>(AHEAD);
    let (to_mark, confirmed) = std::sync::mpsc::sync_channel::<Vec<i64>>(AHEAD);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..WRITERS {
            let (to_publish, stop) = (to_publish.clone(), &stop);
            threads.push(scope.spawn(move || write(database, load.alerts, &to_publish, stop)));
        }
        drop(to_publish);
        threads.push(scope.spawn(move || publish(amqp, inserted, to_mark)));
        let marking = scope.spawn(move || mark(database, &confirmed, begin, end));
        std::thread::sleep(load.warm_up);
        at_window();
        std::thread::sleep(load.window);
        stop.store(true, Ordering::Release);
        for thread in threads {
            thread.join().map_err(|_panic| anyhow::anyhow!("a thread failed"))??;
        }
        let marked = marking.join().map_err(|_panic| anyhow::anyhow!("a thread failed"))??;
        Ok(super::stats::float(marked) / load.window.as_secs_f64())
    })
}

fn write(database: &Database, alerts: usize, to: &mpsc::Sender<Inserted>, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut conn = database.connect()?;
    let mut rows = Rows::new(alerts);
    while !stop.load(Ordering::Acquire) {
        let inserted = rows.insert(&mut conn, ROWS / alerts, "pending")?;
        if to.blocking_send(inserted).is_err() {
            break;
        }
    }
    Ok(())
}

/// Publishes what was inserted until the writers end; the confirms of one batch are awaited while the next is sent.
pub fn publish(
    amqp: &str,
    mut inserted: mpsc::Receiver<Inserted>,
    to_mark: std::sync::mpsc::SyncSender<Vec<i64>>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let connection = lapin::Connection::connect(amqp, lapin::ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (to_confirm, mut sent) = mpsc::channel::<Vec<(i64, PublisherConfirm)>>(AHEAD);
        let confirming = tokio::spawn(async move {
            while let Some(batch) = sent.recv().await {
                let mut ids = Vec::with_capacity(batch.len());
                for (id, confirm) in batch {
                    anyhow::ensure!(matches!(confirm.await?, Confirmation::Ack(None)), "a message was not confirmed");
                    ids.push(id);
                }
                to_mark.send(ids)?;
            }
            Ok(())
        });
        let channel = &channel;
        while let Some(batch) = inserted.recv().await {
            // All are queued before the first is written: the fastest way with this client.
            let sends = batch.pairs().map(|(id, request)| async move { Ok((id, send(channel, id, request).await?)) });
            let confirms = join_all(sends).await.into_iter().collect::<Result<_, lapin::Error>>()?;
            if to_confirm.send(confirms).await.is_err() {
                break;
            }
        }
        drop(to_confirm);
        confirming.await??;
        connection.close(200, "done".into()).await?;
        Ok(())
    })
}

async fn send(channel: &lapin::Channel, id: i64, request: RequestId) -> Result<PublisherConfirm, lapin::Error> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2).with_content_type("application/json".into());
    let text = Message::new(AlertId(id), request, 0).encode();
    channel.basic_publish(EXCHANGE.into(), ROUTING_KEY.into(), options, text.as_bytes(), properties).await
}

fn mark(
    database: &Database,
    confirmed: &std::sync::mpsc::Receiver<Vec<i64>>,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<usize> {
    let mut conn = database.connect()?;
    let mut marked = 0;
    for ids in confirmed {
        rows::mark_queued(&mut conn, &ids)?;
        let now = Instant::now();
        marked += if now >= begin && now < end { ids.len() } else { 0 };
    }
    Ok(marked)
}
