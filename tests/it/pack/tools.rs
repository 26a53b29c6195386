//! The pack seen by `poundcake doctor` and by StackStorm's own command line.

use super::{PACK, World};
use crate::st2_client::{documents, json_of, st2};
use serde_json::{Value, json};

/// The routes file that the pack's README shows.
fn routes_of_the_readme() -> String {
    let readme = std::fs::read_to_string(format!("{PACK}/README.md")).expect("the README");
    let (_, rest) = readme.split_once("<!-- routes -->\n```yaml\n").expect("the routes in it");
    rest.split_once("```").expect("their end").0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_ok_to_the_routes_of_the_readme() {
    let world = World::start(&routes_of_the_readme()).await;
    let doctor = world.pipeline.setup.process("doctor").argument("--output").argument("json");
    let (_, output, error) = doctor.run().await;
    let document: Value = serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output}{error}"));
    let findings = document["findings"].as_array().expect("findings");
    for action in ["host_down", "restart_service", "remediate_with_silence", "disk_full"] {
        let check = format!("action:poundcake.{action}");
        let found = findings.iter().find(|own| own["check"] == check.as_str()).unwrap_or_else(|| panic!("{document}"));
        assert_eq!(found["level"], "ok", "{found}");
    }
    let wrong: Vec<_> = findings.iter().filter(|own| own["area"] == "stackstorm" && own["level"] != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_st2_command_lists_and_runs_what_the_pack_has() {
    let world = World::start("routes: [{action: core.noop}]").await;
    let pipeline = &world.pipeline;
    let names = ["run", "poundcake.check_names", "instance=[2001:db8::1]:9100", "service=nginx"];
    let ran = json_of(pipeline, &names).await;
    assert_eq!(ran["result"]["result"], json!({ "host": "2001:db8::1", "port": 9100, "service": "nginx" }), "{ran}");
    let listed = json_of(pipeline, &["run", "poundcake.alerts", "limit=1"]).await;
    assert_eq!(listed["result"]["result"]["text"], "no alerts", "{listed}");
    // A dry run is the default, over HTTP as everywhere.
    let dry = json_of(pipeline, &["run", "poundcake.replay", "id=1", "reason=try"]).await;
    assert_eq!(dry["result"]["result"]["text"], "matched 0, replayed 0 (dry run: nothing was changed)", "{dry}");
    let sent = json_of(pipeline, &["run", "poundcake.send_test", "wait=30"]).await;
    assert_eq!((&sent["status"], &sent["result"]["result"]["settled"]), (&json!("succeeded"), &json!(true)), "{sent}");
    let paused = json_of(pipeline, &["run", "poundcake.pause", "everything=true", "duration=30m", "reason=try"]).await;
    let id = format!("id={}", paused["result"]["result"]["pause"]["id"]);
    let resumed = json_of(pipeline, &["run", "poundcake.resume", &id]).await;
    assert_eq!(resumed["status"], "succeeded", "{paused} {resumed}");
    for order in
        [["run", "poundcake.release", "id=1", "reason=try"], ["run", "poundcake.approve", "ids=1", "reason=try"]]
    {
        let answer = json_of(pipeline, &order).await;
        assert!(answer["result"]["result"]["text"].as_str().is_some_and(|own| own.contains("matched")), "{answer}");
    }
    let (status, output, error) = st2(pipeline, &["run", "poundcake.history", "id=web-1"]).run().await;
    assert!(!status.success() && output.contains("is not an id: a request id has"), "{output}{error}");
    let rules = documents(pipeline, &["rule", "list", "--pack", "poundcake"]).await.swap_remove(0);
    let rules: Vec<_> = rules.as_array().into_iter().flatten().map(|own| (&own["ref"], &own["enabled"])).collect();
    assert_eq!(rules.len(), 4, "{rules:?}");
    assert!(rules.iter().all(|(_, enabled)| **enabled == json!(false)), "{rules:?}");
}
