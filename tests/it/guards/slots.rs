//! What guards hold is started, however few calls may be made at once and whoever else wants to make them.

use super::{hosts, routes};
use crate::harness::{PATIENCE, Pipeline, SOON, Shape, eventually, firing, on_both_shapes};
use std::time::Duration;

on_both_shapes! {
    with_one_call_at_a_time_what_guards_hold_is_started,
    a_flood_without_guards_does_not_keep_a_guarded_alert_waiting,
}

async fn with_one_call_at_a_time_what_guards_hold_is_started(shape: Shape) {
    let one = |setup: crate::harness::Setup| {
        setup.routes(&routes("{max_in_flight: 5}")).variable("POUNDCAKE_DISPATCH_CONCURRENCY", "1")
    };
    let pipeline = Pipeline::of(shape, one).await;
    pipeline.send(&hosts(0..5)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
}

async fn a_flood_without_guards_does_not_keep_a_guarded_alert_waiting(shape: Shape) {
    let yaml = format!("{}  - name: others\n    action: core.noop\n", routes("{max_in_flight: 1}"));
    let two = |setup: crate::harness::Setup| setup.routes(&yaml).variable("POUNDCAKE_DISPATCH_CONCURRENCY", "2");
    let pipeline = Pipeline::of(shape, two).await;
    // So many calls of 200 ms take 40 s. The second host is held until the first one's execution is seen to have ended.
    pipeline.st2().set_fault(st2_stand_in::Fault::Delay { millis: 200 });
    pipeline.send(&hosts(0..2)).await;
    let flood: Vec<_> = (0..400).map(|host| firing("DiskFull", &format!("db-{host}:9100"), super::T0)).collect();
    pipeline.send(&flood).await;
    eventually("the guarded alerts run", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE id <= 2 AND dispatch_status = 'dispatched'") {
            2 => Ok(()),
            _ => Err(pipeline.statuses("WHERE id <= 2")),
        }
    })
    .await;
    let left =
        pipeline.database().count("poundcake_alerts WHERE dispatch_status NOT IN ('dispatched', 'failed', 'skipped')");
    assert!(left > 100, "they did not wait for the others: {left} are left");
    pipeline.st2().clear_faults();
    pipeline.settled_within(Duration::from_mins(3)).await;
    pipeline.assert_ledger(402).await;
}
