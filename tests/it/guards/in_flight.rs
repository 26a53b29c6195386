//! `max_in_flight`: places, counted and freed by dispatchers and by the tracker.

use super::{dispatched, each, held, hosts, most_at_once, routes, work};
use crate::harness::{PATIENCE, Pipeline, SOON, Setup, Shape, eventually};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn no_more_executions_are_unfinished_than_there_are_places() {
    let pipeline = Setup::new(Shape::Standalone).await.routes(&routes("{max_in_flight: 5}")).start().await;
    work(&pipeline, Duration::from_millis(100));
    pipeline.send(&hosts(0..40)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(40).await;
    assert_eq!(most_at_once(&pipeline), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_freed_without_a_tracker() {
    let pipeline = Setup::new(Shape::Separate).await.routes(&routes("{max_in_flight: 5}")).start().await;
    pipeline.send(&hosts(0..12)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(12).await;
    assert!(most_at_once(&pipeline) <= 5);
    assert!(pipeline.database().count("poundcake_st2_execution_link WHERE end_status = 'succeeded'") >= 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_share_the_places_and_free_them_while_no_tracker_does() {
    let pipeline = Setup::new(Shape::Separate).await.routes(&routes("{max_in_flight: 5}")).start().await;
    let second = pipeline.setup.process("dispatcher").start().ready().await;
    let tracker = pipeline.start_tracker().await;
    work(&pipeline, Duration::from_millis(50));
    for chunk in hosts(0..500).chunks(100) {
        pipeline.send(chunk).await;
    }
    at_least(&pipeline, 100).await;
    tracker.kill();
    // All places are taken by executions that have ended, and the dispatchers find out.
    let now = pipeline.st2().executions().len();
    at_least(&pipeline, now + 11).await;
    let tracker = tracker.again().await;
    pipeline.settled_within(Duration::from_mins(5)).await;
    pipeline.assert_ledger(500).await;
    assert!(most_at_once(&pipeline) <= 5, "{}", most_at_once(&pipeline));
    drop((second, tracker));
}

/// Waits until StackStorm has got so many.
async fn at_least(pipeline: &Pipeline, executions: usize) {
    eventually(&format!("{executions} executions"), SOON, async || match pipeline.st2().executions().len() {
        seen if seen >= executions => Ok(()),
        seen => Err(seen),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_that_do_not_end_keep_the_rest_waiting() {
    for pipeline in each(&routes("{max_in_flight: 5}")).await {
        work(&pipeline, Duration::from_mins(10));
        pipeline.send(&hosts(0..100)).await;
        dispatched(&pipeline, 5).await;
        held(&pipeline, "in_flight", 95).await;
        assert_eq!(pipeline.st2().executions().len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_routes_together_have_places_too() {
    let yaml = "guards: {max_in_flight: 3}\nroutes:\n  - name: hosts\n    match: instance=~\"web-[0-4]:9100\"\n    action: core.noop\n  \
                - name: others\n    action: core.noop\n";
    let pipeline = Setup::new(Shape::Standalone).await.routes(yaml).start().await;
    work(&pipeline, Duration::from_millis(100));
    pipeline.send(&hosts(0..20)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(20).await;
    assert_eq!(most_at_once(&pipeline), 3);
}
