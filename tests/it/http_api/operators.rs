//! What operators and probes are told.

use super::app::{App, WEBHOOK, problem};
use crate::harness::{TestDatabase, client, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    async a_request_is_shown_whole_and_without_credentials,
    async metrics_count_webhooks_and_show_the_depth_without_any_alert_text,
}

const ALERT: &str = r#"{"alerts":[{"status":"resolved","labels":{"alertname":"HostDown","severity":"page","instance":"db1"},
    "annotations":{"summary":"gone"},"startsAt":"2026-11-22T00:00:00.25Z","endsAt":"2026-11-22T01:00:00Z"}]}"#;

async fn a_request_is_shown_whole_and_without_credentials(database: TestDatabase) {
    let app = App::on(database);
    let request = client().post(app.url(WEBHOOK)).bearer_auth("s3cret").header("cookie", "session=s3cret");
    let request = request.header("x-request-id", "from-the-proxy-1").header("user-agent", "Alertmanager/0.25.0");
    let answer: Value = request.body(ALERT).send().await.unwrap().json().await.unwrap();
    let request_id = answer["request_id"].as_str().unwrap();
    app.database.execute(&format!(
            "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at) \
             SELECT '{request_id}', id, '65a1b2c3d4e5f60718293a4b', 'core.local', '2026-11-22 02:00:00' FROM poundcake_alerts"
        ));
    let (status, mut history) = app.get(&format!("/api/v1/requests/{request_id}")).await;
    assert_eq!(status, 200);
    assert!(!history.to_string().contains("s3cret"), "{history}");
    assert_eq!(history["headers"]["user-agent"], "Alertmanager/0.25.0");
    assert_eq!(history["headers"]["x-request-id"], "from-the-proxy-1");
    history["headers"] = Value::Null;
    for pointer in ["/created_at", "/alerts/0/created_at"] {
        let time = history.pointer_mut(pointer).unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        *time = "(time)".into();
    }
    assert_eq!(history["execution_db"].take()["available"], false);
    assert_eq!(history["alerts"][0]["steps"].take()[0]["step"], "received");
    let id = history["alerts"][0]["id"].take();
    assert!(id.is_i64());
    let fingerprint = history["alerts"][0]["fingerprint"].take();
    assert_eq!(fingerprint.as_str().unwrap().len(), 16);
    assert_eq!(history, expected(request_id));
}

fn expected(request_id: &str) -> Value {
    json!({
        "request_id": request_id, "method": "POST", "path": "/api/v1/webhook", "status_code": 202, "created_at": "(time)",
        "client_request_id": "from-the-proxy-1", "client_address": "127.0.0.1", "headers": null, "body": ALERT,
        "alerts": [expected_alert(request_id)], "execution_db": null,
    })
}

fn expected_alert(request_id: &str) -> Value {
    let mut alert = json!({
        "id": null, "request_id": request_id, "fingerprint": null, "alert_name": "HostDown", "severity": "page",
        "instance": "db1", "status": "resolved", "starts_at": "2026-11-22T00:00:00.250000Z",
        "ends_at": "2026-11-22T01:00:00.000000Z", "annotations": {"summary": "gone"},
        "labels": {"alertname": "HostDown", "severity": "page", "instance": "db1"}, "created_at": "(time)",
        "dispatch_status": "skipped", "dispatch_reason": "resolved", "dispatch_generation": 0, "dispatch_attempts": 0,
        "dispatch_uncertain": false, "attempts": [], "steps": null,
        "links": [{
            "st2_execution_id": "65a1b2c3d4e5f60718293a4b", "st2_rule_ref": null, "st2_action_ref": "core.local",
            "created_at": "2026-11-22T02:00:00.000000Z", "execution": null,
        }],
    });
    let unset = "dispatch_target dispatch_route dispatch_error dispatched_at opened_by generator_url st2_rule_matched last_seen_at closed_at \
                 pending_at attempted_at next_attempt_at";
    for name in unset.split_whitespace() {
        alert[name] = Value::Null;
    }
    alert
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_404_and_a_malformed_one_400() {
    let app = App::on(TestDatabase::sqlite());
    let get = async |id: &str| client().get(app.url(&format!("/api/v1/requests/{id}"))).send().await.unwrap();
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "1", "req-7"] {
        problem(get(id).await, 404).await;
    }
    for id in ["x%27%20OR%201%3D1", "%3Cscript%3E", "%7B%7B1%7D%7D", "01890a5d-ac96-774b-bcce-b302099a8057-"] {
        problem(get(id).await, 400).await;
    }
}

async fn metrics_count_webhooks_and_show_the_depth_without_any_alert_text(database: TestDatabase) {
    let app = App::on(database);
    app.accept(r#"{"alerts":[{"status":"firing","labels":{"alertname":"TheAlertsText"}}]}"#).await;
    let response = client().get(app.url("/metrics")).send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = response.text().await.unwrap();
    assert!(text.contains("poundcake_webhooks_total{status=\"202\"} 1\n"), "{text}");
    assert!(text.contains("poundcake_alerts_total{decision=\"pending\"} 1\n"), "{text}");
    let depth = |status: &str| {
        let start = format!("poundcake_dispatch_rows{{status=\"{status}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse::<i64>().unwrap()
    };
    assert_eq!((depth("pending") + depth("queued"), depth("dispatching"), depth("awaiting_execution")), (1, 0, 0));
    assert!(!text.contains("TheAlertsText"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_the_process_lives_and_is_not_ready_and_metrics_still_answer() {
    let app = App::on(TestDatabase::sqlite());
    assert_eq!(app.get("/readyz").await.0, 200);
    app.stop.cancel();
    let other = super::app::settings();
    let url = format!("sqlite:///{}/none/poundcake.db", env!("CARGO_MANIFEST_DIR"));
    let store = poundcake::database::Database::new(poundcake::database::connect::DatabaseUrl::parse(&url).unwrap(), 1);
    let stop = tokio_util::sync::CancellationToken::new();
    let metrics = poundcake::metrics::Metrics::new().unwrap();
    let listener = super::app::listener(&other.listen);
    let address = listener.addresses()[0];
    let parts = poundcake::http::Parts { store, metrics, stop: stop.clone() };
    let server = poundcake::http::serve(&other, poundcake::http::Role::Probes, listener, parts).unwrap();
    let running = tokio::spawn(server);
    let get = async |path: &str| client().get(format!("http://{address}{path}")).send().await.unwrap();
    assert_eq!(get("/livez").await.status().as_u16(), 200);
    problem(get("/readyz").await, 503).await;
    assert_eq!(get("/metrics").await.status().as_u16(), 200);
    stop.cancel();
    running.await.unwrap().unwrap();
}
