//! Parameters for actions as StackStorm declares them.

use super::*;
use crate::dispatcher::{routes::RouteTable, template::tests::TestAlert};
use serde_json::json;

fn route(parameters: &Value) -> Route {
    let yaml = json!({"routes": [{"name": "hosts", "action": "remediation.fix", "parameters": parameters}]});
    RouteTable::parse(&yaml.to_string()).unwrap().routes()[0].clone()
}

fn declared(parameters: Value) -> BTreeMap<String, Parameter> {
    serde_json::from_value(parameters).unwrap()
}

fn alert() -> TestAlert {
    TestAlert::new(&[("alertname", "HostDown"), ("instance", "web-01:9100"), ("shards", " 12 ")])
}

fn filled(parameters: &Value, declaration: Value) -> Result<Value, String> {
    let map = fill(&route(parameters), &alert().view(), &declared(declaration), TemplateText::Break);
    map.map(Value::Object).map_err(|error| error.to_string())
}

#[test]
fn only_declared_parameters_are_sent_and_no_immutable_ones() {
    let declaration = json!({
        "alert_name": {"type": "string", "required": true},
        "instance": {"type": "string", "immutable": true, "default": "x"},
        "poundcake_request_id": {"type": "string"},
        "sleep": {"type": "integer", "default": 0},
        "host": {},
    });
    let sent = filled(&json!({"host": "at ${instance}", "undeclared": 1}), declaration).unwrap();
    let request_id = "019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f";
    assert_eq!(sent, json!({"alert_name": "HostDown", "poundcake_request_id": request_id, "host": "at web-01:9100"}));
    assert_eq!(filled(&json!({}), json!({})).unwrap(), json!({}));
}

#[test]
fn a_route_overrides_the_default_parameters() {
    let sent = filled(&json!({"severity": "page"}), json!({"severity": {"type": "string"}})).unwrap();
    assert_eq!(sent, json!({"severity": "page"}));
}

#[test]
fn a_required_parameter_that_stays_empty_is_refused_with_what_to_write() {
    let message = |name: &str| {
        format!(
            "action:remediation.fix requires parameter \"{name}\", which the alert leaves empty; in the routes file, \
             give hosts parameters: {{{name}: …}}, a value or a placeholder as ${{labels.NAME}}"
        )
    };
    let required = |name: &str| json!({name: {"type": "string", "required": true}});
    assert_eq!(filled(&json!({}), required("severity")).unwrap_err(), message("severity"));
    assert_eq!(filled(&json!({}), required("cluster")).unwrap_err(), message("cluster"));
    assert_eq!(filled(&json!({"x": "${labels.x}"}), required("x")).unwrap_err(), message("x"));
    assert_eq!(filled(&json!({"x": ""}), required("x")).unwrap(), json!({"x": ""}));
}

#[test]
fn what_the_alert_lacks_leaves_the_actions_default_alone() {
    let declaration = json!({
        "severity": {"type": "string", "required": true, "default": "warning"},
        "n": {"type": "integer"},
        "text": {"type": "string"},
    });
    let sent = filled(&json!({"n": "${labels.n}", "text": "${labels.text}"}), declaration).unwrap();
    assert_eq!(sent, json!({"text": ""}));
}

#[test]
fn values_get_the_declared_type_where_that_is_beyond_doubt() {
    let declaration = json!({
        "i": {"type": "integer"}, "j": {"type": "integer"}, "f": {"type": "number"}, "b": {"type": "boolean"},
        "labels": {"type": "string"}, "annotations": {"type": "object"}, "alert_name": {"type": "integer"},
    });
    let parameters =
        json!({"i": "${labels.shards}", "j": "1${alert_id}", "f": "1.${alert_id}", "b": "tru${labels.e}e"});
    let sent = filled(&parameters, declaration).unwrap();
    assert_eq!(sent["i"], 12);
    assert_eq!(sent["j"], 17);
    assert_eq!(sent["f"], 1.7);
    assert_eq!(sent["b"], true);
    assert_eq!(sent["labels"], r#"{"alertname":"HostDown","instance":"web-01:9100","shards":" 12 "}"#);
    assert!(sent["annotations"].is_object());
    assert_eq!(sent["alert_name"], "HostDown");
}

#[test]
fn alert_text_is_made_inert_and_the_operators_own_is_not() {
    let declaration = json!({"key": {}, "mixed": {}, "annotations": {"type": "object"}});
    let parameters = json!({"key": "{{ st2kv.system.key }}", "mixed": "{${annotations.summary}"});
    let sent = filled(&parameters, declaration).unwrap();
    assert_eq!(sent["key"], "{{ st2kv.system.key }}");
    assert_eq!(sent["mixed"], "{it is { { down }}");
    assert_eq!(sent["annotations"]["summary"], "it is { { down }}");
}

#[test]
fn reject_refuses_alert_text_with_markers() {
    let declaration = declared(json!({"annotations": {"type": "object"}}));
    let error = fill(&route(&json!({})), &alert().view(), &declaration, TemplateText::Reject).unwrap_err();
    assert!(matches!(error, ParameterError::Marker(MarkerFound { parameter }) if parameter == "annotations"));
}

#[test]
fn a_rule_gets_the_whole_alert_and_what_the_route_adds() {
    let body = webhook_body(&route(&json!({"team": "${labels.team}!"})), &alert().view(), TemplateText::Break).unwrap();
    let expected = json!({
        "alert_name": "HostDown",
        "instance": "web-01:9100",
        "severity": "",
        "fingerprint": "d255a28ae8b98356",
        "status": "firing",
        "labels": {"alertname": "HostDown", "instance": "web-01:9100", "shards": " 12 "},
        "annotations": {"summary": "it is { { down }}"},
        "starts_at": "2026-11-22T00:00:01.500000Z",
        "request_id": "019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f",
        "alert_id": 7,
        "team": "!",
    });
    assert_eq!(Value::Object(body), expected);
}
