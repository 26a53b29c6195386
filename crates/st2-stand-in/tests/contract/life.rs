//! Executions on their way: ends of every kind, cancel, pause, delay, re-run, policies, secrets.

use std::time::Duration;

use serde_json::{Value, json};
use st2_stand_in::Pace;

use super::{
    recording::Recording,
    session::{Live, Session},
    shape::Tolerance,
};

const WORKFLOW: &str = "remediation.host_down_workflow";

/// Compares an execution of this session with a recorded one, by the recorded request's query.
async fn hold_execution(session: &mut Session, number: &str, id: &str, tolerance: &Tolerance) -> Live {
    let recorded = Recording::numbered(number);
    let query = recorded.request.url.split_once('?').map_or("", |(_, query)| query).to_owned();
    let live = session.send(&recorded.request.method, &format!("/v1/executions/{id}?{query}"), body(&recorded)).await;
    session.hold(number, &recorded.response, &live, tolerance);
    live
}

fn body(recorded: &Recording) -> Option<Value> {
    recorded.request.body.as_deref().map(|body| serde_json::from_str(body).unwrap())
}

fn exactly() -> Tolerance {
    Tolerance::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_fail_and_time_out_as_recorded() {
    let mut session = Session::anywhere();
    let id = session.run("remediation.fails", json!({})).await;
    session.until_ended(&id).await;
    hold_execution(&mut session, "37", &id, &exactly()).await;
    let id = session.run("core.local", json!({ "cmd": "sleep 5", "timeout": 1 })).await;
    session.until_ended(&id).await;
    hold_execution(&mut session, "37b", &id, &exactly()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_and_failing_workflows_end_as_recorded() {
    let mut session = Session::anywhere();
    let id = session.run("remediation.chain_workflow", json!({ "alert_name": "A", "instance": "i" })).await;
    session.until_ended(&id).await;
    hold_execution(&mut session, "130", &id, &exactly()).await;
    let id = session.run("remediation.failing_workflow", json!({})).await;
    session.until_ended(&id).await;
    hold_execution(&mut session, "131", &id, &exactly()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_masked_unless_asked_for() {
    let mut session = Session::anywhere();
    let id = session.run("remediation.secretive", json!({ "token": "hunter2" })).await;
    session.until_ended(&id).await;
    hold_execution(&mut session, "132", &id, &exactly()).await;
    hold_execution(&mut session, "132b", &id, &exactly()).await;
    assert_eq!(
        session.get(&format!("/v1/executions/{id}")).await.json["liveaction"]["parameters"]["token"],
        "********"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_workflow_is_canceled_once_its_task_has_ended() {
    let mut session = Session::anywhere();
    let parameters =
        json!({ "alert_name": "HostDown", "instance": "web-1:9100", "poundcake_request_id": "c", "sleep": 1 });
    let id = session.run(WORKFLOW, parameters).await;
    let child_runs = |all: &Value| all[0]["status"] == "running";
    session.until_json(&format!("/v1/executions/{id}/children"), child_runs).await;
    let tolerance = Tolerance { values: vec!["sleep"], ..exactly() };
    hold_execution(&mut session, "38", &id, &tolerance).await;
    hold_execution(&mut session, "38b", &id, &exactly()).await;
    hold_execution(&mut session, "38c", &id, &exactly()).await;
    session.ids.insert("6b02358e3117e68b4306bea9".to_owned(), id.clone());
    session.replay_within("38c2", &Tolerance { values: vec!["cmd"], ..exactly() }).await;
    session.replay("38d").await;
    let ended = session.until_ended(&id).await;
    assert_eq!((&ended["status"], &ended["result"]), (&json!("canceled"), &json!({ "output": null })));
    let again = session.send("DELETE", &format!("/v1/executions/{id}"), None).await;
    assert_eq!((again.status, &again.json["status"]), (200, &json!("canceled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_command_is_canceled_and_a_delayed_one_never_runs() {
    let mut session = Session::start();
    session.control().set_pace(Pace { schedule: Duration::from_millis(150), ..Pace::fast() });
    let id = session.run("core.local", json!({ "cmd": "sleep 5" })).await;
    session.until(&id, |status| status == "running").await;
    hold_execution(&mut session, "133", &id, &exactly()).await;
    hold_execution(&mut session, "133b", &id, &exactly()).await;
    session.until_ended(&id).await;
    hold_execution(&mut session, "133c", &id, &exactly()).await;

    let body = json!({
        "action": WORKFLOW, "delay": 4000, "context": { "trace_context": { "trace_tag": "delaycancel-1662737c9e4448e8b3056614fc777e4f" } },
        "parameters": { "alert_name": "HostDown", "instance": "f1", "poundcake_request_id": "delaycancel-1662737c9e4448e8b3056614fc777e4f" },
    });
    let id = session.send("POST", "/v1/executions", Some(body)).await.json["id"].as_str().unwrap().to_owned();
    session.until(&id, |status| status == "delayed").await;
    hold_execution(&mut session, "135", &id, &exactly()).await;
    hold_execution(&mut session, "135b", &id, &exactly()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_is_waited_for() {
    let session = Session::anywhere();
    let body = json!({ "action": "core.noop", "delay": 20 });
    let id = session.send("POST", "/v1/executions", Some(body)).await.json["id"].as_str().unwrap().to_owned();
    let ended = session.until_ended(&id).await;
    let states: Vec<_> =
        ended["log"].as_array().unwrap().iter().map(|entry| entry["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["requested", "delayed", "scheduled", "running", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_paused_and_resumed_and_a_command_is_not() {
    let mut session = Session::anywhere();
    let parameters =
        json!({ "alert_name": "HostDown", "instance": "web-1:9100", "poundcake_request_id": "p", "sleep": 1 });
    let id = session.run(WORKFLOW, parameters).await;
    session.until(&id, |status| status == "running").await;
    session.until_json(&format!("/v1/executions/{id}"), |own| own["children"].is_array()).await;
    hold_execution(&mut session, "39", &id, &Tolerance { values: vec!["sleep"], ..exactly() }).await;
    session.until(&id, |status| status == "paused").await;
    let put = async |session: &Session, id: &str, status: &str| {
        session.send("PUT", &format!("/v1/executions/{id}"), Some(json!({ "status": status }))).await
    };
    assert_eq!(put(&session, &id, "resuming").await.json["status"], "resuming");
    assert_eq!(session.until_ended(&id).await["status"], "succeeded");
    hold_execution(&mut session, "38f", &id, &exactly()).await;
    let command = session.run("core.local", json!({ "cmd": "sleep 1" })).await;
    session.until(&command, |status| status == "running").await;
    let refused = put(&session, &command, "pausing").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text.contains("because it is not supported by the \\\"local-shell-cmd\\\" runner."),
        "{}",
        refused.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_run_joins_the_old_trace_and_has_no_tag() {
    let mut session = Session::anywhere();
    session.ids.insert("6b0235903117e68b4306beac".to_owned(), session.run("core.noop", json!({})).await);
    session.replay("40").await;
    session.replay("40d").await;
    let tag = uuid::Uuid::new_v4().to_string();
    let body = json!({
        "action": WORKFLOW, "context": { "trace_context": { "trace_tag": tag } },
        "parameters": { "alert_name": "HostDown", "instance": "i", "poundcake_request_id": "rr" },
    });
    let old = session.send("POST", "/v1/executions", Some(body)).await.json["id"].as_str().unwrap().to_owned();
    session.until_ended(&old).await;
    session.ids.insert("6b0235923117e68b4306beb4".to_owned(), old);
    let new = session.replay("40b").await.json["id"].as_str().unwrap().to_owned();
    session.until_ended(&new).await;
    let six = |traces: &Value| traces[0]["action_executions"].as_array().is_some_and(|all| all.len() == 6);
    let traces = session.until_json(&format!("/v1/traces?trace_tag={tag}"), six).await;
    assert_eq!(traces.as_array().unwrap().len(), 1);
    let tagged = session.get(&format!("/v1/executions?filter=context.trace_context.trace_tag:{tag}")).await;
    assert_eq!(tagged.json.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrency_policy_lets_one_run_and_cancels_the_others() {
    let session = Session::anywhere();
    let request = uuid::Uuid::new_v4().to_string();
    let parameters = json!({ "alert_name": "A", "instance": "i", "poundcake_request_id": request, "sleep": 1 });
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(session.run("remediation.guarded_workflow", parameters.clone()).await);
    }
    let mut ends = Vec::new();
    for id in &ids {
        let ended = session.until_ended(id).await;
        let log: Vec<_> = ended["log"].as_array().unwrap().iter().map(|entry| entry["status"].clone()).collect();
        ends.push((ended["status"].clone(), log.len(), ended.get("result").is_some()));
    }
    assert_eq!(ends, [(json!("succeeded"), 4, true), (json!("canceled"), 3, false), (json!("canceled"), 3, false)]);
    let later = session.run("remediation.guarded_workflow", parameters).await;
    assert_eq!(session.until_ended(&later).await["status"], "succeeded", "it does not guard once the first has ended");
}
