//! 1,000 hosts are down, and 900 of them come back: what was started, and what waits.

use super::{T0, dispatched, held, hosts, looked_again, order, routes, work};
use crate::harness::{Pipeline, Running, SOON, Shape, eventually, on_both_shapes, resolved};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};

on_both_shapes! {
    a_brake_lets_no_more_start_until_a_person_releases_some,
    without_a_brake_the_places_are_taken_and_the_rest_waits,
}

const HOSTS: usize = 1_000;

/// A second dispatcher, where there are processes of their own.
async fn with_a_second(pipeline: &Pipeline, shape: Shape) -> Option<Running> {
    let second = pipeline.setup.process("dispatcher");
    if shape == Shape::Separate { Some(second.start().ready().await) } else { None }
}

/// All fire, and each alert is held or has run.
async fn all_fire(pipeline: &Pipeline) {
    for chunk in hosts(0..HOSTS).chunks(100) {
        pipeline.send(chunk).await;
    }
    eventually("every alert is held or has run", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_status IN ('held', 'dispatched')") {
            1_000 => Ok(()),
            rows => Err(rows),
        }
    })
    .await;
}

fn count(pipeline: &Pipeline, status: &str) -> usize {
    let rows = pipeline.database().count(&format!("poundcake_alerts WHERE dispatch_status = '{status}'"));
    usize::try_from(rows).expect("a count")
}

/// 900 of those that wait come back.
async fn most_come_back(pipeline: &Pipeline) {
    let started: HashSet<String> = pipeline
        .database()
        .lines("SELECT instance AS value FROM poundcake_alerts WHERE dispatch_status = 'dispatched'")
        .into_iter()
        .collect();
    let names = (0..HOSTS).map(|host| format!("web-{host}:9100")).filter(|name| !started.contains(name));
    let ends: Vec<Value> =
        names.take(900).map(|name| resolved("HostDown", &name, T0, "2026-11-22T02:00:00Z")).collect();
    for chunk in ends.chunks(100) {
        pipeline.send(chunk).await;
    }
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_reason = 'resolved_before_dispatch'"), 900);
}

async fn a_brake_lets_no_more_start_until_a_person_releases_some(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&routes("{brake: {above: 20, within: 10m}}"))).await;
    let second = with_a_second(&pipeline, shape).await;
    all_fire(&pipeline).await;
    let started = count(&pipeline, "dispatched");
    assert!(started <= 20, "{started}");
    most_come_back(&pipeline).await;
    looked_again(&pipeline).await;
    let waiting = HOSTS - started - 900;
    held(&pipeline, "brake", i64::try_from(waiting).expect("few")).await;
    assert_eq!(pipeline.st2().executions().len(), started, "the brake is on");
    let release = json!({ "filter": { "route": "hosts" }, "oldest": 10, "reason": "looked at" });
    assert_eq!(order(&pipeline, "releases", release).await["released"], 10);
    dispatched(&pipeline, i64::try_from(started + 10).expect("few")).await;
    looked_again(&pipeline).await;
    assert_eq!(pipeline.st2().executions().len(), started + 10);
    held(&pipeline, "brake", i64::try_from(waiting - 10).expect("few")).await;
    order(&pipeline, "releases", json!({ "filter": { "route": "hosts" }, "reason": "the switch works again" })).await;
    pipeline.settled().await;
    pipeline.assert_ledger(started + waiting).await;
    assert_eq!(count(&pipeline, "skipped"), 900 + 900, "900 firings that ended, and their ends");
    drop(second);
}

async fn without_a_brake_the_places_are_taken_and_the_rest_waits(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&routes("{max_in_flight: 5}"))).await;
    let second = with_a_second(&pipeline, shape).await;
    work(&pipeline, Duration::from_mins(30));
    all_fire(&pipeline).await;
    dispatched(&pipeline, 5).await;
    most_come_back(&pipeline).await;
    looked_again(&pipeline).await;
    held(&pipeline, "in_flight", 95).await;
    assert_eq!(pipeline.st2().executions().len(), 5);
    assert_eq!([count(&pipeline, "dispatched"), count(&pipeline, "skipped")], [5, 1_800]);
    drop(second);
}
