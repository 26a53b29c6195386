//! Rows made by SQL, in the states that a test needs, and orders over them.

use crate::{
    harness::{TestDatabase, client},
    http_api::app::App,
};
use serde_json::{Value, json};

/// The webhook that brought all rows.
pub const REQUEST: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A row for each `status/reason`, ids from 1, named `A1`, `A2`, … The schema is up, and nothing else is there.
pub fn insert(database: &TestDatabase, rows: &[&str]) {
    webhook(database, REQUEST, "2026-01-01 00:00:00");
    for (index, state) in rows.iter().enumerate() {
        let (status, reason) = match state.split_once('/') {
            Some((status, reason)) => (status, format!("'{reason}'")),
            None => (*state, "NULL".to_owned()),
        };
        let settled = matches!(status, "failed" | "skipped" | "dispatched");
        let due = if settled { "NULL" } else { "'2026-01-01 00:00:00'" };
        let (n, time) = (index + 1, "'2026-01-01 00:00:00'");
        database.execute(&format!(
            "INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, \
             status, annotations, updated_at, dispatch_status, dispatch_reason, next_attempt_at, pending_at) \
             SELECT MAX(id), '{n:016x}', 'A{n}', 'page', 'db{n}', '{{}}', {time}, 'firing', '{{}}', {time}, \
             '{status}', {reason}, {due}, {time} FROM poundcake_api_calls"
        ));
    }
}

/// Copies the first row until there are so many.
pub fn copy_first(database: &TestDatabase, rows: usize) {
    let columns = "api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, annotations, \
                   updated_at, dispatch_status, dispatch_reason";
    let mut there = 1;
    while there < rows {
        let missing = rows - there;
        there += database.execute(&format!(
            "INSERT INTO poundcake_alerts ({columns}) SELECT {columns} FROM poundcake_alerts ORDER BY id LIMIT {missing}"
        ));
    }
}

/// A webhook's row.
pub fn webhook(database: &TestDatabase, request_id: &str, time: &str) {
    database.execute(&format!(
        "INSERT INTO poundcake_api_calls (request_id, method, path, headers, body, status_code, created_at) \
         VALUES ('{request_id}', 'POST', '/api/v1/webhook', '{{}}', '{{}}', 202, '{time}')"
    ));
}

/// `status/reason generation uncertain` of each row.
pub fn states(database: &TestDatabase) -> Vec<String> {
    database.lines(
        "SELECT CONCAT(dispatch_status, '/', COALESCE(dispatch_reason, '-'), ' ', dispatch_generation, ' ', \
         dispatch_uncertain) AS value FROM poundcake_alerts ORDER BY id",
    )
}

/// One row's log.
pub fn log(database: &TestDatabase, id: i64) -> Value {
    let text = database.lines(&format!("SELECT dispatch_log AS value FROM poundcake_alerts WHERE id = {id}"));
    serde_json::from_str(&text[0]).unwrap_or_default()
}

/// Posts an order; status and answer.
pub async fn order(url: String, body: &Value) -> (u16, Value) {
    let response = client().post(url).body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A replay that must be taken: `(matched, replayed)`.
pub async fn replay(app: &App, filter: Value, more: &[&str]) -> (u64, u64) {
    counts(app, "replays", "replayed", filter, more).await
}

/// A discard that must be taken: `(matched, discarded)`.
pub async fn discard(app: &App, filter: Value, more: &[&str]) -> (u64, u64) {
    counts(app, "discards", "discarded", filter, more).await
}

async fn counts(app: &App, path: &str, word: &str, filter: Value, more: &[&str]) -> (u64, u64) {
    let mut body = json!({ "filter": filter, "reason": "fixed the \"route\" 🔥 \u{1}" });
    for flag in more {
        body[*flag] = json!(true);
    }
    let (status, answer) = order(app.url(&format!("/api/v1/{path}")), &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    (answer["matched"].as_u64().unwrap(), answer[word].as_u64().unwrap())
}
