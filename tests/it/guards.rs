//! Guards: what they hold, for how long, and what StackStorm sees of it.

mod brake;
mod cooldown;
mod in_flight;
mod kills;
mod modes;
mod pauses;
mod rates;

use crate::harness::{Pipeline, SOON, Setup, Shape, eventually, firing};
use serde_json::Value;
use st2_stand_in::Pace;
use std::time::Duration;

/// The start of most alerts here.
const T0: &str = "2026-11-22T01:00:00Z";

/// One route with these guards, as YAML flow mappings.
fn routes(guards: &str) -> String {
    format!(
        "routes:\n  - name: hosts\n    match: alertname=\"HostDown\"\n    action: core.noop\n    guards: {guards}\n"
    )
}

/// Alerts of different hosts.
fn hosts(range: std::ops::Range<usize>) -> Vec<Value> {
    range.map(|host| firing("HostDown", &format!("web-{host}:9100"), T0)).collect()
}

/// Executions that take this long.
fn work(pipeline: &Pipeline, work: Duration) {
    pipeline.st2().set_pace(Pace { work, ..Pace::fast() });
}

/// A pipeline of each shape with these routes.
async fn each(yaml: &str) -> Vec<Pipeline> {
    let mut pipelines = Vec::new();
    for shape in [Shape::Separate, Shape::Standalone] {
        pipelines.push(Setup::new(shape).await.routes(yaml).start().await);
    }
    pipelines
}

/// Waits until so many rows are held for this reason.
async fn held(pipeline: &Pipeline, reason: &str, rows: i64) {
    eventually(&format!("{rows} rows are held/{reason}"), SOON, async || {
        match pipeline.database().count(&format!("poundcake_alerts WHERE dispatch_reason = '{reason}'")) {
            held if held == rows => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
}

/// Waits until so many rows are dispatched.
async fn dispatched(pipeline: &Pipeline, rows: i64) {
    eventually(&format!("{rows} rows are dispatched"), SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'dispatched'") {
            dispatched if dispatched == rows => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
}

/// The most executions that were unfinished at one moment, by StackStorm's own times.
fn most_at_once(pipeline: &Pipeline) -> usize {
    let roots = pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none());
    let mut moments: Vec<(String, i32)> = Vec::new();
    for execution in roots {
        let time = |name: &str| execution.document[name].as_str().map(str::to_owned);
        moments.push((time("start_timestamp").expect("a start"), 1));
        moments.extend(time("end_timestamp").map(|end| (end, -1)));
    }
    // An end and a start of the same moment: the end first.
    moments.sort();
    let (mut now, mut most) = (0, 0);
    for (_, change) in moments {
        now += change;
        most = most.max(now);
    }
    usize::try_from(most).expect("a count")
}
