//! StackStorm's own command line (`st2client` 3.9.0) against the stand-in: what an operator sees there agrees with our rows.

use crate::harness::{KEY, Pipeline, Process, SOON, Setup, Shape, T0, eventually, firing};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command};

/// The client of a virtual environment, made on first use. It needs `pkg_resources`, which newer setuptools lack.
fn client() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/venv.sh");
    let made = Command::new(script).args(["st2", "st2client==3.9.0", "setuptools<81"]).output().expect("tests/venv.sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()).join("bin/st2")
}

/// `st2 …` with this pipeline's stand-in.
pub(crate) fn st2(pipeline: &Pipeline, arguments: &[&str]) -> Process {
    let stand_in = &pipeline.setup.stand_in;
    let process = Process::program(client(), "")
        .variable("ST2_API_URL", stand_in.api_url())
        // Its own notion of the URL: it adds the path.
        .variable("ST2_AUTH_URL", stand_in.auth_url().trim_end_matches("/tokens"))
        .variable("ST2_API_KEY", KEY)
        // The directory that it is started in: no configuration or token of anybody's.
        .variable("HOME", ".");
    arguments.iter().fold(process, |process, argument| process.argument(*argument))
}

/// The JSON documents that it prints with `-j`: one, and for a workflow its tasks as another.
pub(crate) async fn documents(pipeline: &Pipeline, arguments: &[&str]) -> Vec<Value> {
    let (status, output, error) = st2(pipeline, arguments).argument("-j").run().await;
    assert!(status.success(), "{arguments:?}: {output}{error}");
    // `run` prints a dot for each time it asks.
    let parsed = serde_json::Deserializer::from_str(output.trim_start_matches(['.', '\n'])).into_iter();
    parsed.collect::<Result<_, _>>().unwrap_or_else(|e| panic!("{e}: {output}"))
}

pub(crate) async fn json_of(pipeline: &Pipeline, arguments: &[&str]) -> Value {
    documents(pipeline, arguments).await.swap_remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_st2_command_shows_the_execution_that_our_link_names() {
    let routes = "routes: [{action: remediation.host_down_workflow}]";
    let pipeline = Setup::new(Shape::Standalone).await.routes(routes).start().await;
    let request_id = pipeline.send(&[firing("HostDown", "web-1", T0)]).await;
    pipeline.settled_within(SOON).await;
    let link = pipeline.database().lines("SELECT st2_execution_id AS value FROM poundcake_st2_execution_link");
    let action = pipeline.database().lines("SELECT st2_action_ref AS value FROM poundcake_st2_execution_link");
    let [id] = &link[..] else { panic!("{link:?}") };

    let workflow = pipeline.st2();
    eventually("the execution has ended", SOON, async || {
        let all = workflow.executions();
        let found = all.iter().find(|execution| execution.id == *id).map(|execution| execution.status.clone());
        if found.as_deref() == Some("succeeded") { Ok(()) } else { Err(found) }
    })
    .await;
    let shown = documents(&pipeline, &["execution", "get", id]).await;
    let [execution, tasks] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!(execution["status"], "succeeded", "{execution}");
    assert_eq!(tasks.as_array().map(Vec::len), Some(2), "{tasks}");
    assert_eq!((&execution["id"], &execution["action"]["ref"]), (&json!(id), &json!(action[0])), "{execution}");
    let all = json_of(&pipeline, &["execution", "list"]).await;
    let listed: Vec<&Value> = all.as_array().expect("a list").iter().filter(|entry| entry["id"] == json!(id)).collect();
    assert_eq!(listed.len(), 1, "{all}");
    assert_eq!(listed[0]["action"]["ref"], action[0].as_str());

    let tag = format!("poundcake:{request_id}:1:0");
    let trace = json_of(&pipeline, &["trace", "list", "--trace-tag", &tag]).await;
    let trace = trace.as_array().and_then(|list| list.first()).unwrap_or(&trace);
    assert_eq!(trace["trace_tag"], tag.as_str(), "{trace}");
    let roots: Vec<&Value> = trace["action_executions"]
        .as_array()
        .expect("executions")
        .iter()
        .filter(|execution| execution["caused_by"] == json!({}))
        .map(|execution| &execution["object_id"])
        .collect();
    assert_eq!(roots, [&json!(id)], "{trace}");

    let actions = json_of(&pipeline, &["action", "list", "--pack", "remediation"]).await;
    assert!(actions.as_array().expect("a list").iter().any(|known| known["ref"] == action[0].as_str()), "{actions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_st2_command_runs_actions_logs_in_and_is_refused_as_on_a_real_one() {
    let pipeline = Setup::new(Shape::Standalone).await.start().await;
    let ran = json_of(&pipeline, &["run", "core.local", "cmd=echo hello"]).await;
    assert_eq!((&ran["status"], &ran["action"]["ref"]), (&json!("succeeded"), &json!("core.local")), "{ran}");
    assert_eq!(ran["result"]["stdout"], "hello");
    let again = json_of(&pipeline, &["execution", "get", ran["id"].as_str().expect("an id")]).await;
    assert_eq!((&again["status"], &again["result"]["stdout"]), (&json!("succeeded"), &json!("hello")), "{again}");

    let (status, output, error) = st2(&pipeline, &["auth", "st2admin", "-p", "Ch@ngeMe", "-t"]).run().await;
    assert!(status.success(), "{output}{error}");
    let token = output.trim().to_owned();
    let by_token = st2(&pipeline, &["execution", "list", "--token", &token]).variable("ST2_API_KEY", "");
    assert!(by_token.run().await.0.success());
    let (status, output, error) = st2(&pipeline, &["action", "list"]).variable("ST2_API_KEY", "wrong").run().await;
    assert!(!status.success() && (output + &error).contains("401"), "a wrong key is refused");
    let (status, output, error) = st2(&pipeline, &["run", "core.nope"]).run().await;
    assert!(!status.success(), "{output}{error}");
}
