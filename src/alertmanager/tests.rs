//! Valid and invalid bodies.

use super::*;
use crate::model::{ids::Fingerprint, status::AlertStatus};
use proptest::prelude::*;

/// Recorded from Alertmanager 0.25, shortened to what decides.
const RECORDED: &str = r#"{"receiver":"rcv\\.single","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"HostDown","instance":"web-01.example:9100","job":"node","scn":"single","severity":"critical"},"annotations":{"summary":"Host web-01 is down"},"startsAt":"2026-11-22T00:00:01.123456789Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom.example:9090/graph?g0.expr=up+%3D%3D+0\u0026g0.tab=1","fingerprint":"d255a28ae8b98356"}],"groupLabels":{"alertname":"HostDown","scn":"single"},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am.example:19093","version":"4","groupKey":"{}/{scn=\"single\"}:{alertname=\"HostDown\", scn=\"single\"}","truncatedAlerts":7}
"#;

const GOOD: &str = r#"{"status":"firing","labels":{"alertname":"Good"}}"#;

/// Parses a group of `entry` between two good alerts, which must come through, and returns what it was parsed to.
fn judge(entry: &str) -> Result<IncomingAlert, InvalidAlert> {
    let body = format!(r#"{{"status":"firing","alerts":[{GOOD},{entry},{GOOD}]}}"#);
    let mut alerts = parse(body.as_bytes()).unwrap().alerts;
    assert_eq!(alerts.len(), 3);
    assert_eq!(alerts.pop().unwrap().unwrap().label("alertname"), "Good");
    let judged = alerts.pop().unwrap();
    assert_eq!(alerts.pop().unwrap().unwrap().label("alertname"), "Good");
    judged
}

/// An alert with one more member, which overrides.
fn with(member: &str) -> String {
    format!(r#"{{"status":"firing","labels":{{"alertname":"A"}},"startsAt":"2026-11-22T00:00:01Z",{member}}}"#)
}

fn error_of(entry: &str) -> String {
    judge(entry).unwrap_err().error
}

fn refusal(body: &str) -> String {
    parse(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_recorded_webhook_is_read_whole() {
    let webhook = parse(RECORDED.as_bytes()).unwrap();
    assert_eq!(webhook.sender.receiver, r"rcv\.single");
    assert_eq!(webhook.truncated_alerts, 7);
    assert_eq!(webhook.sender.external_url, "http://am.example:19093");
    let alert = webhook.alerts[0].clone().unwrap();
    assert_eq!(alert.fingerprint.as_str(), "d255a28ae8b98356");
    assert_eq!(Fingerprint::of_labels(&alert.labels), alert.fingerprint);
    assert_eq!(alert.status, AlertStatus::Firing);
    assert_eq!(alert.label("instance"), "web-01.example:9100");
    assert_eq!(alert.starts_at.unwrap().to_string(), "2026-11-22 00:00:01.123456");
    assert_eq!(alert.ends_at, None);
    assert_eq!(alert.generator_url.unwrap(), "http://prom.example:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
}

#[test]
fn a_body_that_is_no_webhook_is_refused_with_advice() {
    assert_eq!(parse(b"").unwrap_err(), NotAWebhook::Empty);
    assert_eq!(parse(b" \n").unwrap_err(), NotAWebhook::Empty);
    assert_eq!(parse(b"{\"a\":\"\xFF\"}").unwrap_err(), NotAWebhook::NotUtf8 { at: 6 });
    assert_eq!(refusal("{\n\"alerts\": [}"), "the body is not JSON: expected value at line 2 column 12");
    assert_eq!(refusal(r#"{"alerts":[]} x"#), "the body is not JSON: trailing characters at line 1 column 15");
    assert!(refusal("[{").starts_with("the body is not JSON: EOF"));
    assert!(refusal(r#"[{"labels":{"alertname":"A"}}]"#).contains("Prometheus was pointed straight at PoundCake"));
    assert_eq!(parse(b"\"alerts\"").unwrap_err(), NotAWebhook::NotAnObject);
    assert_eq!(parse(b"{}").unwrap_err(), NotAWebhook::AlertsMissing);
    assert_eq!(parse(br#"{"alerts":null}"#).unwrap_err(), NotAWebhook::AlertsNull);
    assert_eq!(parse(br#"{"alerts":{"a":[]}}"#).unwrap_err(), NotAWebhook::AlertsNotAList);
}

/// Alertmanager 0.32 and newer send whatever `payload` says.
#[test]
fn a_possible_custom_payload_is_named_in_the_error() {
    let payloads = [
        r#"{"text":"HostDown"}"#,
        r#"{"alerts":null}"#,
        r#"{"alerts":{"firing":1}}"#,
        r#"{"alerts":"HostDown"}"#,
        r#""HostDown""#,
        "null",
        "7",
        r#"["HostDown"]"#,
    ];
    for payload in payloads {
        assert!(refusal(payload).contains("remove `payload`"), "{payload}");
    }
}

/// Its form, with names that are not classic; see the file.
#[test]
fn the_body_of_alertmanager_0_34_is_read_whole() {
    let body = include_bytes!("../../tests/data/payloads/40-form-of-0.34-by-hand.json");
    let webhook = parse(body).unwrap();
    assert_eq!(webhook.sender.route_labels["cluster"], "eu-1");
    let alerts: Vec<IncomingAlert> = webhook.alerts.into_iter().map(Result::unwrap).collect();
    assert_eq!((alerts[0].label("k8s.pod.name"), alerts[0].label("größe")), ("web-0", "ü"));
    assert_eq!((alerts[0].status, alerts[1].status), (AlertStatus::Firing, AlertStatus::Resolved));
    assert!(alerts.iter().all(|alert| alert.fingerprint == Fingerprint::of_labels(&alert.labels)));
}

#[test]
fn the_settings_of_identity_reach_every_alert() {
    let alert = |replica| format!(r#"{{"status":"firing","labels":{{"alertname":"A","replica":"{replica}"}}}}"#);
    let body = |receiver| format!(r#"{{"receiver":"{receiver}","alerts":[{},{}]}}"#, alert("a"), alert("b"));
    let identity = Identity::new("replica".parse().unwrap(), "receiver".parse().unwrap()).unwrap();
    let fingerprints = |receiver| {
        let webhook = parse_with(body(receiver).as_bytes(), &identity, |alert| alert.unwrap().fingerprint).unwrap();
        (webhook.alerts[0].clone(), webhook.alerts[1].clone())
    };
    let (one, other) = (fingerprints("eu"), fingerprints("us"));
    assert_eq!(one.0, one.1);
    assert_eq!(one.0.as_str().len(), 16);
    assert_ne!(one.0, other.0);
}

#[test]
fn a_group_may_be_empty_and_its_own_fields_odd() {
    let webhook = parse(br#"{"alerts":[],"truncatedAlerts":-1,"receiver":5,"groupKey":null,"status":{}}"#).unwrap();
    assert_eq!((webhook.alerts.len(), webhook.truncated_alerts), (0, 0));
    assert_eq!(webhook.sender.receiver, "");
}

#[test]
fn an_alert_needs_labels_and_nothing_else() {
    let alert = judge(r#"{"labels":{"scn":"x"}}"#).unwrap();
    assert_eq!(alert.status, AlertStatus::Firing);
    assert_eq!(alert.fingerprint, Fingerprint::of_labels(&alert.labels));
    assert_eq!((alert.starts_at, alert.ends_at, alert.generator_url), (None, None, None));
    assert!(alert.annotations.is_empty());
}

#[test]
fn optional_fields_may_be_null_or_empty() {
    let nulls = r#""annotations":null,"startsAt":null,"endsAt":"","generatorURL":"","fingerprint":null,"status":null"#;
    let alert = judge(&with(nulls)).unwrap();
    assert_eq!((alert.starts_at, alert.ends_at, alert.generator_url), (None, None, None));
    assert_eq!(alert.status, AlertStatus::Firing);
}

#[test]
fn a_fingerprint_that_is_none_is_recomputed() {
    let own = judge(&with(r#""fingerprint":"00000000000000ff""#)).unwrap();
    assert_eq!(own.fingerprint.as_str(), "00000000000000ff");
    for odd in [r#""""#, r#""XYZ""#, "5", "{}", r#""D255A28AE8B98356""#] {
        let alert = judge(&with(&format!(r#""fingerprint":{odd}"#))).unwrap();
        assert_eq!(alert.fingerprint, Fingerprint::of_labels(&alert.labels));
    }
}

#[test]
fn an_alert_that_cannot_be_read_is_invalid_alone_and_says_which_field() {
    assert_eq!(error_of("{}"), "labels: missing");
    assert_eq!(error_of(r#"{"labels":{}}"#), "labels: empty");
    assert_eq!(error_of(&with(r#""labels":null"#)), "labels: missing");
    assert!(error_of(&with(r#""labels":["a"]"#)).starts_with("labels: invalid type: sequence"));
    assert!(error_of(&with(r#""labels":{"a":"b","n":5}"#)).starts_with("labels: \"n\": invalid type: integer `5`"));
    assert!(error_of(&with(r#""labels":{"n":null}"#)).starts_with("labels: \"n\": invalid type: null"));
    assert!(error_of(&with(r#""annotations":"x""#)).starts_with("annotations: invalid type: string"));
    assert_eq!(error_of(&with(r#""status":"FIRING""#)), "status: \"FIRING\" is neither firing nor resolved");
    assert_eq!(error_of(&with(r#""status":1"#)), "status: not a string");
    assert_eq!(error_of(&with(r#""startsAt":"now""#)), "startsAt: \"now\" is not an RFC 3339 time");
    assert_eq!(error_of(&with(r#""endsAt":[1]"#)), "endsAt: \"[1]\" is no string");
    assert_eq!(
        error_of(&with(r#""endsAt":"9999-12-31T23:00:00-09:00""#)),
        "endsAt: \"9999-12-31T23:00:00-09:00\" is after the year 9999"
    );
    for entry in ["null", "5", "[]", "\"x\""] {
        assert!(error_of(entry).contains("expected an alert object"));
    }
}

#[test]
fn a_status_missing_everywhere_is_invalid() {
    let webhook = parse(br#"{"alerts":[{"labels":{"a":"b"}}]}"#).unwrap();
    assert_eq!(webhook.alerts[0].clone().unwrap_err().error, "status: missing, and the group has none");
}

#[test]
fn an_error_quotes_no_more_than_a_little_of_the_alert() {
    let long = "x".repeat(100_000);
    assert!(error_of(&with(&format!(r#""startsAt":"{long}""#))).len() < 200);
    assert!(error_of(&with(&format!(r#""status":"{long}""#))).len() < 200);
    assert!(error_of(&with(&format!(r#""labels":{{"{long}":1}}"#))).len() < 200);
    assert!(error_of(&with(&format!(r#""labels":"{long}""#))).len() < 300);
}

#[test]
fn half_a_surrogate_pair_spoils_its_alert_only() {
    for text in [r"\ud800", r"\udc00x", r"\ud800\ud800"] {
        assert!(error_of(&with(&format!(r#""labels":{{"a":"{text}"}}"#))).starts_with("labels: \"a\": "));
    }
    assert_eq!(judge(&with(r#""generatorURL":"\ud800""#)).unwrap().generator_url, None);
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    let alert = judge(&with(r#""labels":{"a":"1","b":"x","a":"2"},"status":"resolved""#)).unwrap();
    assert_eq!((alert.label("a"), alert.label("b"), alert.status), ("2", "x", AlertStatus::Resolved));
    let webhook = parse(format!(r#"{{"alerts":null,"alerts":[{GOOD}]}}"#).as_bytes()).unwrap();
    assert_eq!(webhook.alerts.len(), 1);
}

#[test]
fn no_depth_overflows_the_stack_or_fails_the_neighbours() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        assert!(judge(&with(&format!(r#""unknown":{deep}"#))).is_ok());
        assert!(error_of(&with(&format!(r#""labels":{{"a":{deep}}}"#))).starts_with("labels: \"a\": invalid type"));
        assert!(error_of(&with(&format!(r#""labels":{deep}"#))).starts_with("labels: "));
        assert!(error_of(&with(&format!(r#""startsAt":{deep}"#))).ends_with("is no string"));
        judge(&deep).unwrap_err();
        let body = format!(r#"{{"deep":{deep},"alerts":[{GOOD}],"status":{deep}}}"#);
        assert!(parse(body.as_bytes()).unwrap().alerts[0].is_ok());
        assert!(matches!(
            parse(format!(r#"{{"alerts":{deep}}}"#).as_bytes()),
            Ok(_) | Err(NotAWebhook::AlertsNotAList)
        ));
    }
}

#[test]
fn text_of_every_kind_comes_through_unchanged() {
    let alert = judge(&with(r#""labels":{"k8s.pod":"a\u2028\"\\\n\u0000<ü>🔥"}"#)).unwrap();
    assert_eq!(alert.label("k8s.pod"), "a\u{2028}\"\\\n\0<ü>🔥");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body);
    }

    #[test]
    fn no_mutation_of_a_webhook_makes_it_panic(
        edits in proptest::collection::vec((any::<usize>(), 0..3_usize, r#"[\[\]{}":,\\0-9a-zA-Z \x00-\x1fü]{0,6}"#), 1..6),
    ) {
        let mut body = RECORDED.to_owned();
        for (place, cut, insert) in edits {
            let mut start = place % body.len();
            while !body.is_char_boundary(start) { start -= 1; }
            let mut end = (start + cut).min(body.len());
            while !body.is_char_boundary(end) { end += 1; }
            body.replace_range(start..end, &insert);
        }
        if let Ok(webhook) = parse(body.as_bytes()) {
            for alert in webhook.alerts.iter().flatten() {
                prop_assert!(!alert.labels.is_empty());
            }
        }
    }
}
