//! An alert that comes and goes every moment.

use super::routes;
use crate::harness::{Pipeline, SOON, Shape, eventually, firing, on_both_shapes, resolved};
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use std::time::Instant;

on_both_shapes! {
    a_flapping_alert_runs_once_per_cooldown_on_a_route_without_guards,
    a_flapping_alert_runs_once_per_cooldown_in_a_line,
}

const COOLDOWN: TimeDelta = TimeDelta::seconds(2);

async fn a_flapping_alert_runs_once_per_cooldown_on_a_route_without_guards(shape: Shape) {
    flaps(shape, "{cooldown: 2s}").await;
}

async fn a_flapping_alert_runs_once_per_cooldown_in_a_line(shape: Shape) {
    flaps(shape, "{cooldown: 2s, max_in_flight: 5}").await;
}

/// The moment of a round, each later than the one before.
fn moment(round: i64) -> String {
    let start = DateTime::from_timestamp(1_795_309_200 + round, 0).expect("a time");
    start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// It comes and goes until it has run four times.
async fn flaps(shape: Shape, guards: &str) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&routes(guards))).await;
    let (begun, mut round) = (Instant::now(), 0);
    while pipeline.st2().executions().len() < 4 {
        assert!(begun.elapsed() < SOON, "{:?}", pipeline.statuses(""));
        pipeline.send(&[firing("HostDown", "web-1:9100", &moment(2 * round))]).await;
        let waits = "poundcake_alerts WHERE dispatch_status IN ('pending', 'queued', 'dispatching')";
        eventually("it runs or is held", SOON, async || match pipeline.database().count(waits) {
            0 => Ok(()),
            _ => Err(pipeline.statuses("")),
        })
        .await;
        let held = pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'held'");
        assert!(held <= 1, "{:?}", pipeline.statuses(""));
        pipeline.send(&[resolved("HostDown", "web-1:9100", &moment(2 * round), &moment(2 * round + 1))]).await;
        round += 1;
    }
    // It fires, and goes on firing: it runs when the cooldown is over.
    pipeline.send(&[firing("HostDown", "web-1:9100", &moment(2 * round))]).await;
    pipeline.settled().await;
    let starts = starts(&pipeline);
    assert_eq!(starts.len(), 5);
    for pair in starts.windows(2) {
        assert!(pair[1] - pair[0] >= COOLDOWN, "{starts:?}");
    }
    pipeline.assert_ledger(5).await;
}

fn starts(pipeline: &Pipeline) -> Vec<NaiveDateTime> {
    let lines = pipeline
        .database()
        .lines("SELECT CAST(started_at AS CHAR) AS value FROM poundcake_st2_execution_link ORDER BY started_at");
    lines.iter().map(|at| NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M:%S%.f").expect("a time")).collect()
}
