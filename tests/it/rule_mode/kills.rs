//! kill -9 of a dispatcher at each step of `on_uncertain: post_again`: nothing is left undone, and no step is done twice.

use super::{again, column, proxied, row, webhooks};
use crate::harness::{PATIENCE, Pipeline, SOON, Setup, Shape, eventually};
use st2_stand_in::Fault;

/// One alert whose first webhook never arrived; it settles.
async fn settling(setup: Setup) -> Pipeline {
    let pipeline = setup.start().await;
    pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
    pipeline.send(&[again("a")]).await;
    webhooks(&pipeline, 1).await;
    row(&pipeline, "dispatch_status = 'awaiting_execution' AND settling_since IS NOT NULL").await;
    pipeline
}

async fn runs_once_after(mut pipeline: Pipeline, posts: u64) {
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again dispatched/-"]);
    assert_eq!(pipeline.st2().seen().webhooks, posts);
    pipeline.assert_ledger(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_while_a_webhook_settles_leaves_a_row_that_is_posted_again() {
    let pipeline = settling(proxied(Shape::Separate).await).await;
    pipeline.dispatcher().kill();
    runs_once_after(pipeline, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_before_the_second_claim_leaves_a_row_that_is_posted_again() {
    let pipeline = settling(proxied(Shape::Separate).await).await;
    // The row can be published, and there is no consumer.
    pipeline.setup.network().consumer().freeze();
    row(&pipeline, "dispatch_status = 'queued' AND settling_since IS NOT NULL AND dispatch_uncertain <> 0").await;
    pipeline.dispatcher().kill();
    pipeline.setup.network().consumer().break_networking();
    pipeline.setup.network().consumer().restore_networking();
    runs_once_after(pipeline, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_between_the_second_claim_and_its_post_leaves_a_row_that_settles_again() {
    // Time to kill it while it waits for StackStorm.
    let slow = proxied(Shape::Separate).await.variable("POUNDCAKE_ST2_TIMEOUT", "10s");
    let pipeline = settling(slow.variable("POUNDCAKE_LEASE", "25s")).await;
    pipeline.setup.network().consumer().freeze();
    row(&pipeline, "dispatch_status = 'queued'").await;
    // Claimed, and still looking whether the first one has arrived after all.
    pipeline.setup.network().stackstorm.freeze();
    pipeline.setup.network().consumer().restore_networking();
    row(&pipeline, "dispatch_status = 'dispatching' AND settling_since IS NULL AND dispatch_uncertain <> 0").await;
    pipeline.dispatcher().kill();
    pipeline.setup.network().stackstorm.break_networking();
    pipeline.setup.network().stackstorm.restore_networking();
    assert_eq!(pipeline.st2().seen().webhooks, 1, "nothing was posted");
    runs_once_after(pipeline, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_after_the_second_post_leaves_an_execution_that_is_linked() {
    let pipeline = settling(proxied(Shape::Separate).await).await;
    pipeline.st2().set_fault(Fault::NeverAnswer);
    webhooks(&pipeline, 2).await;
    pipeline.dispatcher().kill();
    pipeline.st2().clear_faults();
    eventually("it has run", SOON, async || match pipeline.st2().executions().len() {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    assert_eq!(column(&pipeline, "dispatch_attempts"), "2");
    runs_once_after(pipeline, 2).await;
}
