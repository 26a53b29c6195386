//! The rows of running processes: what one process tells the others.

use crate::harness::{Pipeline, SOON, Setup, Shape, client, eventually};
use serde_json::{Value, json};

const ROUTES: &str = "routes: [{name: all, action: core.noop}]";

/// What `GET /api/v1/processes` lists.
async fn processes(pipeline: &Pipeline) -> Vec<Value> {
    let answer = client().get(pipeline.ingest.url("/api/v1/processes")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["processes"].as_array().unwrap().clone()
}

/// Waits until the list is as it should be.
async fn until(pipeline: &Pipeline, what: &str, holds: impl Fn(&[Value]) -> bool) {
    eventually(what, SOON, async || {
        let all = processes(pipeline).await;
        if holds(&all) { Ok(()) } else { Err(all) }
    })
    .await;
}

fn roles(all: &[Value]) -> Vec<&str> {
    all.iter().map(|process| process["role"].as_str().unwrap()).collect()
}

fn facts<'a>(all: &'a [Value], role: &str) -> &'a Value {
    all.iter().find(|process| process["role"] == role).map_or(&Value::Null, |process| &process["facts"])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_tells_how_it_is_until_it_ends() {
    let pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start().await;
    let tracker = pipeline.start_tracker().await;
    until(&pipeline, "three processes, connected", |all| {
        let connected = ["ingest", "dispatcher"].iter().all(|role| facts(all, role)["rabbitmq"] == "connected");
        roles(all) == ["dispatcher", "ingest", "tracker"] && connected
    })
    .await;
    let all = processes(&pipeline).await;
    let dispatcher = facts(&all, "dispatcher");
    assert_eq!((&dispatcher["circuit"], &dispatcher["waits_for"]), (&json!("closed"), &json!([])));
    assert_eq!(dispatcher["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(dispatcher["routes"]["digest"].as_str().map(str::len), Some(16), "{dispatcher}");
    assert!(dispatcher["database_node"].as_str().is_some_and(|node| node.contains(':')), "{dispatcher}");
    assert!(facts(&all, "tracker")["tracker"].is_object() && facts(&all, "ingest")["tracker"].is_null(), "{all:?}");
    assert_eq!(tracker.terminate(SOON).await.code(), Some(0));
    until(&pipeline, "the tracker has deleted its row", |all| roles(all) == ["dispatcher", "ingest"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_stale_for_an_hour_and_its_row_is_deleted_by_the_next_that_starts() {
    let mut pipeline = Pipeline::of(Shape::Separate, |setup| setup).await;
    until(&pipeline, "both", |all| roles(all) == ["dispatcher", "ingest"]).await;
    pipeline.dispatcher().kill();
    let age = |seconds: u32| {
        pipeline.database().execute(&format!(
            "UPDATE poundcake_api_calls SET created_at = created_at - INTERVAL {seconds} SECOND \
             WHERE method = 'PROCESS' AND path LIKE '/dispatcher/%'"
        ))
    };
    assert_eq!(age(31), 1);
    let stale = |all: &[Value]| all.iter().find(|process| process["role"] == "dispatcher").map(|p| p["stale"].clone());
    until(&pipeline, "the dispatcher is stale", |all| stale(all) == Some(json!(true))).await;
    age(3600);
    until(&pipeline, "it is not shown any more", |all| roles(all) == ["ingest"]).await;
    pipeline.start_dispatcher().await;
    until(&pipeline, "the new one", |all| stale(all) == Some(json!(false))).await;
    assert_eq!(pipeline.database().count("poundcake_api_calls WHERE method = 'PROCESS'"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_a_dispatcher_says_what_it_waits_for() {
    let setup = Setup::proxied(Shape::Separate).await;
    let pipeline = setup.start().await;
    until(&pipeline, "connected", |all| facts(all, "dispatcher")["rabbitmq"] == "connected").await;
    pipeline.setup.network().publisher().break_networking();
    pipeline.setup.network().consumer().break_networking();
    until(&pipeline, "both connections are lost", |all| {
        let lost = |role| facts(all, role)["rabbitmq"] == "disconnected";
        lost("dispatcher") && lost("ingest")
    })
    .await;
    let all = processes(&pipeline).await;
    assert_eq!(facts(&all, "dispatcher")["waits_for"], json!(["RabbitMQ (connection lost)"]));
}
