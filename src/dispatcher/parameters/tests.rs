//! Parameters for actions as StackStorm declares them.

use super::*;
use crate::dispatcher::{routing::table::RouteTable, template::tests::TestAlert};
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
fn of_the_default_parameters_only_declared_ones_are_sent_and_no_immutable_ones() {
    let declaration = json!({
        "alert_name": {"type": "string", "required": true},
        "instance": {"type": "string", "immutable": true, "default": "x"},
        "poundcake_request_id": {"type": "string"},
        "sleep": {"type": "integer", "default": 0},
        "host": {},
    });
    let sent = filled(&json!({"host": "at ${instance}"}), declaration).unwrap();
    let request_id = "019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f";
    assert_eq!(sent, json!({"alert_name": "HostDown", "poundcake_request_id": request_id, "host": "at web-01:9100"}));
    assert_eq!(filled(&json!({}), json!({})).unwrap(), json!({}));
}

#[test]
fn a_routes_own_parameters_are_sent_as_written_whatever_is_declared() {
    let own = json!({
        "undeclared": 1, "nothing": null, "list": ["a"], "port": "22", "fixed": "mine", "at": "at ${instance}", "map": {"a": "${instance}"}
    });
    let declaration =
        json!({"fixed": {"type": "string", "immutable": true, "default": "x"}, "port": {"type": "integer"}});
    let sent = filled(&own, declaration).unwrap();
    let mut expected = own;
    expected["at"] = json!("at web-01:9100");
    expected["map"] = json!({"a": "web-01:9100"});
    assert_eq!(sent, expected);
}

#[test]
fn a_route_that_stackstorm_would_refuse_is_reported_before_any_alert_comes() {
    let declaration = json!({
        "hosts": {"type": "string", "required": true}, "user": {"type": "string", "required": true, "immutable": true, "default": "x"},
        "cwd": {"type": "string"}, "port": {"type": "integer"}, "level": {"type": "string", "enum": ["low", "high"]},
        "labels": {"type": "object", "required": true}, "retries": {"type": "integer", "enum": [1, 2]},
    });
    let said = |parameters: &Value| {
        let problems = problems(&route(parameters), &declared(declaration.clone()));
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said(&json!({"hosts": "${instance}", "port": "22", "level": "low", "cwd": null, "retries": "1"})), "");
    assert_eq!(
        said(&json!({"hosts": "{{ st2kv.hosts }}", "port": "{{ st2kv.port }}", "level": "${labels.level}"})),
        ""
    );
    insta::assert_snapshot!(said(&json!({"user": "me", "cwdd": "/", "port": "ssh", "cwd": ["/"], "level": "medium"})), @r#"
    parameter "cwd" must be of type string, and the route gives a list
    parameter "cwdd" is unknown to the action and its runner; StackStorm answers 400 "Additional properties are not allowed"
    parameter "level" must be one of ["low","high"]
    parameter "port" must be of type integer, and the route gives a text that is none
    parameter "user" is immutable; StackStorm answers 400 to a call that gives it
    parameter "hosts" is required, and neither the route nor the default parameters give it
    "#);
}

#[test]
fn secrets_are_masked_and_cut_out_of_stackstorms_words() {
    let declaration = declared(
        json!({"password": {"secret": true}, "private_key": {"secret": true}, "n": {"secret": true}, "cmd": {}}),
    );
    let Value::Object(parameters) = json!({"password": "it's ${x}", "private_key": {"pem": "-----BEGIN\nMIIE\n"}, "n": 4711, "cmd": "ls", "api_key": "k"})
    else {
        unreachable!()
    };
    let shown = Value::Object(masked(&parameters, &declaration));
    assert_eq!(
        shown,
        json!({"password": "********", "private_key": "********", "n": "********", "cmd": "ls", "api_key": "k"})
    );
    let shown = masked_by_name(&parameters);
    assert!(["password", "private_key", "api_key"].iter().all(|name| shown[*name] == "********") && shown["n"] == 4711);
    let words = r"{'pem': '-----BEGIN\nMIIE\n'} is not of type 'string'; 4711 either, nor 'it\'s ${x}'; ls";
    let hidden = Secrets::of(&parameters, &declaration).hide(words);
    assert_eq!(
        hidden,
        r"{'pem': '********\n********\n'} is not of type 'string'; ******** either, nor 'it\'********'; ls"
    );
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
    assert_eq!(filled(&json!({"x": "${labels.x?}"}), required("x")).unwrap_err(), message("x"));
    assert_eq!(filled(&json!({"x": ""}), required("x")).unwrap(), json!({"x": ""}));
}

#[test]
fn a_missing_alert_field_leaves_the_actions_default() {
    let declaration = json!({
        "severity": {"type": "string", "required": true, "default": "warning"},
        "n": {"type": "integer"},
        "text": {"type": "string"},
        "alert_name": {"type": "string"},
    });
    let sent = filled(&json!({"n": "${labels.n?}", "text": "${labels.text?}"}), declaration).unwrap();
    assert_eq!(sent, json!({"text": "", "alert_name": "HostDown"}), "severity is left out, required or not");
    assert_eq!(filled(&json!({}), json!({"severity": {"type": "string"}})).unwrap(), json!({}));
}

#[test]
fn values_get_the_declared_type_where_that_is_beyond_doubt() {
    let declaration = json!({
        "i": {"type": "integer"}, "j": {"type": "integer"}, "f": {"type": "number"}, "b": {"type": "boolean"},
        "labels": {"type": "string"}, "annotations": {"type": "object"}, "alert_name": {"type": "integer"},
    });
    let parameters =
        json!({"i": "${labels.shards}", "j": "1${alert_id}", "f": "1.${alert_id}", "b": "tru${labels.e?}e"});
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
    let body =
        webhook_body(&route(&json!({"team": "${labels.team?}!"})), &alert().view(), TemplateText::Break).unwrap();
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

#[test]
fn an_empty_placeholder_of_the_route_is_refused_in_both_modes_and_names_parameter_and_placeholder() {
    let own = json!({"hosts": "${labels.cluster}-*"});
    let said = "${labels.cluster} is empty in this alert, so parameter \"hosts\" of hosts would be incomplete";
    let error = filled(&own, json!({"hosts": {"type": "string"}})).unwrap_err();
    assert!(error.starts_with(said) && error.contains("${labels.NAME?}"), "{error}");
    let error = webhook_body(&route(&own), &alert().view(), TemplateText::Break).unwrap_err().to_string();
    assert!(error.starts_with(said), "{error}");
    let permitted = filled(&json!({"hosts": "${labels.cluster?}-*"}), json!({"hosts": {"type": "string"}})).unwrap();
    assert_eq!(permitted, json!({"hosts": "-*"}));
}

#[test]
fn placeholders_that_some_alert_of_the_route_leaves_empty_are_known_before_it_comes() {
    let route = |matchers: &str, value: &str| {
        let yaml = json!({"routes": [{"match": matchers, "action": "a.b", "parameters": {"p": value}}]});
        RouteTable::parse(&yaml.to_string()).unwrap().routes()[0].clone()
    };
    for (matchers, value, expected) in [
        ("a=b", "${labels.cluster}", vec!["${labels.cluster}"]),
        ("cluster=\"eu\"", "${labels.cluster}", vec![]),
        ("cluster=~\".+\"", "${labels.cluster}", vec![]),
        ("cluster!=\"\"", "${labels.cluster}", vec![]),
        ("cluster=~\".*\"", "${labels.cluster} ${labels.x?} ${fingerprint}", vec!["${labels.cluster}"]),
        ("instance!=\"\"", "${instance} ${annotations.runbook}", vec!["${annotations.runbook}"]),
        ("cluster!=\"us\"", "${labels.cluster}", vec!["${labels.cluster}"]),
    ] {
        let found: Vec<String> =
            may_be_empty(&route(matchers, value)).iter().map(|(_, placeholder)| placeholder.to_string()).collect();
        assert_eq!(found, expected, "{matchers} {value}");
    }
}
