//! Guards: what they hold, for how long, and what StackStorm sees of it.

mod brake;
mod cooldown;
mod edits;
mod flapping;
mod frozen;
mod in_flight;
mod kills;
mod modes;
mod night;
mod outage;
mod overdue;
mod pauses;
mod rates;
mod replayed;
mod slots;
mod storm;
mod targets;

use crate::harness::{Pipeline, SOON, Setup, Shape, TestDatabase, client, eventually, firing};
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
pub(crate) fn most_at_once(pipeline: &Pipeline) -> usize {
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

/// An order over the API that must be taken, and its answer.
async fn order(pipeline: &Pipeline, path: &str, body: Value) -> Value {
    let url = pipeline.ingest.url(&format!("/api/v1/{path}"));
    let answer = client().post(url).json(&body).send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("a text"));
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// How often the lines have been looked at, by this process.
async fn admissions(pipeline: &Pipeline) -> u64 {
    let text = client().get(pipeline.dispatches().url("/metrics")).send().await.expect("an answer").text().await;
    let text = text.expect("a text");
    let count = text.lines().find_map(|line| line.strip_prefix("poundcake_admission_seconds_count "));
    count.expect("the metric").parse().expect("a number")
}

/// Waits until the lines have been looked at several times more.
async fn looked_again(pipeline: &Pipeline) {
    let before = admissions(pipeline).await;
    eventually("the lines are looked at again", SOON, async || match admissions(pipeline).await {
        now if now >= before + 3 => Ok(()),
        now => Err(now),
    })
    .await;
}

/// Waits until rows that are due have been looked for: a row that is due by then is not held any more.
async fn looked_at_held_rows(pipeline: &Pipeline) {
    let probe = pipeline.database().count("poundcake_alerts");
    pipeline.send(&[firing("HostDown", "probe:1", T0)]).await;
    let (due, row) =
        ("next_attempt_at = '2026-11-22 01:00:00'", format!("WHERE id > {probe} AND dispatch_status = 'held'"));
    eventually("the probe is held", SOON, async || {
        match pipeline.database().execute(&format!("UPDATE poundcake_alerts SET {due} {row}")) {
            1 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
    let still = format!("poundcake_alerts {row} AND {due}");
    eventually("the probe is looked at", SOON, async || match pipeline.database().count(&still) {
        0 => Ok(()),
        _ => Err(pipeline.statuses("")),
    })
    .await;
}

/// Moves what has been written so far into the past: the clock of the database went on while nobody slept.
fn shift(pipeline: &Pipeline, table: &str, columns: &[&str], hours: u32) {
    let earlier = |column: &&str| match pipeline.database() {
        TestDatabase::MariaDb { .. } => format!("{column} = {column} - INTERVAL {hours} HOUR"),
        TestDatabase::Sqlite { .. } => {
            format!("{column} = strftime('%Y-%m-%d %H:%M:%f', {column}, '-{hours} hours')")
        }
    };
    let set: Vec<String> = columns.iter().map(earlier).collect();
    pipeline.database().execute(&format!("UPDATE {table} SET {}", set.join(", ")));
}
