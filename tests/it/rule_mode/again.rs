//! `on_uncertain`: a webhook that StackStorm may not have got is posted again, or left to a person.

use super::{LINK, T0, again, links, metric, row, started, webhooks};
use crate::harness::{PATIENCE, Shape, firing, on_both_shapes, resolved};
use st2_stand_in::Fault;

on_both_shapes! {
    a_webhook_that_never_arrived_is_posted_again_where_the_route_says_so,
    a_webhook_that_arrived_is_not_posted_again,
    a_webhook_that_arrives_while_it_settles_is_not_posted_again,
    a_webhook_that_was_answered_202_is_never_posted_again,
    a_webhook_is_posted_as_often_as_attempts_are_allowed_and_then_left_to_a_person,
    an_alert_that_has_ended_is_not_posted_again,
    when_both_arrive_after_all_both_are_linked_and_the_second_is_counted,
    a_post_again_that_st2api_itself_fails_or_refuses_leaves_the_first_one_uncertain,
}

const AGAIN: &str = "poundcake_posts_again_total";

async fn a_webhook_that_never_arrived_is_posted_again_where_the_route_says_so(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 2);
    pipeline.send(&[again("a"), firing("HostDown", "b", T0)]).await;
    pipeline.settled_within(PATIENCE).await;
    let mut statuses = pipeline.statuses("");
    statuses.sort();
    assert_eq!(statuses, ["Again dispatched/-", "HostDown failed/uncertain"]);
    assert_eq!(pipeline.st2().seen().webhooks, 3);
    let posted_twice = "dispatch_attempts = 2 AND dispatch_log LIKE '%post_again%'";
    assert_eq!(pipeline.database().count(&format!("poundcake_alerts WHERE {posted_twice}")), 1);
    assert_eq!(metric(&pipeline, AGAIN).await, "1");
    assert_eq!(metric(&pipeline, "poundcake_duplicates_detected_total").await, "0");
    pipeline.assert_ledger(1).await;
}

async fn a_webhook_that_arrived_is_not_posted_again(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::CloseAfterCreate, 1);
    pipeline.send(&[again("a")]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again dispatched/-"]);
    assert_eq!(pipeline.st2().seen().webhooks, 1);
    pipeline.assert_ledger(1).await;
}

async fn a_webhook_that_arrives_while_it_settles_is_not_posted_again(shape: Shape) {
    let pipeline = started(shape).await;
    // Silent for the client's second, and published within the silent settle time after it.
    pipeline.st2().set_fault_times(Fault::HangThenAct { millis: 2_000 }, 1);
    pipeline.send(&[again("a")]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again dispatched/-"]);
    assert_eq!(pipeline.st2().seen().webhooks, 1);
    pipeline.assert_ledger(1).await;
}

async fn a_webhook_that_was_answered_202_is_never_posted_again(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::WebhookLost, 1);
    pipeline.send(&[again("a")]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again failed/uncertain"]);
    assert_eq!(pipeline.st2().seen().webhooks, 1);
}

async fn a_webhook_is_posted_as_often_as_attempts_are_allowed_and_then_left_to_a_person(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault(Fault::CloseBeforeCreate);
    pipeline.send(&[again("a")]).await;
    webhooks(&pipeline, 3).await;
    row(&pipeline, "dispatch_status = 'awaiting_execution'").await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again failed/uncertain"]);
    assert_eq!(pipeline.st2().seen().webhooks, 3, "POUNDCAKE_DISPATCH_MAX_ATTEMPTS");
    assert_eq!(metric(&pipeline, AGAIN).await, "2");
}

async fn a_post_again_that_st2api_itself_fails_or_refuses_leaves_the_first_one_uncertain(shape: Shape) {
    for fault in [Fault::PoisonedPool, Fault::WebhookNotRegistered { lists: false }] {
        let pipeline = started(shape).await;
        pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
        pipeline.send(&[again("a")]).await;
        webhooks(&pipeline, 1).await;
        row(&pipeline, "dispatch_status = 'awaiting_execution'").await;
        pipeline.st2().set_fault(fault.clone());
        row(&pipeline, "dispatch_uncertain <> 0 AND dispatch_status = 'awaiting_execution' AND dispatch_attempts = 2")
            .await;
        pipeline.st2().clear_faults();
        pipeline.settled_within(PATIENCE).await;
        assert_eq!(pipeline.statuses(""), ["Again dispatched/-"], "{fault:?}");
        pipeline.assert_ledger(1).await;
    }
}

async fn an_alert_that_has_ended_is_not_posted_again(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
    pipeline.send(&[again("a")]).await;
    webhooks(&pipeline, 1).await;
    pipeline.send(&[resolved("Again", "a", T0, "2026-11-22T02:00:00Z")]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again failed/uncertain", "Again skipped/resolved"]);
    assert_eq!(pipeline.st2().seen().webhooks, 1);
}

async fn when_both_arrive_after_all_both_are_linked_and_the_second_is_counted(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault(Fault::RulesEngineStopped);
    pipeline.st2().set_fault_times(Fault::CloseAfterCreate, 1);
    pipeline.send(&[again("a")]).await;
    webhooks(&pipeline, 2).await;
    row(&pipeline, "dispatch_status = 'awaiting_execution'").await;
    pipeline.st2().clear_faults();
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["Again dispatched/-"]);
    assert_eq!(links(&pipeline), [LINK; 2]);
    assert_eq!(metric(&pipeline, "poundcake_duplicates_detected_total").await, "1");
}
