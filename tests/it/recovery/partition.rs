//! Packets to MariaDB vanish: nothing is refused or reset, and the client library would wait for hours. Every process works
//! again without a restart soon after there is a database to reach, and holds no more threads than the outage found at work.

use super::{alerts, proxied};
use crate::harness::{ChaosProxy, PATIENCE, Pipeline, Running, SOON, Setup, Shape, client, eventually, firing};
use serde_json::{Value, json};
use std::time::Duration;

/// Threads that may hang with their connections: the pool's, and the writer's.
const CONNECTIONS: usize = 8;

async fn setup() -> Setup {
    // A claim lives longer than the database may be silent.
    let setup = proxied(Shape::Separate).await.variable("POUNDCAKE_LEASE", "37s");
    setup.variable("POUNDCAKE_DB_TIMEOUT", "5s").variable("POUNDCAKE_DB_POOL", (CONNECTIONS - 1).to_string())
}

/// A pipeline that has worked, so that its connections are there.
async fn at_work() -> Pipeline {
    let pipeline = setup().await.start().await;
    pipeline.send(&[firing("HostDown", "before:9100", super::T0)]).await;
    pipeline.settled().await;
    pipeline
}

async fn status(pipeline: &Pipeline, alert: &Value) -> u16 {
    pipeline.post(json!({ "alerts": [alert] }).to_string()).await.0
}

async fn ready(process: &Running) -> u16 {
    client().get(process.url("/readyz")).send().await.expect("an answer").status().as_u16()
}

async fn becomes_ready(process: &Running) {
    let ready = async || match ready(process).await {
        200 => Ok(()),
        other => Err(other),
    };
    eventually("the process is ready again", SOON, ready).await;
}

/// Given up, as the process itself counts them.
async fn lost_threads(process: &Running) -> usize {
    let text = client().get(process.url("/metrics")).send().await.expect("an answer").text().await.expect("a text");
    let value = text.lines().find_map(|line| line.strip_prefix("poundcake_database_lost_threads "));
    value.and_then(|value| value.parse().ok()).expect("the gauge")
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_leaves_old_connections_silent_ingest_is_503_and_then_stores_again() {
    let pipeline = at_work().await;
    let threads = pipeline.ingest.threads();
    pipeline.setup.network().database().strand();
    let all = alerts(20);
    let first = futures_util::future::join_all(all.iter().map(|alert| status(&pipeline, alert))).await;
    assert!(first.iter().all(|status| matches!(status, 202 | 503)), "{first:?}");
    assert!(first.contains(&503), "the writer's connection was silent");
    for alert in &all {
        pipeline.deliver(std::slice::from_ref(alert)).await;
    }
    becomes_ready(&pipeline.ingest).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(21).await;
    assert!(lost_threads(&pipeline.ingest).await <= CONNECTIONS);
    assert!(pipeline.ingest.threads() <= threads + CONNECTIONS + 4, "{} of {threads}", pipeline.ingest.threads());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_leaves_old_connections_silent_a_dispatcher_dispatches_again() {
    let pipeline = at_work().await;
    let threads = pipeline.dispatcher().threads();
    pipeline.send(&alerts(40)).await;
    pipeline.setup.network().dispatcher_database().strand();
    pipeline.settled_within(PATIENCE).await;
    becomes_ready(pipeline.dispatcher()).await;
    pipeline.assert_ledger(41).await;
    let now = pipeline.dispatcher().threads();
    assert!(now <= threads + CONNECTIONS + 4, "{now} of {threads}");
}

/// New connections hang as well, for longer than anything waits.
async fn partition(database: &ChaosProxy, silence: Duration) {
    database.freeze();
    database.strand();
    tokio::time::sleep(silence).await;
    // Whatever hangs in a handshake by now is lost too.
    database.strand();
    database.restore_networking();
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_partition_nothing_piles_up_and_after_it_both_processes_work_again() {
    let pipeline = at_work().await;
    let (ingest, dispatcher) = (pipeline.ingest.threads(), pipeline.dispatcher().threads());
    pipeline.send(&alerts(40)).await;
    let network = pipeline.setup.network();
    let late: Vec<Value> = (0..60).map(|index| firing("HostDown", &format!("late-{index}:9100"), super::T0)).collect();
    let during = async {
        for batch in late.chunks(15) {
            let answers = futures_util::future::join_all(batch.iter().map(|alert| status(&pipeline, alert))).await;
            assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
        }
        assert_eq!(ready(&pipeline.ingest).await, 503);
        assert_eq!(ready(pipeline.dispatcher()).await, 503);
    };
    let silence = Duration::from_secs(45);
    tokio::join!(partition(network.database(), silence), partition(network.dispatcher_database(), silence), during);
    for process in [&pipeline.ingest, pipeline.dispatcher()] {
        becomes_ready(process).await;
    }
    let now = (pipeline.ingest.threads(), pipeline.dispatcher().threads());
    // Beyond what hangs: at most four that connect, and the probes' own.
    let most = CONNECTIONS + 8;
    assert!(now.0 <= ingest + most && now.1 <= dispatcher + most, "{now:?} of {ingest} and {dispatcher}");
    for alert in &late {
        pipeline.deliver(std::slice::from_ref(alert)).await;
    }
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(101).await;
}
