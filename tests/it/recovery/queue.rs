//! The queue is gone, or RabbitMQ has lost what is behind it: it is declared again, and nothing is lost or run twice.

use super::{ROUTES, alerts, proxied};
use crate::harness::{
    ChaosProxy, PATIENCE, Pipeline, Running, SOON, Services, Setup, Shape, Vhost, client, eventually,
};

const QUEUE: &str = "poundcake.dispatch";

fn vhost(pipeline: &Pipeline) -> &Vhost {
    pipeline.setup.vhost.as_ref().expect("a vhost")
}

async fn rows(pipeline: &Pipeline, status: &str, count: i64) {
    eventually(&format!("{count} rows are {status}"), SOON, async || {
        match pipeline.database().count(&format!("poundcake_alerts WHERE dispatch_status = '{status}'")) {
            found if found == count => Ok(()),
            others => Err(others),
        }
    })
    .await;
}

/// The value of one of a process's metrics.
async fn figure(process: &Running, series: &str) -> u64 {
    let answer = client().get(process.url("/metrics")).send().await.expect("an answer");
    let text = answer.text().await.expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {text}"))
}

async fn repairs(dispatchers: &[&Running]) -> u64 {
    let mut sum = 0;
    for dispatcher in dispatchers {
        sum += figure(dispatcher, "poundcake_queue_repairs_total ").await;
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_rabbitmq_lost_in_a_kill_is_repaired_once_and_survives_the_next_kill() {
    let services = Services::private();
    let setup = Setup::on(&services).await.routes(ROUTES).variable("POUNDCAKE_QUEUE_REPAIR", "2s");
    let mut pipeline = setup.start_without_dispatcher().await;
    pipeline.send(&alerts(10)[..5]).await;
    rows(&pipeline, "queued", 5).await;
    vhost(&pipeline).forget_process(QUEUE);
    services.signal_rabbitmq("KILL");
    services.revive_rabbitmq();
    // Refused by the broker, and kept in the database.
    pipeline.send(&alerts(10)[5..]).await;
    let other = pipeline.setup.process("dispatcher").start().ready().await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(10).await;
    let dispatchers = [&other, pipeline.dispatcher()];
    assert_eq!(repairs(&dispatchers).await, 1, "one of the two did it");

    services.signal_rabbitmq("KILL");
    services.revive_rabbitmq();
    pipeline.send(&alerts(11)[10..]).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(11).await;
    assert_eq!(repairs(&dispatchers).await, 1, "RabbitMQ knows the new queue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_queue_is_left_to_its_operator_and_the_log_says_what_to_do() {
    let services = Services::private();
    let setup = Setup::on(&services).await.routes(ROUTES).variable("POUNDCAKE_QUEUE_REPAIR", "0s");
    let mut pipeline = setup.start_without_dispatcher().await;
    pipeline.send(&alerts(5)).await;
    rows(&pipeline, "queued", 5).await;
    // Its dead letters are lost likewise, which stops nothing.
    for queue in [QUEUE, "poundcake.dead"] {
        vhost(&pipeline).stop_process(queue);
    }
    pipeline.start_dispatcher().await;
    eventually("the log says what to do, and the metrics show it", SOON, async || {
        let log = pipeline.dispatcher().output("stderr");
        let told = log.matches("delete the queue").count() > 2;
        if told && figure(pipeline.dispatcher(), "poundcake_queue_refused ").await == 1 { Ok(()) } else { Err(log) }
    })
    .await;
    vhost(&pipeline).delete_queue(QUEUE).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
    assert_eq!(figure(pipeline.dispatcher(), "poundcake_queue_refused ").await, 0);
    assert_eq!(repairs(&[pipeline.dispatcher()]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_waits_for_an_election_for_ever_is_left_to_its_operator_and_the_log_says_what_to_do() {
    let services = Services::private();
    let setup = Setup::on(&services).await.routes(ROUTES).variable("POUNDCAKE_QUEUE_REPAIR", "2s");
    let mut pipeline = setup.start_without_dispatcher().await;
    pipeline.send(&alerts(5)).await;
    rows(&pipeline, "queued", 5).await;
    vhost(&pipeline).unelect(QUEUE);
    pipeline.start_dispatcher().await;
    eventually("the log says what to do", PATIENCE, async || {
        let log = pipeline.dispatcher().output("stderr");
        if log.contains("rabbitmqctl delete_queue -p") { Ok(()) } else { Err(log) }
    })
    .await;
    vhost(&pipeline).delete_queue(QUEUE).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
    assert_eq!(repairs(&[pipeline.dispatcher()]).await, 0, "a majority that is away would look the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_finds_the_queue_gone_publishes_what_was_in_it() {
    let mut pipeline = proxied(Shape::Separate).await.start_without_dispatcher().await;
    pipeline.send(&alerts(5)).await;
    rows(&pipeline, "queued", 5).await;
    pipeline.ingest.kill();
    vhost(&pipeline).delete_queue(QUEUE).await;
    pipeline.ingest = pipeline.ingest.again().await;
    eventually("all are in the new queue", SOON, async || match vhost(&pipeline).depth(QUEUE).await {
        Some(5) => Ok(()),
        other => Err(other),
    })
    .await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_queue_is_not_declared_before_what_was_in_it_is_due() {
    let mut pipeline = proxied(Shape::Separate).await.start_without_dispatcher().await;
    pipeline.send(&alerts(5)).await;
    rows(&pipeline, "queued", 5).await;
    // A dispatcher that finds no queue, and no database to say so.
    pipeline.setup.network().consumer().break_networking();
    let database = ChaosProxy::before(pipeline.database().address());
    let url = pipeline.database().url_through(database.address());
    let dispatcher = pipeline.setup.process("dispatcher").variable("DATABASE_URL", url).start().ready().await;
    vhost(&pipeline).delete_queue(QUEUE).await;
    database.break_networking();
    pipeline.setup.network().consumer().restore_networking();
    eventually("the dispatcher waits for the database", SOON, async || {
        let log = dispatcher.output("stderr");
        if log.contains("what=requeue") { Ok(()) } else { Err(log) }
    })
    .await;
    // A kill here, or anywhere before the declare, leaves the queue missing, and the next one finds it so.
    dispatcher.kill();
    assert_eq!(vhost(&pipeline).depth(QUEUE).await, None);
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
}
