//! What a client relies on.

use serde_json::{Value, json};

use super::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_found_by_a_new_tag_and_ends_as_recorded() {
    let mut session = Session::anywhere();
    session.replay("10").await;
    let tag = session.id("e5795d4d-6e3a-4b1f-9e10-cb27a83134d2");
    let found = session.get(&format!("/v1/traces?trace_tag={tag}")).await;
    let root = found.json[0]["action_executions"][0].clone();
    let id = session.id("6b02354e3117e68b4306be78");
    assert_eq!((&root["object_id"], &root["caused_by"]), (&json!(id), &json!({})));
    session.until_ended(&id).await;
    let all_ended = |traces: &Value| traces[0]["trigger_instances"].as_array().is_some_and(|all| all.len() == 3);
    session.until_json(&format!("/v1/traces?trace_tag={tag}"), all_ended).await;
    for number in ["14", "15", "16b", "17"] {
        session.replay(number).await;
    }
    let filtered = session.get(&format!("/v1/executions?filter=context.trace_context.trace_tag:{tag}")).await;
    assert_eq!(filtered.json.as_array().unwrap().len(), 1, "children carry no tag");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_recorded_words() {
    let mut session = Session::anywhere();
    for number in ["21", "22", "22b", "24", "25", "26", "26b", "26c", "27", "18", "38d", "59"] {
        session.replay(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_resolved_through_its_trace_to_its_execution() {
    let mut session = Session::anywhere();
    session.replay("51").await;
    let tag = session.id("b5cf4549-b569-425d-b787-e0afbf75b119");
    let path = format!("/v1/traces?trace_tag={tag}");
    let traces = session.until_json(&path, |traces| traces[0]["action_executions"][0].is_object()).await;
    let instance = traces[0]["trigger_instances"][0]["object_id"].as_str().unwrap().to_owned();
    session.until_json(&format!("/v1/triggerinstances/{instance}"), |own| own["status"] == "processed").await;
    let enforced = session.get(&format!("/v1/ruleenforcements?trigger_instance={instance}")).await;
    assert_eq!(enforced.json[0]["execution_id"], traces[0]["action_executions"][0]["object_id"]);
    assert_eq!(enforced.json[0]["rule"]["ref"], "remediation.host_down_rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_execution_cannot_be_canceled_and_the_answer_is_200() {
    let session = Session::anywhere();
    let id = session.run("core.noop", json!({})).await;
    let ended = session.until_ended(&id).await;
    assert_eq!(ended["status"], "succeeded");
    let live = session.send("DELETE", &format!("/v1/executions/{id}"), None).await;
    assert_eq!(
        (live.status, live.json),
        (200, json!({ "faultstring": "Action cannot be canceled. State = succeeded." }))
    );
}
