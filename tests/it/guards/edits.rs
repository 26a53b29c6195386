//! The routes file is edited while rows are held, or between admission and POST.

use super::{held, hosts, order};
use crate::harness::{Pipeline, SOON, Setup, Shape, eventually, on_both_shapes};
use serde_json::json;
use st2_stand_in::Fault;

on_both_shapes! {
    parameters_that_change_after_they_were_shown_are_shown_again,
    of_two_people_who_approve_at_once_one_does_and_one_execution_follows,
    held_rows_of_a_renamed_route_follow_it,
    held_rows_of_a_route_that_is_gone_end,
    a_route_that_is_switched_off_between_admission_and_post_posts_nothing,
}

fn route(name: &str, guards: &str, command: &str) -> String {
    format!(
        "routes:\n  - name: {name}\n    match: alertname=\"HostDown\"\n    action: core.local\n    {guards}\n    \
         parameters: {{cmd: \"{command} ${{labels.instance}}\"}}\n"
    )
}

const ASKS: &str = "mode: approve";
const HELD: &str = "guards: {brake: {above: 1, within: 10m}}";

async fn start(shape: Shape, yaml: &str) -> Pipeline {
    Pipeline::of(shape, |setup: Setup| setup.routes(yaml)).await
}

fn approve() -> serde_json::Value {
    json!({ "filter": { "route": "hosts" }, "approve": true, "reason": "seen" })
}

fn commands(pipeline: &Pipeline) -> Vec<String> {
    let all = pipeline.st2().executions().into_iter();
    let mut commands: Vec<String> =
        all.map(|execution| execution.document["parameters"]["cmd"].as_str().unwrap_or_default().to_owned()).collect();
    commands.sort();
    commands
}

async fn parameters_that_change_after_they_were_shown_are_shown_again(shape: Shape) {
    let pipeline = start(shape, &route("hosts", ASKS, "echo")).await;
    pipeline.send(&hosts(0..1)).await;
    held(&pipeline, "approval", 1).await;
    pipeline.setup.edit_routes(&route("hosts", ASKS, "echo harder"));
    eventually("the dispatcher uses the new routes", SOON, async || {
        if pipeline.dispatches().events("routes_changed").is_empty() { Err("the old ones") } else { Ok(()) }
    })
    .await;
    let shown = "poundcake_alerts WHERE dispatch_reason = 'approval' AND dispatch_log LIKE '%echo harder%'";
    // The approval is for what was shown: nothing is sent by it, and it is asked again.
    assert_eq!(order(&pipeline, "approvals", approve()).await["approved"], 1);
    eventually("the new command is shown", SOON, async || {
        if pipeline.database().count(shown) == 1 { Ok(()) } else { Err(pipeline.statuses("")) }
    })
    .await;
    assert_eq!(commands(&pipeline), [""; 0]);
    assert_eq!(order(&pipeline, "approvals", approve()).await["approved"], 1);
    pipeline.settled().await;
    assert_eq!(commands(&pipeline), ["echo harder web-0:9100"]);
}

async fn of_two_people_who_approve_at_once_one_does_and_one_execution_follows(shape: Shape) {
    let pipeline = start(shape, &route("hosts", ASKS, "echo")).await;
    pipeline.send(&hosts(0..10)).await;
    held(&pipeline, "approval", 10).await;
    let (one, other) = tokio::join!(order(&pipeline, "approvals", approve()), order(&pipeline, "approvals", approve()));
    let approved = |answer: &serde_json::Value| answer["approved"].as_u64().expect("a number");
    assert_eq!(approved(&one) + approved(&other), 10, "{one} {other}");
    pipeline.settled().await;
    pipeline.assert_ledger(10).await;
}

/// Ten are held by the brake.
async fn ten_held(shape: Shape) -> Pipeline {
    let pipeline = start(shape, &route("hosts", HELD, "echo")).await;
    pipeline.send(&hosts(0..10)).await;
    eventually("every alert is held or has run", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_status IN ('held', 'dispatched')") {
            10 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
    assert!(pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'held'") >= 9);
    pipeline
}

async fn held_rows_of_a_renamed_route_follow_it(shape: Shape) {
    let pipeline = ten_held(shape).await;
    pipeline.setup.edit_routes(&route("machines", "guards: {max_in_flight: 3}", "echo"));
    pipeline.settled().await;
    pipeline.assert_ledger(10).await;
    assert!(pipeline.database().count("poundcake_alerts WHERE dispatch_route = 'machines'") >= 9);
}

async fn held_rows_of_a_route_that_is_gone_end(shape: Shape) {
    let pipeline = ten_held(shape).await;
    let ran = pipeline.st2().executions().len();
    pipeline.setup.edit_routes("routes:\n  - match: alertname=\"Other\"\n    action: core.noop\n");
    pipeline.settled().await;
    pipeline.assert_ledger(ran).await;
    let ended = pipeline.database().count("poundcake_alerts WHERE dispatch_reason = 'no_route'");
    assert_eq!(usize::try_from(ended).expect("few"), 10 - ran);
}

async fn a_route_that_is_switched_off_between_admission_and_post_posts_nothing(shape: Shape) {
    let guards = "guards: {max_in_flight: 5}";
    let pipeline = start(shape, &route("hosts", guards, "echo")).await;
    // Before the POST StackStorm is asked what the action takes: the answer takes its time.
    pipeline.st2().set_fault(Fault::Delay { millis: 8_000 });
    pipeline.send(&hosts(0..1)).await;
    eventually("it is admitted", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'dispatching'") {
            1 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
    pipeline.setup.edit_routes(&route("hosts", &format!("mode: 'off'\n    {guards}"), "echo"));
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown skipped/route_off"]);
    assert_eq!(pipeline.st2().seen().posts, 0);
}
