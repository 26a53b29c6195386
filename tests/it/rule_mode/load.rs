//! st2api is killed under load behind StackStorm's own nginx site, which answers for it: every alert has run once, or says
//! that nobody knows.

use super::{T0, proxied, quick};
use crate::harness::{PATIENCE, Pipeline, Setup, Shape, firing, on_both_shapes};
use serde_json::Value;
use st2_stand_in::{Fault, Front};

on_both_shapes! {
    an_st2api_killed_under_load_behind_nginx_runs_no_alert_twice,
    where_routes_say_so_every_alert_runs_and_none_twice,
}

const ALERTS: usize = 60;

fn alerts(name: &str) -> Vec<Value> {
    (0..ALERTS).map(|index| firing(name, &format!("web-{index}:9100"), T0)).collect()
}

fn seen(pipeline: &Pipeline) -> usize {
    usize::try_from(pipeline.st2().seen().webhooks).expect("a count")
}

/// Some die before st2api has published, some after, and nginx says the same of both. Not so many in a row that the circuit
/// opens.
async fn killed_under_load(pipeline: &Pipeline, name: &str) {
    pipeline.st2().set_front(Front::nginx());
    for chunk in alerts(name).chunks(10) {
        pipeline.st2().set_fault_times(Fault::CloseAfterCreate, 1);
        pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
        pipeline.send(chunk).await;
    }
    pipeline.settled_within(PATIENCE).await;
    pipeline.st2().set_front(Front::Nothing);
}

async fn an_st2api_killed_under_load_behind_nginx_runs_no_alert_twice(shape: Shape) {
    let setup = Setup::new(shape).await;
    let pipeline = quick(setup).start().await;
    killed_under_load(&pipeline, "HostDown").await;
    let uncertain = pipeline.statuses("WHERE dispatch_reason = 'uncertain'").len();
    assert!(uncertain > 0, "some never arrived");
    pipeline.assert_ledger(ALERTS - uncertain).await;
    assert_eq!(seen(&pipeline), ALERTS, "nothing was posted again");
}

async fn where_routes_say_so_every_alert_runs_and_none_twice(shape: Shape) {
    let pipeline = proxied(shape).await.variable("POUNDCAKE_DISPATCH_MAX_ATTEMPTS", "8").start().await;
    killed_under_load(&pipeline, "Again").await;
    pipeline.assert_ledger(ALERTS).await;
    assert!(seen(&pipeline) > ALERTS, "some were posted again");
}
