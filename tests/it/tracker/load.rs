//! What following executions costs StackStorm. `cargo bench --bench tracker_lag` prints it for other numbers and times.

use super::World;
use crate::harness::{Running, SOON, eventually};
use serde_json::json;
use st2_stand_in::Pace;
use std::time::Duration;

/// `poundcake_tracker_requests_total`, all kinds.
async fn requests(tracker: &Running) -> f64 {
    let metrics = crate::harness::client().get(tracker.url("/metrics")).send().await.expect("metrics");
    let text = metrics.text().await.expect("text");
    let lines = text.lines().filter(|line| line.starts_with("poundcake_tracker_requests_total{"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn reads_the_stream(tracker: &Running) {
    eventually("the stream is read", SOON, async || {
        if tracker.events("stream_connected").is_empty() { Err(tracker.output("stderr").len()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_that_the_stream_tells_of_cost_stackstorm_no_request_each() {
    let world = World::new().await;
    let tracker = world.tracker().await;
    reads_the_stream(&tracker).await;
    world.st2().set_pace(Pace { work: Duration::from_millis(300), ..Pace::fast() });
    // The links come one by one, as a dispatcher writes them, and after the stream told of the executions.
    for _ in 0..60 {
        world.run_and_link(1).await;
    }
    let workflow = json!({ "alert_name": "HostDown", "instance": "web-1" });
    let workflow = world.run("remediation.host_down_workflow", workflow).await;
    world.link(&[&workflow]);
    world.complete().await;
    let asked = requests(&tracker).await;
    assert!(asked <= 6.0, "{asked} requests for 61 executions and 2 tasks");
    assert!(world.st2().seen().lookups <= 6, "{:?}", world.st2().seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_that_the_stream_never_mentions_are_asked_for_all_the_same() {
    let world = World::new().await;
    let earlier = world.run_and_link(3).await;
    let ended = async || {
        let left = world.st2().executions().into_iter().filter(|execution| !execution.ended).count();
        if left == 0 { Ok(()) } else { Err(left) }
    };
    eventually("they have ended before anybody reads the stream", SOON, ended).await;
    let tracker = world.tracker().await;
    reads_the_stream(&tracker).await;
    for id in &earlier {
        world.becomes(id, "succeeded/done").await;
    }
    // A link may also come after the last that the stream tells of its execution.
    let late = world.run("core.noop", json!({})).await;
    eventually("it has ended", SOON, ended).await;
    world.link(&[&late]);
    world.becomes(&late, "succeeded/done").await;
}
