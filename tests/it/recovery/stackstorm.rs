//! StackStorm refuses connections or keys for a while, or acts and says that it failed.

use super::{alerts, for_rules, proxied};
use crate::harness::{PATIENCE, Pipeline, SOON, Shape, eventually, on_both_shapes, resolved};
use st2_stand_in::Fault;

on_both_shapes! {
    while_stackstorm_refuses_connections_no_attempt_is_used_up,
    while_stackstorm_refuses_the_key_no_attempt_is_used_up,
    an_execution_that_stackstorm_created_before_it_answered_500_is_adopted,
    a_webhook_that_st2api_itself_failed_to_take_is_posted_again,
    a_webhook_whose_answer_is_lost_is_watched_and_never_posted_again,
    an_alert_that_ends_while_its_dispatch_is_claimed_runs_nothing,
    an_alert_that_ends_while_it_is_claimed_and_fires_again_runs_once,
}

async fn started(shape: Shape) -> Pipeline {
    proxied(shape).await.start().await
}

/// Waits until StackStorm's absence is written on a row.
async fn noticed(pipeline: &Pipeline, rows: i64) {
    let noticed = async || match pipeline.database().count("poundcake_alerts WHERE dispatch_log LIKE '%not_sent%'") {
        found if found >= rows => Ok(()),
        others => Err(others),
    };
    eventually("the trouble is on the rows", SOON, noticed).await;
}

async fn while_stackstorm_refuses_connections_no_attempt_is_used_up(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.setup.network().stackstorm.break_networking();
    pipeline.send(&alerts(5)).await;
    noticed(&pipeline, 1).await;
    pipeline.setup.network().stackstorm.restore_networking();
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_attempts <> 1"), 0);
}

async fn while_stackstorm_refuses_the_key_no_attempt_is_used_up(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault(Fault::Unauthorized);
    pipeline.send(&alerts(5)).await;
    noticed(&pipeline, 1).await;
    pipeline.st2().clear_faults();
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_attempts <> 1"), 0);
}

async fn an_execution_that_stackstorm_created_before_it_answered_500_is_adopted(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::ErrorRunning, 1);
    pipeline.send(&alerts(1)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(1).await;
    assert_eq!(pipeline.st2().seen().posts, 1);
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_log LIKE '%adopted%'"), 1);
}

async fn a_webhook_that_st2api_itself_failed_to_take_is_posted_again(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::PoisonedPool, 1);
    pipeline.send(&[for_rules("again:9100")]).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(1).await;
    assert_eq!(pipeline.st2().seen().webhooks, 2);
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_attempts = 2"), 1);
}

async fn a_webhook_whose_answer_is_lost_is_watched_and_never_posted_again(shape: Shape) {
    let timed_out = Fault::Proxy { status: 504, reached: true, lookups: false };
    let pipeline = started(shape).await;
    for (fault, instance) in [(Fault::CloseAfterCreate, "closed:9100"), (timed_out.clone(), "proxy:9100")] {
        pipeline.st2().set_fault_times(fault, 1);
        pipeline.send(&[for_rules(instance)]).await;
        pipeline.settled_within(PATIENCE).await;
    }
    pipeline.assert_ledger(2).await;
    assert_eq!(pipeline.st2().seen().webhooks, 2);
}

/// Sends one alert while StackStorm does not answer, and ends it while a dispatcher waits for the action's declaration.
async fn claimed_in_vain(pipeline: &Pipeline) {
    pipeline.setup.network().stackstorm.freeze();
    pipeline.send(&alerts(1)).await;
    eventually("the alert is claimed", SOON, async || match pipeline.statuses("WHERE id = 1") {
        rows if rows == ["HostDown dispatching/-"] => Ok(()),
        others => Err(others),
    })
    .await;
    pipeline.send(&[resolved("HostDown", "web-0:9100", super::T0, "2026-11-22T02:00:00Z")]).await;
}

async fn an_alert_that_ends_while_its_dispatch_is_claimed_runs_nothing(shape: Shape) {
    let pipeline = started(shape).await;
    claimed_in_vain(&pipeline).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["HostDown skipped/resolved_before_dispatch", "HostDown skipped/resolved"]);
    pipeline.setup.network().stackstorm.restore_networking();
    pipeline.assert_ledger(0).await;
}

async fn an_alert_that_ends_while_it_is_claimed_and_fires_again_runs_once(shape: Shape) {
    let pipeline = started(shape).await;
    claimed_in_vain(&pipeline).await;
    pipeline.send(&alerts(1)).await;
    pipeline.setup.network().stackstorm.restore_networking();
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(1).await;
}
