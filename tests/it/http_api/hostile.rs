//! Alerts whose text means harm, or is merely strange: stored as it is, and never an error for its group.

use super::app::App;
use crate::harness::{TestDatabase, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    async text_of_every_kind_comes_back_as_it_was_sent,
    async an_unreadable_alert_is_a_row_and_does_not_affect_other_alerts,
    async an_alert_that_is_only_strange_is_stored_like_any_other,
}

const FINE: &str = r#"{"status":"firing","labels":{"alertname":"Fine"}}"#;

/// Texts that mean something to SQL, HTML, templates, shells, logs, URLs or terminals.
const TEXTS: [&str; 16] = [
    "'; DROP TABLE poundcake_alerts; --",
    "\\'; SELECT 1; #",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}<% 7*7 %>",
    "${jndi:ldap://x}/$(reboot)`reboot`",
    "a\r\nLevel=ERROR injected",
    "\u{1b}[2J\u{7}\u{0}\u{7f}",
    "../../etc/passwd",
    "%00%0a%s%n?",
    "🔥🇩🇪👩‍👩‍👧",
    "\u{202e}desrever\u{2028}\u{feff}",
    "ﷺ́́́",
    "\u{10FFFF}",
    " ",
    "",
];

async fn text_of_every_kind_comes_back_as_it_was_sent(database: TestDatabase) {
    let app = App::on(database);
    for text in TEXTS {
        let alert = json!({
            "status": "firing",
            "labels": {"alertname": text, "severity": text, "instance": text, format!("l{text}"): text, "t": text},
            "annotations": {"summary": text, text: text},
            "startsAt": "2026-11-22T00:00:00Z", "generatorURL": text, "fingerprint": text,
        });
        let webhook = json!({"alerts": [alert], "receiver": text, "groupKey": text, "externalURL": text, text: text});
        let answer = app.accept(webhook.to_string()).await;
        assert_eq!(answer["alerts_pending"], 1, "{text:?}");
        let path = format!("/api/v1/requests/{}", answer["request_id"].as_str().unwrap());
        let stored = app.get(&path).await.1["alerts"][0].clone();
        assert_eq!(stored["labels"], alert["labels"], "{text:?}");
        assert_eq!(stored["annotations"], alert["annotations"], "{text:?}");
        // A column cannot hold NUL for all who read it; `labels` can.
        assert_eq!(stored["alert_name"].as_str().unwrap(), text.replace('\0', "\u{FFFD}"));
    }
    assert_eq!(app.database.count("poundcake_alerts WHERE dispatch_status IN ('pending', 'queued')"), 16);
}

/// Sends one alert together with a valid one; returns its row as `alert_name|status|reason`.
async fn with_a_valid_one(app: &App, alert: &str) -> Value {
    let answer = app.accept(format!(r#"{{"alerts":[{alert},{FINE}]}}"#)).await;
    assert_eq!(answer["alerts_received"], 2);
    let path = format!("/api/v1/requests/{}", answer["request_id"].as_str().unwrap());
    let (_, history) = app.get(&path).await;
    let alerts = history["alerts"].as_array().unwrap().clone();
    alerts.into_iter().find(|alert| alert["alert_name"] != "Fine").unwrap()
}

async fn an_unreadable_alert_is_a_row_and_does_not_affect_other_alerts(database: TestDatabase) {
    let app = App::on(database);
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let alerts = [
        "null".to_owned(),
        "7".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        deep.clone(),
        r#"{"status":"firing"}"#.to_owned(),
        r#"{"status":"firing","labels":null}"#.to_owned(),
        r#"{"status":"firing","labels":{}}"#.to_owned(),
        r#"{"status":"firing","labels":{"a":1}}"#.to_owned(),
        format!(r#"{{"status":"firing","labels":{{"a":{deep}}}}}"#),
        r#"{"status":"burning","labels":{"a":"b"}}"#.to_owned(),
        r#"{"status":"firing","labels":{"a":"b"},"annotations":[]}"#.to_owned(),
        r#"{"status":"firing","labels":{"a":"b"},"startsAt":"yesterday"}"#.to_owned(),
        r#"{"status":"firing","labels":{"a":"b"},"startsAt":"10000-01-01T00:00:00Z"}"#.to_owned(),
        r#"{"status":"firing","labels":{"a":"b"},"startsAt":-62135596800}"#.to_owned(),
        r#"{"status":"firing","labels":{"a":"\ud800"}}"#.to_owned(),
    ];
    for alert in &alerts {
        let row = with_a_valid_one(&app, alert).await;
        let seen = (row["dispatch_status"].as_str(), row["dispatch_reason"].as_str());
        assert_eq!(seen, (Some("skipped"), Some("invalid")), "{alert:.80}");
        assert!(row["dispatch_error"].as_str().is_some_and(|error| !error.is_empty()), "{alert:.80}");
    }
    assert_eq!(app.database.count("poundcake_alerts WHERE alert_name = 'Fine' AND opened_by IS NULL"), 1);
}

async fn an_alert_that_is_only_strange_is_stored_like_any_other(database: TestDatabase) {
    let app = App::on(database);
    let long = "ü".repeat(10_000);
    let many: serde_json::Map<String, Value> = (0..500).map(|n| (format!("l{n}"), format!("v{n}").into())).collect();
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let alerts = [
            json!({"status": "firing", "labels": {"alertname": long, "severity": long, "instance": long, long.as_str(): long}}).to_string(),
            json!({"status": "firing", "labels": many}).to_string(),
            json!({"status": "firing", "labels": {"a": "1"}, "annotations": {"a": long}, "generatorURL": long}).to_string(),
            json!({"status": "firing", "labels": {"a": "2"}, "annotations": null, "startsAt": null}).to_string(),
            r#"{"status":"firing","labels":{"a":"3"},"startsAt":"0001-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z"}"#.to_owned(),
            r#"{"status":"firing","labels":{"a":"4"},"startsAt":"2026-11-22T00:00:00.123456789012345678901234567890Z"}"#.to_owned(),
            r#"{"status":"firing","labels":{"a":"5"},"startsAt":"1969-12-31T23:59:59.5Z"}"#.to_owned(),
            r#"{"status":"firing","labels":{"a":"6"},"startsAt":"9999-12-31T23:59:59.9999999Z"}"#.to_owned(),
            r#"{"status":"resolved","status":"firing","labels":{"a":"x"},"labels":{"a":"7","a":"8"}}"#.to_owned(),
            format!(r#"{{"status":"firing","labels":{{"a":"9"}},"values":{deep},"orgId":1e999}}"#),
        ];
    for alert in &alerts {
        let row = with_a_valid_one(&app, alert).await;
        let seen = (row["dispatch_reason"].as_str(), row["status"].as_str());
        assert_eq!(seen, (None, Some("firing")), "{alert:.80}: {row}");
    }
    let cut = app.database.count(
        "poundcake_alerts WHERE CHAR_LENGTH(alert_name) = 255 AND CHAR_LENGTH(severity) = 64"
            .replace("CHAR_LENGTH", if app.database.url().starts_with("sqlite") { "LENGTH" } else { "CHAR_LENGTH" })
            .as_str(),
    );
    assert_eq!(cut, 1);
    assert_eq!(app.database.count("poundcake_alerts WHERE starts_at IS NULL AND labels LIKE '%\"a\":\"3\"%'"), 1);
    assert_eq!(app.database.count("poundcake_alerts WHERE labels LIKE '%\"a\":\"8\"%'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_a_group_may_be_none() {
    let app = App::on(TestDatabase::sqlite());
    let answer = app.accept(r#"{"alerts":[],"status":null,"truncatedAlerts":3}"#).await;
    assert_eq!(answer["alerts_received"], 0);
    assert_eq!(app.metrics.truncated_alerts.get(), 3);
}
