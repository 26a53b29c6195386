//! A replay and `prune` make no room in a window.

use super::{dispatched, held, hosts, order, routes, shift};
use crate::harness::{Pipeline, Shape, on_both_shapes, resolved};
use serde_json::{Value, json};

on_both_shapes! {
    a_replay_waits_for_the_window_that_its_first_start_filled,
    prune_makes_no_room_in_a_window,
}

async fn twenty_started(shape: Shape, rate: &str) -> Pipeline {
    let guards = routes(&format!("{{rate: [{rate}]}}"));
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&guards)).await;
    pipeline.send(&hosts(0..20)).await;
    dispatched(&pipeline, 20).await;
    pipeline
}

async fn a_replay_waits_for_the_window_that_its_first_start_filled(shape: Shape) {
    let pipeline = twenty_started(shape, "20/h").await;
    let replay =
        json!({ "filter": { "dispatch_status": "dispatched" }, "include_dispatched": true, "reason": "again" });
    assert_eq!(order(&pipeline, "replays", replay).await["replayed"], 20);
    held(&pipeline, "rate", 20).await;
    assert_eq!(pipeline.st2().executions().len(), 20);
    // The hour is over.
    shift(&pipeline, "poundcake_st2_execution_link", &["started_at"], 2);
    dispatched(&pipeline, 20).await;
    assert_eq!(pipeline.st2().executions().len(), 40);
}

async fn prune_makes_no_room_in_a_window(shape: Shape) {
    let pipeline = twenty_started(shape, "20/7d").await;
    let ends: Vec<Value> = (0..20)
        .map(|host| resolved("HostDown", &format!("web-{host}:9100"), super::T0, "2026-11-22T02:00:00Z"))
        .collect();
    pipeline.send(&ends).await;
    // All of it is three days old.
    let alerts = ["created_at", "updated_at", "pending_at", "last_seen_at", "closed_at", "dispatched_at", "started_at"];
    shift(&pipeline, "poundcake_alerts", &alerts, 72);
    shift(&pipeline, "poundcake_st2_execution_link", &["created_at", "started_at"], 72);
    shift(&pipeline, "poundcake_api_calls", &["created_at"], 72);
    let (status, pruned, error) = pipeline.setup.process("prune").argument("--older-than").argument("1d").run().await;
    assert!(status.success(), "{error}");
    assert!(pruned.contains("deleted 20 alerts, 0 execution links"), "the ends go: {pruned}");
    pipeline.send(&hosts(20..25)).await;
    held(&pipeline, "rate", 5).await;
    assert_eq!(pipeline.st2().executions().len(), 20);
}
