//! A dispatcher is killed at each step of a delivery; two share one queue; `standalone` is killed.

use super::{alerts, proxied};
use crate::harness::{PATIENCE, Pipeline, SOON, Setup, Shape, eventually, firing};
use st2_stand_in::Fault;

/// A dispatcher that has the action's declaration already, so that the next thing it sends is the POST.
async fn warm(setup: Setup) -> Pipeline {
    let pipeline = setup.start().await;
    pipeline.send(&[firing("HostDown", "warm:9100", super::T0)]).await;
    pipeline.settled().await;
    pipeline
}

async fn claimed(pipeline: &Pipeline, rows: i64) {
    let claimed = async || match pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'dispatching'") {
        found if found == rows => Ok(()),
        others => Err(others),
    };
    eventually("rows are claimed", SOON, claimed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_after_stackstorm_acted_leaves_an_execution_that_is_adopted() {
    let mut pipeline = warm(proxied(Shape::Separate).await).await;
    pipeline.st2().set_fault(Fault::NeverAnswer);
    pipeline.send(&alerts(3)).await;
    let posted = async || match pipeline.st2().seen().posts {
        4 => Ok(()),
        others => Err(others),
    };
    eventually("StackStorm has all of them", SOON, posted).await;
    pipeline.dispatcher().kill();
    claimed(&pipeline, 3).await;
    pipeline.st2().clear_faults();
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.st2().seen().posts, 4, "nothing was posted again");
    pipeline.assert_ledger(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_killed_dispatcher_that_stackstorm_never_saw_is_repeated_after_the_settle_time() {
    let mut pipeline = warm(proxied(Shape::Separate).await).await;
    pipeline.setup.network().stackstorm.freeze();
    pipeline.send(&alerts(3)).await;
    claimed(&pipeline, 3).await;
    pipeline.dispatcher().kill();
    pipeline.setup.network().stackstorm.break_networking();
    assert_eq!(pipeline.st2().seen().posts, 1, "StackStorm saw none of the three");
    pipeline.setup.network().stackstorm.restore_networking();
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(4).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_attempts = 2"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_between_record_and_ack_gets_the_message_again_and_does_nothing() {
    let setup = proxied(Shape::Separate).await.variable("POUNDCAKE_ST2_TIMEOUT", "10s");
    let mut pipeline = warm(setup.variable("POUNDCAKE_LEASE", "25s")).await;
    // Claimed and posted, but not answered before nothing more leaves for RabbitMQ.
    pipeline.st2().set_fault(Fault::Delay { millis: 1_500 });
    pipeline.send(&alerts(3)).await;
    claimed(&pipeline, 3).await;
    pipeline.setup.network().consumer().freeze();
    pipeline.settled().await;
    pipeline.dispatcher().kill();
    pipeline.st2().clear_faults();
    pipeline.setup.network().consumer().break_networking();
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    let back = async || match vhost.depth("poundcake.dispatch").await {
        Some(3) => Ok(()),
        other => Err(other),
    };
    eventually("the messages are in the queue again", SOON, back).await;
    pipeline.setup.network().consumer().restore_networking();
    pipeline.start_dispatcher().await;
    pipeline.assert_queues_empty().await;
    pipeline.assert_ledger(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_stopped_between_claim_and_post_for_longer_than_its_lease_posts_nothing() {
    let mut pipeline = proxied(Shape::Separate).await.start().await;
    // Claimed, and still asking for the action's declaration.
    pipeline.st2().set_fault(Fault::Delay { millis: 800 });
    pipeline.send(&alerts(1)).await;
    claimed(&pipeline, 1).await;
    pipeline.dispatcher().pause();
    assert_eq!(pipeline.st2().seen().posts, 0, "stopped in time");
    pipeline.st2().clear_faults();
    let stopped = pipeline.dispatcher.take().expect("the first dispatcher");
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    stopped.resume();
    let noticed = async || {
        if stopped.events("claim_outlived_lease").is_empty() { Err("not noticed") } else { Ok(()) }
    };
    eventually("the first dispatcher finds its claim gone", SOON, noticed).await;
    assert_eq!(pipeline.st2().seen().posts, 1);
    pipeline.assert_ledger(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_on_one_queue_run_each_of_five_hundred_alerts_once() {
    let mut pipeline = proxied(Shape::Separate).await.start_without_dispatcher().await;
    let first = pipeline.setup.process("dispatcher").start().ready().await;
    pipeline.start_dispatcher().await;
    for chunk in alerts(500).chunks(50) {
        pipeline.send(chunk).await;
    }
    pipeline.settled_within(PATIENCE).await;
    for dispatcher in [&first, pipeline.dispatcher()] {
        assert!(!dispatcher.events("dispatched").is_empty(), "both had a part in it");
    }
    pipeline.assert_ledger(500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_killed_with_pending_and_queued_rows_dispatches_them_after_its_restart() {
    let setup = proxied(Shape::Standalone).await.variable("POUNDCAKE_DISPATCH_CONCURRENCY", "1");
    let mut pipeline = setup.start().await;
    pipeline.setup.network().stackstorm.break_networking();
    pipeline.send(&alerts(20)).await;
    let both = async || {
        let waiting =
            |state: &str| pipeline.database().count(&format!("poundcake_alerts WHERE dispatch_status = '{state}'"));
        let (pending, queued) = (waiting("pending"), waiting("queued"));
        if pending > 0 && queued > 0 { Ok(()) } else { Err((pending, queued)) }
    };
    eventually("some are pending and some queued", SOON, both).await;
    pipeline.ingest.kill();
    pipeline.setup.network().stackstorm.restore_networking();
    pipeline.ingest = pipeline.ingest.again().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(20).await;
}
