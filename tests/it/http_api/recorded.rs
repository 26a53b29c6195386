//! What a real Alertmanager sent, and what a newer one would send, is accepted, and every alert of it is a row.

use super::app::{App, WEBHOOK};
use crate::harness::{TestDatabase, client, on_both_stores};
use poundcake::model::ids::RequestId;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

on_both_stores! {
    async every_recording_is_accepted_and_each_alert_is_one_row_with_its_status,
}

/// Name and body of each recording, in order.
fn recordings() -> Vec<(String, String)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/payloads");
    let mut bodies: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    bodies.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    bodies.iter().map(read).collect()
}

async fn every_recording_is_accepted_and_each_alert_is_one_row_with_its_status(database: TestDatabase) {
    let app = App::on(database);
    let mut sent = 0;
    for (name, body) in recordings() {
        let webhook: Value = serde_json::from_str(&body).unwrap();
        let alerts = webhook["alerts"].as_array().unwrap();
        let answer = app.accept(body.clone()).await;
        assert_eq!(answer["alerts_received"], alerts.len(), "{name}");
        let request_id = answer["request_id"].as_str().unwrap();
        let rows = format!(
            "poundcake_alerts a JOIN poundcake_api_calls c ON a.api_call_id = c.id WHERE c.request_id = '{request_id}'"
        );
        assert_eq!(answer["alerts_pending"], app.database.count(&format!("{rows} AND a.pending_at IS NOT NULL")));
        assert_eq!(answer["alerts_skipped"], app.database.count(&format!("{rows} AND a.pending_at IS NULL")));
        for status in ["firing", "resolved"] {
            let expected = alerts.iter().filter(|alert| alert["status"] == status).count();
            let stored = app.database.count(&format!("{rows} AND a.status = '{status}'"));
            assert_eq!(stored, i64::try_from(expected).unwrap(), "{name}: {status}");
        }
        assert_stored(&app, request_id, &body, alerts).await;
        sent += i64::try_from(alerts.len()).unwrap();
    }
    assert_eq!(app.database.count("poundcake_alerts"), sent);
    assert_eq!(app.webhooks("202"), 30);
    assert_eq!(app.database.count("poundcake_alerts WHERE dispatch_reason = 'invalid'"), 0);
}

/// The history shows body, fingerprints, labels and annotations as they were sent.
async fn assert_stored(app: &App, request_id: &str, body: &str, alerts: &[Value]) {
    let (status, history) = app.get(&format!("/api/v1/requests/{request_id}")).await;
    assert_eq!((status, history["body"].as_str()), (200, Some(body)));
    let key = |alert: &Value| (alert["fingerprint"].to_string(), alert["labels"].clone(), alert["annotations"].clone());
    let sorted = |alerts: &[Value]| {
        let mut keys: Vec<_> = alerts.iter().map(key).collect();
        keys.sort_by(|one, other| one.0.cmp(&other.0));
        keys
    };
    assert_eq!(sorted(history["alerts"].as_array().unwrap()), sorted(alerts));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_exactly_what_is_promised() {
    let app = App::on(TestDatabase::sqlite());
    let watchdog = json!({"status": "firing", "labels": {"alertname": "Watchdog"}});
    let firing = json!({"status": "firing", "labels": {"alertname": "HostDown"}, "startsAt": "2026-11-22T00:00:00Z"});
    let response = app.post(json!({"alerts": [firing, watchdog, firing]}).to_string()).await;
    assert_eq!(response.status().as_u16(), 202);
    assert_eq!(response.headers()["content-type"], "application/json");
    let text = response.text().await.unwrap();
    let request_id = &serde_json::from_str::<Value>(&text).unwrap()["request_id"];
    assert!(RequestId::parse(request_id.as_str().unwrap()).is_ok());
    let expected = format!(
        r#"{{"status":"accepted","request_id":{request_id},"alerts_received":3,"alerts_pending":1,"alerts_skipped":2}}"#
    );
    assert_eq!(text, expected);
    assert_eq!(
        app.database.lines("SELECT dispatch_reason AS value FROM poundcake_alerts ORDER BY id"),
        ["NULL", "muted", "repeat"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trailing_slash_is_the_same_route_and_no_answer_is_a_redirect() {
    let app = App::on(TestDatabase::sqlite());
    let body = r#"{"alerts":[]}"#;
    for path in [WEBHOOK, "/api/v1/webhook/", "/api/v1/webhook?source=am", "/api/v1/webhook/?x"] {
        let response = client().post(app.url(path)).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 202, "{path}");
    }
    // At `/` is the operator page, which takes no POST.
    for (path, status) in [("/api/v1/webhook//", 404), ("/api/v1//webhook", 404), ("/API/v1/webhook", 404), ("/", 405)]
    {
        let response = client().post(app.url(path)).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}
