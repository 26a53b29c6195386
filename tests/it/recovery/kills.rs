//! kill -9 at the points where a write is done and not yet written down.

use super::{alerts, for_rules, proxied, published_one};
use crate::harness::{ChaosProxy, PATIENCE, Pipeline, SOON, Setup, Shape, client, eventually, firing};
use serde_json::json;
use st2_stand_in::Fault;

async fn rows(pipeline: &Pipeline, condition: &str, count: i64) {
    eventually(&format!("{count} rows are {condition}"), SOON, async || {
        match pipeline.database().count(&format!("poundcake_alerts WHERE {condition}")) {
            found if found == count => Ok(()),
            others => Err(others),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_killed_between_commit_and_answer_is_sent_the_webhook_again_and_it_is_a_repeat() {
    let mut pipeline = proxied(Shape::Separate).await.start().await;
    let front = ChaosProxy::before(pipeline.ingest.address());
    front.freeze_answers();
    let body = json!({ "version": "4", "status": "firing", "alerts": alerts(3) }).to_string();
    let post = client().post(format!("http://{}/api/v1/webhook", front.address())).body(body).send();
    let sender = tokio::spawn(post);
    rows(&pipeline, "status = 'firing'", 3).await;
    pipeline.ingest.kill();
    front.break_networking();
    assert!(sender.await.expect("the sender's task").is_err(), "the sender was not answered");
    pipeline.ingest = pipeline.ingest.again().await;
    pipeline.deliver(&alerts(3)).await;
    assert_eq!(pipeline.statuses("WHERE id > 3"), ["HostDown skipped/repeat"; 3]);
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_killed_between_confirm_and_mark_publishes_twice_and_runs_once() {
    let mut pipeline = published_one().await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    // Confirms wait until the database is gone: they arrive, and cannot be marked.
    pipeline.setup.network().publisher().freeze_answers();
    pipeline.send(&alerts(5)).await;
    let published = async || match vhost.depth("poundcake.dispatch").await {
        Some(6) => Ok(()),
        other => Err(other),
    };
    eventually("all are published", SOON, published).await;
    pipeline.setup.network().database().break_networking();
    pipeline.setup.network().publisher().restore_networking();
    let unmarked = async || {
        if pipeline.ingest.events("mark_queued_failed").is_empty() {
            Err(pipeline.ingest.output("stderr"))
        } else {
            Ok(())
        }
    };
    eventually("the confirms are there and not marked", SOON, unmarked).await;
    pipeline.ingest.kill();
    rows(&pipeline, "dispatch_status = 'pending'", 5).await;
    pipeline.setup.network().database().restore_networking();
    pipeline.ingest = pipeline.ingest.again().await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_a_dispatcher_killed_between_claim_and_post_runs_after_lease_and_settle_time() {
    let mut pipeline = proxied(Shape::Separate).await.start().await;
    // Claimed, and still asking for the action's declaration.
    pipeline.setup.network().stackstorm.freeze();
    pipeline.send(&alerts(3)).await;
    rows(&pipeline, "dispatch_status = 'dispatching'", 3).await;
    pipeline.dispatcher().kill();
    pipeline.setup.network().stackstorm.break_networking();
    pipeline.setup.network().stackstorm.restore_networking();
    assert_eq!(pipeline.st2().seen().posts, 0, "nothing was posted");
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.st2().seen().posts, 3);
    pipeline.assert_ledger(3).await;
}

/// A dispatcher whose way to the database can be broken; it has the action's declaration already.
async fn with_own_database(setup: Setup) -> (Pipeline, ChaosProxy) {
    let mut pipeline = setup.start_without_dispatcher().await;
    let database = ChaosProxy::before(pipeline.database().address());
    let url = pipeline.database().url_through(database.address());
    let dispatcher = pipeline.setup.process("dispatcher").variable("DATABASE_URL", url);
    pipeline.dispatcher = Some(dispatcher.start().ready().await);
    pipeline.send(&[firing("HostDown", "warm:9100", super::T0)]).await;
    pipeline.settled().await;
    (pipeline, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_between_answer_and_record_leaves_executions_that_are_adopted() {
    let setup = proxied(Shape::Separate).await.variable("POUNDCAKE_ST2_TIMEOUT", "10s");
    let (mut pipeline, database) = with_own_database(setup.variable("POUNDCAKE_LEASE", "25s")).await;
    // StackStorm's answers come when there is no database any more.
    pipeline.st2().set_fault(Fault::Delay { millis: 1_500 });
    pipeline.send(&[alerts(2), vec![for_rules("rules:9100")]].concat()).await;
    rows(&pipeline, "dispatch_status = 'dispatching'", 3).await;
    database.break_networking();
    let unwritten = async || {
        let log = pipeline.dispatcher().output("stderr");
        // Two records, and the rule's release.
        let waiting = |what: &str| log.contains(&format!("what={what}"));
        if waiting("record") && waiting("release") { Ok(()) } else { Err(log) }
    };
    eventually("the answers are there and not recorded", SOON, unwritten).await;
    let posted = async || match (pipeline.st2().seen().posts, pipeline.st2().seen().webhooks) {
        (3, 1) => Ok(()),
        others => Err(others),
    };
    eventually("StackStorm has all of them", SOON, posted).await;
    pipeline.dispatcher().kill();
    pipeline.st2().clear_faults();
    rows(&pipeline, "dispatch_status = 'dispatching' AND dispatch_uncertain", 3).await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(4).await;
    let seen = pipeline.st2().seen();
    assert_eq!((seen.posts, seen.webhooks), (3, 1), "nothing was posted again");
}
