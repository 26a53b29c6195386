//! A pause reaches every dispatcher, whatever guards its routes have, and what it held goes on when it is over.

use super::{T0, dispatched, held, hosts, routes};
use crate::harness::{Pipeline, SOON, Setup, Shape, client, eventually, firing};
use serde_json::{Value, json};

async fn pause(pipeline: &Pipeline, body: Value) -> String {
    let answer = client().post(pipeline.ingest.url("/api/v1/pauses")).json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    let answer: Value = answer.json().await.expect("JSON");
    answer["id"].to_string()
}

async fn resume(pipeline: &Pipeline, id: &str) {
    let url = pipeline.ingest.url(&format!("/api/v1/pauses/{id}"));
    let answer = client().delete(url).json(&json!({})).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
}

/// Waits until the dispatchers know the pause: a first alert is held.
pub(super) async fn in_force(pipeline: &Pipeline) {
    eventually("the pause is in force", SOON, async || {
        let probe = format!("probe-{}:1", pipeline.database().count("poundcake_alerts"));
        pipeline.send(&[firing("HostDown", &probe, T0)]).await;
        match pipeline.database().count("poundcake_alerts WHERE dispatch_reason = 'paused'") {
            0 => Err(pipeline.statuses("")),
            _ => Ok(()),
        }
    })
    .await;
    decided(pipeline).await;
}

/// Waits until every alert is held or has run.
async fn decided(pipeline: &Pipeline) {
    eventually("every alert is held or has run", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_status NOT IN ('held', 'dispatched')") {
            0 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
}

async fn a_pause_holds_and_lets_go(pipeline: Pipeline) {
    let id = pause(&pipeline, json!({ "everything": true, "reason": "maintenance" })).await;
    in_force(&pipeline).await;
    let before = pipeline.st2().executions().len();
    pipeline.send(&hosts(0..5)).await;
    eventually("all of them are held", SOON, async || {
        match pipeline
            .database()
            .count("poundcake_alerts WHERE dispatch_status IN ('pending', 'queued', 'dispatching')")
        {
            0 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
    assert_eq!(pipeline.st2().executions().len(), before, "nothing is started while the pause is in force");
    resume(&pipeline, &id).await;
    pipeline.settled().await;
    let rows = usize::try_from(pipeline.database().count("poundcake_alerts")).expect("a count");
    pipeline.assert_ledger(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_a_route_without_guards() {
    let yaml = "routes:\n  - name: hosts\n    action: core.noop\n";
    a_pause_holds_and_lets_go(Setup::new(Shape::Separate).await.routes(yaml).start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_the_line_of_a_guarded_route() {
    a_pause_holds_and_lets_go(Setup::new(Shape::Standalone).await.routes(&routes("{max_in_flight: 50}")).start().await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_by_matchers_holds_what_it_matches() {
    let yaml = "routes:\n  - name: hosts\n    action: core.noop\n";
    let pipeline = Setup::new(Shape::Standalone).await.routes(yaml).start().await;
    let id = pause(&pipeline, json!({ "matchers": ["alertname=\"HostDown\""], "reason": "flapping switch" })).await;
    in_force(&pipeline).await;
    let ran = i64::try_from(pipeline.st2().executions().len()).expect("few");
    let paused = pipeline.database().count("poundcake_alerts WHERE dispatch_reason = 'paused'");
    pipeline.send(&[firing("DiskFull", "web-1:9100", T0), firing("HostDown", "web-1:9100", T0)]).await;
    dispatched(&pipeline, ran + 1).await;
    held(&pipeline, "paused", paused + 1).await;
    resume(&pipeline, &id).await;
    pipeline.settled().await;
}
