//! What the rules engine and the policies do that a client does not expect. The stand-in only.

use std::time::Duration;

use serde_json::{Value, json};
use st2_stand_in::Fault;

use super::session::Session;

const HOOK: &str = "/v1/webhooks/poundcake_alert";

/// Posts an alert that `remediation.host_down_rule` matches.
async fn post(session: &Session, tag: &str) -> u16 {
    let body = json!({ "alert_name": "HostDown", "instance": "web-1", "request_id": tag });
    session.send_with("POST", HOOK, &[("St2-Trace-Tag", tag)], Some(body.to_string())).await.status
}

/// The trigger instance of a tag, once it has this status.
async fn instance(session: &Session, tag: &str, status: &str) -> String {
    let path = format!("/v1/traces?trace_tag={tag}");
    let traces = session.until_json(&path, |traces| traces[0]["trigger_instances"][0].is_object()).await;
    let id = traces[0]["trigger_instances"][0]["object_id"].as_str().unwrap().to_owned();
    session.until_json(&format!("/v1/triggerinstances/{id}"), |own| own["status"] == status).await;
    id
}

async fn enforcements(session: &Session, instance: &str) -> Value {
    session.get(&format!("/v1/ruleenforcements?trigger_instance={instance}")).await.json
}

/// The roots of all traces of a tag: id and cause.
async fn roots(session: &Session, tag: &str) -> Vec<(String, Value)> {
    let traces = session.get(&format!("/v1/traces?trace_tag={tag}")).await.json;
    let all =
        traces.as_array().unwrap().iter().flat_map(|trace| trace["action_executions"].as_array().unwrap().clone());
    let is_root = |own: &Value| own["caused_by"]["type"] != "action_execution";
    all.filter(is_root).map(|own| (own["object_id"].as_str().unwrap().to_owned(), own["caused_by"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enforcement_may_be_failed_while_its_execution_runs() {
    let session = Session::start();
    session.control().set_fault_times(Fault::EnforcementFails, 1);
    post(&session, "denied").await;
    let instance = instance(&session, "denied", "processed").await;
    let own = &enforcements(&session, &instance).await[0];
    assert_eq!((&own["status"], own.get("execution_id")), (&json!("failed"), None));
    assert!(own["failure_reason"].is_string());
    let (id, cause) = roots(&session, "denied").await.remove(0);
    assert_eq!(cause["type"], "rule");
    assert_eq!(session.until_ended(&id).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_have_no_enforcement_at_all() {
    let session = Session::start();
    session.control().set_fault_times(Fault::EnforcementLost, 1);
    post(&session, "unwritten").await;
    let instance = instance(&session, "unwritten", "processed").await;
    assert_eq!(enforcements(&session, &instance).await, json!([]));
    let (id, _) = roots(&session, "unwritten").await.remove(0);
    assert_eq!(session.until_ended(&id).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rules_engine_that_dies_leaves_its_instance_processing_for_ever() {
    let session = Session::start();
    for (started, tag, runs) in [(false, "before", 0), (true, "after", 1)] {
        session.control().set_fault_times(Fault::RulesEngineDies { started }, 1);
        post(&session, tag).await;
        let instance = instance(&session, tag, "processing").await;
        assert_eq!(enforcements(&session, &instance).await, json!([]));
        assert_eq!(roots(&session, tag).await.len(), runs, "{tag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhooks_message_may_be_lost_or_delivered_twice() {
    let session = Session::start();
    session.control().set_fault_times(Fault::WebhookLost, 1);
    assert_eq!(post(&session, "lost").await, 202);
    session.control().set_fault_times(Fault::TriggerTwice, 1);
    assert_eq!(post(&session, "twice").await, 202);
    let two = |traces: &Value| traces.as_array().unwrap().len() == 2;
    session.until_json("/v1/traces?trace_tag=twice", two).await;
    assert_eq!(session.get("/v1/traces?trace_tag=lost").await.json, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_a_url_are_two_triggers_of_one_webhook() {
    let session = Session::start();
    let rule = "
name: same_url
trigger: {type: core.st2.webhook, parameters: {url: /poundcake_alert/}}
criteria: {}
action: {ref: core.noop, parameters: {}}
";
    session.control().add_rule("remediation", rule).unwrap();
    let listed = session.get("/v1/webhooks").await.json;
    let same = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|hook| hook["parameters"]["url"].as_str().unwrap().trim_matches('/') == "poundcake_alert");
    assert_eq!(same.count(), 2);
    assert_eq!(post(&session, "both").await, 202);
    let two = |traces: &Value| traces.as_array().unwrap().len() == 2;
    session.until_json("/v1/traces?trace_tag=both", two).await;
    session.control().set_fault_times(Fault::PublishFailsHalfway, 1);
    assert_eq!(post(&session, "half").await, 500, "the first of the two was published");
    let traces = session.until_json("/v1/traces?trace_tag=half", |traces| traces[0].is_object()).await;
    assert_eq!(traces.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_has_not_learned_of_a_webhook_answers_404_itself() {
    let session = Session::start();
    let control = session.control();
    control.set_fault_times(Fault::WebhookNotRegistered { lists: false }, 2);
    for _ in 0..2 {
        let (live, echoed) = session.send_with_id("POST", HOOK, Some(json!({}))).await;
        assert_eq!((live.status, echoed), (404, true));
        assert_eq!(live.json, json!({ "faultstring": "Webhook poundcake_alert not registered with st2" }));
    }
    assert_eq!(post(&session, "registered").await, 202);
    control.set_fault_for(Fault::WebhookNotRegistered { lists: true }, Duration::from_mins(10));
    assert_eq!(session.get("/v1/webhooks").await.json, json!([]));
    assert_eq!(session.get(HOOK).await.status, 404);
    assert_eq!(post(&session, "too-early").await, 404);
    control.clear_faults();
    assert!(session.get("/v1/webhooks").await.json[0].is_object());
    assert_eq!(post(&session, "later").await, 202);
    instance(&session, "later", "processed").await;
    assert_eq!(session.get("/v1/traces?trace_tag=too-early").await.json, json!([]));
}

const RETRY: &str = "
name: again
resource_ref: remediation.fails
policy_type: action.retry
parameters: {retry_on: failure, max_retry_count: 2}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_policy_copies_our_context_into_traces_of_our_tag() {
    let session = Session::start();
    session.control().add_policy("remediation", RETRY).unwrap();
    let context = json!({ "trace_context": { "trace_tag": "retried" }, "poundcake": { "alert_id": 7 } });
    let body = json!({ "action": "remediation.fails", "context": context });
    let first = session.send("POST", "/v1/executions", Some(body)).await.json;
    let three = |traces: &Value| traces.as_array().unwrap().len() == 3;
    session.until_json("/v1/traces?trace_tag=retried", three).await;
    let roots = roots(&session, "retried").await;
    assert!(roots.iter().all(|(_, cause)| *cause == json!({})), "{roots:?}");
    let copy = session.until_ended(&roots[1].0).await;
    assert_eq!((&copy["status"], &copy["context"]["poundcake"]), (&json!("failed"), &json!({ "alert_id": 7 })));
    let retry = &copy["context"]["policies"]["retry"];
    assert_eq!((&retry["applied_policy"], &retry["retry_count"]), (&json!("remediation.again"), &json!(1)));
    assert_eq!(retry["retried_liveaction_id"], first["liveaction"]["id"]);
    assert_eq!(session.until_ended(&roots[0].0).await["context"]["policies"]["retry"]["retry_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_a_rules_execution_joins_its_trace() {
    let session = Session::start();
    let rule = "
name: failing
trigger: {type: core.st2.webhook, parameters: {url: failing}}
action: {ref: remediation.fails, parameters: {}}
";
    session.control().add_rule("remediation", rule).unwrap();
    session.control().add_policy("remediation", RETRY).unwrap();
    session.send_with("POST", "/v1/webhooks/failing", &[("St2-Trace-Tag", "again")], Some("{}".to_owned())).await;
    let path = "/v1/executions?filter=context.trace_context.trace_tag:again";
    session.until_json(path, |all| all.as_array().unwrap().len() == 3).await;
    let roots = roots(&session, "again").await;
    assert_eq!(roots.len(), 3);
    assert!(roots.iter().all(|(_, cause)| cause == &roots[0].1 && cause["type"] == "rule"), "{roots:?}");
    let traces = session.get("/v1/traces?trace_tag=again").await.json;
    assert_eq!(traces.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_re_run_joins_our_trace_as_a_root() {
    let session = Session::start();
    let body = json!({ "action": "core.noop", "context": { "trace_context": { "trace_tag": "by-hand" } } });
    let first = session.send("POST", "/v1/executions", Some(body)).await.json["id"].as_str().unwrap().to_owned();
    let again = session.send("POST", &format!("/v1/executions/{first}/re_run"), Some(json!({}))).await.json;
    assert_eq!(again["context"]["re-run"], json!({ "ref": first }));
    let roots = roots(&session, "by-hand").await;
    assert_eq!(roots, [(first, json!({})), (again["id"].as_str().unwrap().to_owned(), json!({}))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_leave_out_what_a_get_by_id_finds() {
    let session = Session::start();
    let id = session.run("core.noop", json!({})).await;
    let other = session.run("core.noop", json!({})).await;
    session.control().set_fault(Fault::HiddenFromLists { ids: vec![id.clone()] });
    let listed =
        async |query: &str| session.get(&format!("/v1/executions{query}")).await.json.as_array().unwrap().len();
    assert_eq!((listed("").await, listed(&format!("?id={id},{other}")).await), (1, 1));
    assert_eq!(session.get(&format!("/v1/executions/{id}")).await.status, 200);
    session.control().clear_faults();
    assert_eq!(listed("").await, 2);
    session.control().set_fault(Fault::PermissionIsolation);
    post(&session, "rule-run").await;
    instance(&session, "rule-run", "processed").await;
    let ours = session.control().executions_with_tag("rule-run").remove(0).id;
    assert_eq!(listed(&format!("?id={ours}")).await, 0, "a rule's execution belongs to the system's user");
    assert_eq!(session.get(&format!("/v1/executions/{ours}")).await.status, 200);
    assert_eq!(roots(&session, "rule-run").await[0].0, ours, "traces are not filtered");
    assert_eq!(listed("").await, 2, "one's own are listed");
}
