//! RabbitMQ is away, mute, or has lost its queue; ingest is killed around the publish.

use super::{alerts, proxied, published_one};
use crate::harness::{PATIENCE, Pipeline, SOON, Shape, eventually, firing, resolved};

/// Waits for the queue, and for so many messages in it, ready or delivered.
async fn queued(pipeline: &Pipeline, least: u64) {
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    eventually("messages are in the queue", PATIENCE, async || match vhost.depth("poundcake.dispatch").await {
        Some(depth) if depth >= least => Ok(()),
        other => Err(other),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_killed_between_commit_and_publish_leaves_nothing_undone_and_nothing_done_twice() {
    let mut pipeline = proxied(Shape::Separate).await.start().await;
    pipeline.setup.network().publisher().freeze();
    pipeline.send(&alerts(5)).await;
    pipeline.ingest.kill();
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'pending'"), 5);
    // What lay in the frozen network is lost, not late.
    pipeline.setup.network().publisher().break_networking();
    pipeline.setup.network().publisher().restore_networking();
    pipeline.ingest = pipeline.ingest.again().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_killed_between_publish_and_mark_publishes_twice_and_runs_once() {
    let mut pipeline = published_one().await;
    pipeline.setup.network().publisher().freeze_answers();
    pipeline.send(&alerts(5)).await;
    queued(&pipeline, 6).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'pending'"), 5);
    pipeline.ingest.kill();
    pipeline.setup.network().publisher().restore_networking();
    pipeline.ingest = pipeline.ingest.again().await;
    queued(&pipeline, 11).await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_webhooks_while_rabbitmq_is_down_are_accepted_and_dispatched_later() {
    let pipeline = proxied(Shape::Separate).await.start().await;
    pipeline.setup.network().publisher().break_networking();
    pipeline.setup.network().consumer().break_networking();
    for alert in alerts(100) {
        pipeline.send(&[alert]).await;
    }
    assert_eq!(pipeline.statuses("WHERE dispatch_status <> 'pending'"), [""; 0]);
    pipeline.setup.network().publisher().restore_networking();
    pipeline.setup.network().consumer().restore_networking();
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_lost_queue_are_published_again() {
    let mut pipeline = proxied(Shape::Separate).await.start_without_dispatcher().await;
    pipeline.send(&alerts(20)).await;
    let marked = async || match pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'queued'") {
        20 => Ok(()),
        others => Err(others),
    };
    eventually("all are queued", SOON, marked).await;
    queued(&pipeline, 20).await;
    pipeline.setup.vhost.as_ref().expect("a vhost").delete_queue("poundcake.dispatch").await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_ends_while_no_queue_takes_its_message_runs_nothing() {
    let mut pipeline = proxied(Shape::Separate).await.start_without_dispatcher().await;
    queued(&pipeline, 0).await;
    pipeline.setup.vhost.as_ref().expect("a vhost").delete_queue("poundcake.dispatch").await;
    pipeline.send(&[firing("HostDown", "web-1:9100", super::T0)]).await;
    // Returned by the broker, and again by the relay.
    let tried = async || match pipeline.database().count("poundcake_alerts WHERE claimed_by = 'relay'") {
        1 => Ok(()),
        others => Err(others),
    };
    eventually("the relay has tried", SOON, tried).await;
    pipeline.send(&[resolved("HostDown", "web-1:9100", super::T0, "2026-11-22T01:05:00Z")]).await;
    assert_eq!(pipeline.statuses(""), ["HostDown skipped/resolved_before_dispatch", "HostDown skipped/resolved"]);
    pipeline.start_dispatcher().await;
    queued(&pipeline, 0).await;
    pipeline.assert_ledger(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_message_is_dead_lettered_and_the_consumer_continues() {
    let pipeline = proxied(Shape::Separate).await.start().await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    pipeline.send(&[firing("HostDown", "before:9100", super::T0)]).await;
    pipeline.settled().await;
    for payload in ["not json", r#"{"v":2,"alert_id":1}"#] {
        vhost.publish("poundcake.dispatch", payload).await;
    }
    // Readable, and of a row that is not there.
    let stale = r#"{"v":1,"alert_id":9999,"request_id":"01890a5d-ac96-774b-bcce-b302099a8057","generation":0}"#;
    vhost.publish("poundcake.dispatch", stale).await;
    pipeline.send(&[firing("HostDown", "after:9100", super::T0)]).await;
    pipeline.settled().await;
    let dead = async || match vhost.depth("poundcake.dead").await {
        Some(2) => Ok(()),
        other => Err(other),
    };
    eventually("both are dead letters", SOON, dead).await;
    let mut payloads = vhost.peek("poundcake.dead", 5).await;
    payloads.sort();
    assert_eq!(payloads, ["not json", r#"{"v":2,"alert_id":1}"#]);
    vhost.purge("poundcake.dead").await;
    pipeline.assert_ledger(2).await;
}
