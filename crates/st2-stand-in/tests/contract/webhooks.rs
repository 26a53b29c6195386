//! Webhooks, rules, and what comes of them.

use serde_json::{Value, json};

use super::{session::Session, shape::Tolerance};

/// Header names are lower case on the wire here; StackStorm sees them as WSGI spells them, and so do we. The clients
/// that recorded and replay differ in what they send.
fn other_client() -> Tolerance {
    Tolerance {
        values: vec!["status", "Host", "host", "Content-Length", "content-length"],
        members: vec![
            "Accept-Encoding",
            "accept-encoding",
            "Accept",
            "accept",
            "User-Agent",
            "user-agent",
            "end_timestamp",
            "elapsed_seconds",
            "result",
            "result_size",
            "children",
            "hostname",
            "pid",
            "workflow_execution",
        ],
        lists_by_prefix: false,
    }
}

const INSTANCE: &str = "6b0235e2dbeb853eff82890c";

async fn processed(session: &Session, tag: &str) -> String {
    let path = format!("/v1/traces?trace_tag={tag}");
    let traces = session.until_json(&path, |traces| traces[0]["trigger_instances"].is_array()).await;
    let id = traces[0]["trigger_instances"][0]["object_id"].as_str().unwrap().to_owned();
    session.until_json(&format!("/v1/triggerinstances/{id}"), |instance| instance["status"] == "processed").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matching_webhook_starts_its_rules_action() {
    let mut session = Session::anywhere();
    session.replay("51").await;
    let tag = session.id("b5cf4549-b569-425d-b787-e0afbf75b119");
    processed(&session, &tag).await;
    let early = Tolerance { lists_by_prefix: true, ..other_client() };
    session.replay_within("52", &early).await;
    let id = session.id("6b0235e2dbeb853eff82890f");
    session.until_ended(&id).await;
    let four = |traces: &Value| traces[0]["trigger_instances"].as_array().is_some_and(|all| all.len() == 4);
    session.until_json(&format!("/v1/traces?trace_tag={tag}"), four).await;
    session.replay("52b").await;
    for number in ["53", "54", "54c", "55c", "55d"] {
        session.replay_within(number, &other_client()).await;
    }
    session.replay_within("55", &early).await;
    let by_instance = session.get(&format!("/v1/executions?trigger_instance={}", session.id(INSTANCE))).await;
    assert_eq!(by_instance.json[0]["id"], json!(id));
    let instance = session.id(INSTANCE);
    let by_rule = session.get(&format!("/v1/executions?rule=host_down_rule&trigger_instance={instance}")).await;
    assert_eq!(by_rule.json[0]["id"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_no_rule_matches_leaves_a_trace_without_an_execution() {
    let mut session = Session::start();
    session.replay("56").await;
    let tag = session.id("f12c908d-4446-4bf1-be59-314b1ce76f06");
    processed(&session, &tag).await;
    session.replay("56b").await;
    session.replay("57").await;
    let made_up = |traces: &Value| traces[0]["trace_tag"].as_str().is_some_and(|tag| tag.starts_with("webhook-"));
    session.until_json("/v1/traces?limit=1", made_up).await;
    let nine = |traces: &Value| traces[0]["trigger_instances"].as_array().is_some_and(|all| all.len() == 4);
    session.until_json("/v1/traces?limit=1", nine).await;
    session.replay_within("57b", &Tolerance { lists_by_prefix: true, ..Tolerance::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tag_twice_is_two_traces_and_two_executions() {
    let mut session = Session::anywhere();
    session.replay("58").await;
    session.replay("58").await;
    let tag = session.id("be2efc0b-8a39-43b4-83fe-cda236f09fe9");
    let done = |traces: &Value| {
        let all = traces.as_array().unwrap();
        all.len() == 2 && all.iter().all(|trace| trace["trigger_instances"].as_array().unwrap().len() == 4)
    };
    session.until_json(&format!("/v1/traces?trace_tag={tag}"), done).await;
    session.replay("58b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_webhooks_are_answered_as_recorded() {
    let mut session = Session::anywhere();
    for number in ["59", "59b", "59c", "59f", "59h", "59i", "61e"] {
        session.replay(number).await;
    }
    let array = session.send("POST", "/v1/webhooks/poundcake_alert", Some(json!([1]))).await;
    assert_eq!((array.status, array.json), (202, json!([1])));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let live = session.send_with("POST", "/v1/webhooks/poundcake_alert", &form, Some("a=b".to_owned())).await;
    assert_eq!((live.status, live.json), (202, json!({ "a": ["b"] })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_cannot_be_rendered_fails_its_enforcement() {
    let mut session = Session::start();
    session.replay("60").await;
    let instance = processed(&session, "missing-inst").await;
    session.ids.insert("6b0235e9dbeb853eff828936".to_owned(), instance);
    session.replay("60c").await;
    let left = session.control().executions_with_tag("missing-inst");
    assert_eq!((left.len(), left[0].status.as_str(), left[0].started), (1, "failed", false));
    let trace = session.get("/v1/traces?trace_tag=missing-inst").await.json;
    let (rule, instance) = (&trace[0]["rules"][0]["object_id"], session.id("6b0235e9dbeb853eff828936"));
    let cause = json!({ "type": "rule", "id": format!("{}:{instance}", rule.as_str().unwrap()) });
    assert_eq!(trace[0]["action_executions"][0]["caused_by"], cause);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_rules_start_several_executions_and_a_disabled_one_none() {
    let mut session = Session::start();
    let rule = "
name: second
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: poundcake_alert}}
criteria: {trigger.body.instance: {type: startswith, pattern: web}}
action: {ref: core.local, parameters: {cmd: 'echo {{ trigger.body.instance }}'}}
";
    session.control().add_rule("remediation", rule).unwrap();
    let post = async |session: &Session, tag: &str| {
        let body = json!({ "alert_name": "HostDown", "instance": "web-1", "request_id": tag });
        let header = [("St2-Trace-Tag", tag)];
        let live = session.send_with("POST", "/v1/webhooks/poundcake_alert", &header, Some(body.to_string())).await;
        assert_eq!(live.status, 202);
        processed(session, tag).await
    };
    let instance = post(&session, "two-rules").await;
    let enforcements = session.get(&format!("/v1/ruleenforcements?trigger_instance={instance}")).await;
    assert_eq!(enforcements.json.as_array().unwrap().len(), 2);
    assert_eq!(session.control().executions_with_tag("two-rules").len(), 2);

    let id = session.get("/v1/rules/remediation.host_down_rule").await.json["id"].as_str().unwrap().to_owned();
    session.ids.insert("6b0234078922ff26a12f1b31".to_owned(), id);
    session.replay("140").await;
    session.replay("140b").await;
    post(&session, "one-rule").await;
    assert_eq!(session.control().executions_with_tag("one-rule").len(), 1);
    session.replay("140c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chained_rule_hangs_its_execution_into_the_same_trace() {
    let session = Session::start();
    let rule = "
name: chained
trigger: {type: core.st2.generic.actiontrigger}
criteria: {trigger.action_name: {type: equals, pattern: noop}}
action: {ref: core.local, parameters: {cmd: echo chained}}
";
    session.control().add_rule("remediation", rule).unwrap();
    let body = json!({ "action": "core.noop", "context": { "trace_context": { "trace_tag": "ours" } } });
    session.send("POST", "/v1/executions", Some(body)).await;
    let path = "/v1/executions?filter=context.trace_context.trace_tag:ours";
    session.until_json(path, |all| all.as_array().unwrap().len() == 2).await;
    let trace = session.get("/v1/traces?trace_tag=ours").await.json;
    let causes: Vec<_> =
        trace[0]["action_executions"].as_array().unwrap().iter().map(|one| one["caused_by"]["type"].clone()).collect();
    assert_eq!(causes, [Value::Null, json!("rule")]);
}
