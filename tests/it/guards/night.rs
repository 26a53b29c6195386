//! A night of nine hours: what waits for a person in the morning is still there.

use super::{held, hosts, order, shift};
use crate::harness::{Pipeline, SOON, Shape, eventually, on_both_shapes};
use serde_json::json;

on_both_shapes! {
    an_alert_that_waited_all_night_for_an_approval_runs_when_approved,
    an_alert_not_approved_in_time_ends_and_no_repeat_asks_again,
    alerts_that_a_pause_held_all_night_run_when_it_ends,
}

fn routes(approval_timeout: &str) -> String {
    format!(
        "routes:\n  - name: hosts\n    action: core.noop\n    mode: approve\n    guards: {{max_in_flight: 5, approval_timeout: {approval_timeout}}}\n"
    )
}

/// The times of an alert's row that count.
const TIMES: [&str; 4] = ["created_at", "updated_at", "pending_at", "next_attempt_at"];

async fn asked(shape: Shape, approval_timeout: &str) -> Pipeline {
    let yaml = routes(approval_timeout);
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&yaml)).await;
    pipeline.send(&hosts(0..3)).await;
    held(&pipeline, "approval", 3).await;
    pipeline
}

async fn an_alert_that_waited_all_night_for_an_approval_runs_when_approved(shape: Shape) {
    let pipeline = asked(shape, "12h").await;
    shift(&pipeline, "poundcake_alerts", &TIMES, 9);
    let nine_hours_ago = (chrono::Utc::now() - chrono::TimeDelta::hours(9)).to_rfc3339();
    let shown =
        format!("UPDATE poundcake_alerts SET dispatch_log = JSON_SET(dispatch_log, '$[0].at', '{nine_hours_ago}')");
    pipeline.database().execute(&shown);
    // The oldest age at which an alert is sent is 6 h, and the time until the approval is no age.
    let approve = json!({ "filter": { "route": "hosts" }, "approve": true, "reason": "good morning" });
    assert_eq!(order(&pipeline, "approvals", approve).await["approved"], 3);
    pipeline.settled().await;
    pipeline.assert_ledger(3).await;
}

async fn an_alert_not_approved_in_time_ends_and_no_repeat_asks_again(shape: Shape) {
    let pipeline = asked(shape, "8h").await;
    shift(&pipeline, "poundcake_alerts", &TIMES, 9);
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown skipped/not_approved"; 3]);
    pipeline.send(&hosts(0..3)).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses("WHERE id > 3"), ["HostDown skipped/repeat"; 3]);
    assert_eq!(pipeline.st2().executions().len(), 0);
}

async fn alerts_that_a_pause_held_all_night_run_when_it_ends(shape: Shape) {
    let yaml = "routes:\n  - name: hosts\n    action: core.noop\n    guards: {max_in_flight: 5}\n";
    let pipeline = Pipeline::of(shape, |setup| setup.routes(yaml)).await;
    let pause = order(&pipeline, "pauses", json!({ "everything": true, "reason": "night", "for": "12h" })).await;
    super::pauses::in_force(&pipeline).await;
    pipeline.send(&hosts(0..3)).await;
    let paused = "poundcake_alerts WHERE dispatch_reason = 'paused'";
    let open = "poundcake_alerts WHERE dispatch_status NOT IN ('held', 'dispatched')";
    eventually("every alert is held or has run", SOON, async || match pipeline.database().count(open) {
        0 => Ok(()),
        _ => Err(pipeline.statuses("")),
    })
    .await;
    let held = pipeline.database().count(paused);
    assert!(held >= 3, "{:?}", pipeline.statuses(""));
    shift(&pipeline, "poundcake_alerts", &TIMES, 9);
    shift(&pipeline, "poundcake_api_calls", &["created_at", "ordered_at", "pause_until"], 9);
    super::looked_at_held_rows(&pipeline).await;
    assert_eq!(
        pipeline.database().count("poundcake_alerts WHERE dispatch_reason = 'paused'"),
        held + 1,
        "with the probe"
    );
    // The night is over, by the clock: three more hours.
    shift(&pipeline, "poundcake_alerts", &TIMES, 4);
    shift(&pipeline, "poundcake_api_calls", &["pause_until"], 4);
    pipeline.settled().await;
    let rows = usize::try_from(pipeline.database().count("poundcake_alerts")).expect("a count");
    pipeline.assert_ledger(rows).await;
    assert!(pause["id"].is_number(), "{pause}");
}
