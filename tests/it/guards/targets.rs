//! `per_target`: a target with many alerts, targets of several routes, and how long one waits at most.

use super::{T0, dispatched, held, routes, shift};
use crate::harness::{Pipeline, SOON, Shape, eventually, firing, on_both_shapes};
use serde_json::Value;
use std::time::{Duration, Instant};

on_both_shapes! {
    tens_of_thousands_of_alerts_of_one_target_delay_no_other_target,
    each_route_has_a_queue_of_its_own_for_a_target,
    who_waits_for_a_target_expires_like_everything_else,
}

/// Alerts of one host, about different disks.
fn of_one_host(name: &str, disks: std::ops::Range<usize>) -> Vec<Value> {
    let alert = |disk: usize| {
        let mut alert = firing(name, "web-1:9100", T0);
        alert["labels"]["disk"] = disk.to_string().into();
        alert
    };
    disks.map(alert).collect()
}

/// How long an alert of this host takes to run.
async fn time_of(pipeline: &Pipeline, host: &str) -> Duration {
    let before = pipeline.st2().executions().len();
    let begun = Instant::now();
    pipeline.send(&[firing("HostDown", host, T0)]).await;
    eventually("it runs", SOON, async || match pipeline.st2().executions().len() {
        now if now > before => Ok(()),
        _ => Err(pipeline.statuses(&format!("WHERE instance = '{host}'"))),
    })
    .await;
    begun.elapsed()
}

/// The middle one of five.
async fn median(pipeline: &Pipeline, name: &str) -> Duration {
    let mut times = Vec::new();
    for host in 0..5 {
        times.push(time_of(pipeline, &format!("{name}-{host}:9100")).await);
    }
    times.sort();
    times[2]
}

async fn tens_of_thousands_of_alerts_of_one_target_delay_no_other_target(shape: Shape) {
    const ALERTS: usize = 1_000;
    const COPIES: usize = 49;
    let guards = routes("{per_target: {label: instance, rate: [2/h]}}");
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&guards)).await;
    let before = median(&pipeline, "before").await;
    for chunk in of_one_host("HostDown", 0..ALERTS).chunks(500) {
        pipeline.send(chunk).await;
    }
    held(&pipeline, "target_rate", i64::try_from(ALERTS - 2).expect("few")).await;
    pipeline.database().execute(&copies(COPIES));
    held(&pipeline, "target_rate", i64::try_from((ALERTS - 2) * (1 + COPIES)).expect("few")).await;
    let with = median(&pipeline, "with").await;
    assert!(with <= before + Duration::from_secs(1), "{before:?} before, {with:?} with them");
}

/// Every alert that waits for its target, so many times more, each with a fingerprint of its own.
fn copies(count: usize) -> String {
    let fingerprint = "CONCAT(1000 + n.n, SUBSTR(CONCAT('000000000000', a.id), -12))";
    let same = "api_call_id, alert_name, severity, instance, labels, created_at, status, annotations, starts_at, updated_at, \
        last_seen_at, dispatch_status, dispatch_reason, dispatch_target, pending_at, next_attempt_at, dispatch_route, \
        guard_target";
    format!(
        "INSERT INTO poundcake_alerts (fingerprint, open_fingerprint, {same}) \
         SELECT {fingerprint}, {fingerprint}, {same} FROM poundcake_alerts a \
         CROSS JOIN (SELECT ROW_NUMBER() OVER (ORDER BY id) AS n FROM poundcake_alerts LIMIT {count}) n \
         WHERE a.dispatch_reason = 'target_rate'"
    )
}

async fn each_route_has_a_queue_of_its_own_for_a_target(shape: Shape) {
    let yaml = "routes:\n  - name: hosts\n    match: alertname=\"HostDown\"\n    action: core.noop\n    \
                guards: {per_target: {rate: [1/d]}}\n  - name: disks\n    action: core.noop\n    \
                guards: {per_target: {rate: [1/2m]}}\n";
    let pipeline = Pipeline::of(shape, |setup| setup.routes(yaml)).await;
    pipeline.send(&of_one_host("HostDown", 0..20)).await;
    dispatched(&pipeline, 1).await;
    held(&pipeline, "target_rate", 19).await;
    pipeline.send(&of_one_host("DiskFull", 0..2)).await;
    dispatched(&pipeline, 2).await;
    held(&pipeline, "target_rate", 20).await;
    // Two minutes and ten seconds, not the hours that the other route's alerts wait.
    let soon = (chrono::Utc::now() + chrono::TimeDelta::minutes(5)).format("%Y-%m-%d %H:%M:%S");
    let first = format!("poundcake_alerts WHERE dispatch_reason = 'target_rate' AND next_attempt_at < '{soon}'");
    assert_eq!(pipeline.database().count(&first), 1);
}

async fn who_waits_for_a_target_expires_like_everything_else(shape: Shape) {
    let guards = routes("{per_target: {label: instance, rate: [1/h]}}");
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&guards)).await;
    pipeline.send(&of_one_host("HostDown", 0..20)).await;
    dispatched(&pipeline, 1).await;
    held(&pipeline, "target_rate", 19).await;
    // POUNDCAKE_DISPATCH_MAX_AGE is 6 h, and the last of them would wait for 19 h.
    shift(&pipeline, "poundcake_alerts", &["pending_at", "next_attempt_at"], 7);
    eventually("all have expired", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_reason = 'expired'") {
            19 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
    assert_eq!(pipeline.st2().executions().len(), 1);
}
