//! A message that arrives before its row: on Galera the dispatcher's node may be behind the node that ingest wrote to.

use crate::harness::{PATIENCE, Pipeline, SOON, Setup, Shape, T0, client, eventually, firing};

/// A message about the first alert that the database will have.
const EARLY: &str = r#"{"v":1,"alert_id":1,"request_id":"019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f","generation":0}"#;

/// A dispatcher that consumes, and an ingest that cannot publish.
async fn consuming() -> Pipeline {
    let pipeline = Setup::proxied(Shape::Separate).await.start().await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    let queue = async || vhost.depth("poundcake.dispatch").await.map(drop).ok_or("no queue");
    eventually("the queue exists", SOON, queue).await;
    pipeline.setup.network().publisher().break_networking();
    vhost.publish("poundcake.dispatch", EARLY).await;
    pipeline
}

/// Deliveries whose row was absent for a second.
async fn absent(pipeline: &Pipeline) -> u32 {
    let text = client().get(pipeline.dispatcher().url("/metrics")).send().await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix("poundcake_claims_total{result=\"absent\"} "));
    value.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_here_yet_is_waited_for_and_its_message_comes_again() {
    let pipeline = consuming().await;
    eventually("the message was returned twice", SOON, async || match absent(&pipeline).await {
        2.. => Ok(()),
        times => Err(times),
    })
    .await;
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled().await;
    pipeline.assert_ledger(1).await;
    assert!(absent(&pipeline).await <= 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_about_a_row_that_never_comes_is_dropped_with_a_warning() {
    let pipeline = consuming().await;
    eventually("the message is dropped", PATIENCE, async || {
        let events = pipeline.dispatcher().events("row_absent");
        if events.len() == 1 { Ok(()) } else { Err(events) }
    })
    .await;
    assert_eq!(absent(&pipeline).await, 11, "one delivery and ten returns");
    pipeline.assert_queues_empty().await;
}
