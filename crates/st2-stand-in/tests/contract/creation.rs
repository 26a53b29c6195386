//! `POST /v1/executions`: what is taken, what is refused and how, and what can be looked up afterwards.

use serde_json::{Value, json};

use super::{session::Session, shape::Tolerance};

/// The status of an execution depends on the moment; the rest of its answer does not.
fn moving() -> Tolerance {
    Tolerance {
        values: vec!["status"],
        members: vec![
            "end_timestamp",
            "elapsed_seconds",
            "result",
            "result_size",
            "children",
            "workflow_execution",
            "hostname",
            "pid",
        ],
        lists_by_prefix: true,
    }
}

const TAG: &str = "e5795d4d-6e3a-4b1f-9e10-cb27a83134d2";
const FIRST: &str = "6b02354e3117e68b4306be78";

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_found_by_its_trace_tag_from_its_creation_to_its_end() {
    let mut session = Session::anywhere();
    session.replay("10").await;
    session.replay_within("11", &moving()).await;
    for number in ["12", "12b", "13"] {
        session.replay_within(number, &moving()).await;
    }
    let id = session.id(FIRST);
    session.until_ended(&id).await;
    let all_ended = |traces: &Value| traces[0]["trigger_instances"].as_array().is_some_and(|all| all.len() == 3);
    session.until_json(&format!("/v1/traces?trace_tag={}", session.id(TAG)), all_ended).await;
    for number in ["14", "15", "15b", "15c", "16", "16b", "16c", "17", "17b", "17d"] {
        session.replay(number).await;
    }
    assert_eq!(session.get(&format!("/v1/executions/{id}/attribute/status")).await.text, "\"succeeded\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_posts_of_one_tag_are_two_executions_in_two_traces() {
    let mut session = Session::anywhere();
    session.replay("10").await;
    session.replay("19").await;
    let traces = session.replay_within("19b", &moving()).await;
    assert_eq!(traces.json.as_array().unwrap().len(), 2);
    let filter = format!("/v1/executions?filter=context.trace_context.trace_tag:{}", session.id(TAG));
    assert_eq!(session.get(&filter).await.json.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn contexts_are_stored_and_bad_trace_contexts_refused() {
    let mut session = Session::anywhere();
    for number in ["18", "18b", "19d", "19f", "19g", "38d"] {
        session.replay(number).await;
    }
    session.replay_within("19h", &moving()).await;
    let header = [("st2-context", r#"{"source":"test","user":"other"}"#)];
    let body = json!({ "action": "core.noop" }).to_string();
    let live = session.send_with("POST", "/v1/executions", &header, Some(body)).await;
    assert_eq!(live.json["context"], json!({ "source": "test", "user": "other", "pack": "core" }));
    if !session.is_stand_in() {
        return;
    }
    let roots = session.control().executions().iter().filter(|execution| execution.parent.is_none()).count();
    assert_eq!(roots, 2, "what is refused for its trace context leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_held_to_the_schema_in_these_words() {
    let mut session = Session::anywhere();
    for number in ["20", "21", "22", "22b", "23", "23c", "23d", "24", "24b", "25", "41", "42", "42b", "61f", "125b"] {
        session.replay(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_the_contract_without_a_recording_hold_too() {
    let session = Session::anywhere();
    let whole = |extra: Value| {
        let mut parameters = json!({ "alert_name": "a", "instance": "i" });
        parameters.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "action": "remediation.host_down_workflow", "parameters": parameters })
    };
    let cases = [
        (whole(json!({ "sleep": "abc" })), "invalid literal for int() with base 10: 'abc'"),
        (whole(json!({ "instance": 5 })), "Value \"5\" must either be a string or None. Got \"int\"."),
        (
            json!({ "action": "remediation.fails", "parameters": { "cmd": "echo" } }),
            "Override of immutable parameter(s) ['cmd'] is unsupported.",
        ),
        (json!({ "action": "core.local", "parameters": 1 }), "1 is not of type 'object'"),
        (json!([]), "[] is not of type 'object'"),
    ];
    for (body, text) in cases {
        let live = session.send("POST", "/v1/executions", Some(body)).await;
        assert_eq!((live.status, live.json["faultstring"].as_str()), (400, Some(text)));
    }
    let xml =
        session.send_with("POST", "/v1/executions", &[("Content-Type", "text/xml")], Some("<a/>".to_owned())).await;
    assert_eq!(xml.json["faultstring"], "Failed to parse request body: Unsupported Content-Type: \"text/xml\"");
    let empty = session.send("POST", "/v1/executions", None).await;
    assert_eq!(empty.json["faultstring"], "'action' is a required property");
    let large = whole(json!({ "instance": "x".repeat(17 << 20) }));
    let live = session.send("POST", "/v1/executions", Some(large)).await;
    assert_eq!(live.status, 500);
    assert!(live.text.contains("BSON document too large"), "{}", live.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_templates_and_an_unrenderable_one_leaves_a_failed_execution() {
    let mut session = Session::anywhere();
    for number in ["28", "28b", "28d", "28f"] {
        session.replay(number).await;
    }
    let tag = session.id("3b7a2812-b513-45fc-8c2e-9087fa77b2c1");
    let left = session.get(&format!("/v1/executions?filter=context.trace_context.trace_tag:{tag}")).await;
    assert_eq!(left.json[0]["status"], "failed");
    assert_eq!(left.json[0]["log"].as_array().unwrap().len(), 2);
    assert!(left.json[0]["result"]["error"].as_str().unwrap().starts_with("Dependency unsatisfied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_evaluates_its_inputs_once_more() {
    let session = Session::anywhere();
    for (instance, stored, seen) in [
        ("{% raw %}a {{ 6*7 }} b{% endraw %}", "a {{ 6*7 }} b", "a 42 b"),
        ("a <% 1 + 41 %> b", "a <% 1 + 41 %> b", "a 42 b"),
        ("a { { 6*7 }} < % 1 %> b", "a { { 6*7 }} < % 1 %> b", "a { { 6*7 }} < % 1 %> b"),
    ] {
        let parameters = json!({ "alert_name": "x", "instance": instance });
        let id = session.run("remediation.host_down_workflow", parameters).await;
        let execution = session.until_ended(&id).await;
        assert_eq!(execution["parameters"]["instance"], stored);
        assert_eq!(execution["result"]["output"]["diag"], format!("alert=x instance={seen}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runners_parameters_are_the_actions_too() {
    let session = Session::anywhere();
    let without = session
        .send("POST", "/v1/executions", Some(json!({ "action": "core.remote", "parameters": { "cmd": "true" } })))
        .await;
    assert_eq!((without.status, &without.json["faultstring"]), (400, &json!("'hosts' is a required property")));
    let action = session.get("/v1/actions/core.remote").await.json;
    assert!(action["parameters"].get("hosts").is_none(), "the runner declares it");
    let merged = session.get(&format!("/v1/actions/views/parameters/{}", action["id"].as_str().unwrap())).await.json;
    assert_eq!(merged["parameters"]["hosts"]["required"], true);
    assert_eq!(merged["parameters"]["password"]["secret"], true, "a runner has secrets too");
    assert_eq!(merged["parameters"]["cmd"]["required"], true, "the action's declaration wins");
    let parameters = json!({ "cmd": "echo a", "timeout": 5, "cwd": "/tmp", "env": { "A": "b" } });
    let id = session.run("core.local", parameters.clone()).await;
    assert_eq!(session.until_ended(&id).await["parameters"], parameters);
    let unknown = json!({ "action": "core.local", "parameters": { "cmd": "true", "hosts": "a" } });
    let live = session.send("POST", "/v1/executions", Some(unknown)).await;
    assert_eq!(live.json["faultstring"], "Additional properties are not allowed ('hosts' was unexpected)");
    if session.is_stand_in() {
        let id = session.run("core.remote", json!({ "cmd": "echo a", "hosts": "web-1,web-2", "password": "p" })).await;
        let ended = session.until_ended(&id).await;
        assert_eq!(
            (&ended["result"]["web-2"]["stdout"], &ended["parameters"]["password"]),
            (&json!("a"), &json!("********"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_json_and_nothing_else() {
    let session = Session::anywhere();
    let json = r#"{"action": "core.noop"}"#;
    for (kind, body) in [
        ("application/x-www-form-urlencoded", json),
        ("application/x-www-form-urlencoded", "action=core.noop"),
        ("multipart/form-data", json),
        ("text/plain", json),
        ("text/html", json),
    ] {
        let live = session.send_with("POST", "/v1/executions", &[("Content-Type", kind)], Some(body.to_owned())).await;
        assert_eq!(live.status, 400, "{kind}: {}", live.text);
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let live = session.send_with("POST", "/v1/webhooks/poundcake_alert", &form, Some("a=b".to_owned())).await;
    assert_eq!((live.status, live.json), (202, json!({ "a": ["b"] })));
    let text = [("Content-Type", "text/plain")];
    let live = session.send_with("POST", "/v1/webhooks/poundcake_alert", &text, Some("a".to_owned())).await;
    assert_eq!(live.status, 400, "neither an object nor an array: {}", live.text);
}
