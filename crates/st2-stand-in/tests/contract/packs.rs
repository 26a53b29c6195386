//! Workflows of the pack `poundcake`, on any StackStorm that has it: what they need of StackStorm itself, and nothing else.
//!
//! The names that they are given are refused by their second step, so nothing is run anywhere.

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};
use st2_stand_in::Options;

use super::session::{KEY, Session};

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The stand-in with the pack, and a Python that has what the pack needs.
fn options() -> Options {
    let requirements = format!("{TOP}/tests/requirements/pack.txt");
    let made = Command::new(format!("{TOP}/tests/venv.sh")).args(["pack", "-r", &requirements]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let python = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()).join("bin/python");
    Options { packs: vec![PathBuf::from(format!("{TOP}/packs/poundcake"))], python, ..Options::for_tests(KEY) }
}

/// None for a real StackStorm without the pack.
async fn session() -> Option<Session> {
    let session = Session::anywhere_with(&options());
    let actions = session.get("/v1/actions?pack=poundcake").await;
    let registered = !actions.json.as_array().unwrap().is_empty();
    assert!(registered || !session.is_stand_in());
    registered.then_some(session)
}

fn parameters(more: &Value) -> Value {
    let mut parameters = json!({
        "alert_name": "HostDown", "instance": "; reboot", "fingerprint": "a040726554fc8521", "severity": "a'b\"c\\d\n-e",
        "annotations": { "summary": "a'b\"c\\d\n-e" }, "wait": 1,
    });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parameters
}

async fn tasks(session: &Session, id: &str) -> Vec<(String, String)> {
    let children = session.get(&format!("/v1/executions/{id}/children")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = children.json.as_array().unwrap().iter();
    all.map(|own| (text(&own["action"]["ref"]), text(&own["status"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orquesta_workflow_and_a_chain_stop_at_a_name_that_is_none() {
    let Some(session) = session().await else { return };
    for (action, more) in [
        ("poundcake.host_down", json!({ "control_host": "127.0.0.1" })),
        ("poundcake.restart_service", json!({ "service": "nginx" })),
    ] {
        let id = session.run(action, parameters(&more)).await;
        let ended = session.until_ended(&id).await;
        assert_eq!(ended["status"], "failed", "{action}: {}", ended["result"]);
        assert!(
            ended["result"].to_string().contains("is not a host name with or without a port"),
            "{}",
            ended["result"]
        );
        let mut tasks = tasks(&session, &id).await;
        tasks.sort();
        let wanted = [("poundcake.check_names", "failed"), ("poundcake.once", "succeeded")];
        assert_eq!(tasks, wanted.map(|(action, status)| (action.to_owned(), status.to_owned())), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_cancels_the_second_execution_of_a_trace_tag() {
    let Some(session) = session().await else { return };
    let tag = format!("poundcake:{}:1:0", uuid::Uuid::new_v4());
    let mut ended = Vec::new();
    for _ in 0..2 {
        let body = json!({
            "action": "poundcake.host_down", "parameters": parameters(&json!({ "control_host": "127.0.0.1" })),
            "context": { "trace_context": { "trace_tag": tag } },
        });
        let posted = session.send("POST", "/v1/executions", Some(body)).await;
        assert_eq!(posted.status, 201, "{}", posted.text);
        let id = posted.json["id"].as_str().unwrap().to_owned();
        ended.push((session.until_ended(&id).await["status"].clone(), tasks(&session, &id).await.len()));
    }
    assert_eq!(ended, [(json!("failed"), 2), (json!("canceled"), 1)]);
}
