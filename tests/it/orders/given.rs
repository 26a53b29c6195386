//! Held rows, and orders by two operators.

use crate::{
    harness::{TestDatabase, client},
    http_api::app::{App, settings},
    replay::rows,
};
use poundcake::config::HttpSettings;
use reqwest::Method;
use serde_json::{Value, json};

/// Held rows are looked at then.
pub const LATER: &str = "2099-01-01 00:00:00";

/// A row for each `status/reason` of the route `hosts`, looked at [`LATER`], the oldest last.
pub fn held(database: &TestDatabase, states: &[&str]) {
    rows::insert(database, states);
    database.execute("UPDATE poundcake_alerts SET dispatch_route = 'hosts', guard_target = instance");
    database
        .execute(&format!("UPDATE poundcake_alerts SET next_attempt_at = '{LATER}' WHERE next_attempt_at IS NOT NULL"));
    for n in 1..=states.len() {
        let minute = 59 - n;
        database.execute(&format!(
            "UPDATE poundcake_alerts SET pending_at = '2026-01-01 00:{minute:02}:00' WHERE id = {n}"
        ));
    }
}

/// A server with the tokens `alice-token`, `bob-token` (operators) and `vera-token` (viewer).
pub fn app(database: TestDatabase, directory: &tempfile::TempDir) -> App {
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let tokens = HttpSettings {
        webhook_tokens_file: file("webhook", "am:webhook-token\n"),
        operator_tokens_file: file("operator", "alice:alice-token\nbob:bob-token\nvera:vera-token:viewer\n"),
        ..settings()
    };
    App::with(database, &tokens).unwrap()
}

/// A request of an operator; status and answer.
pub async fn call(app: &App, method: Method, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = client().request(method, app.url(path)).bearer_auth(format!("{token}-token"));
    let response = request.body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// An order of an operator that must be taken.
pub async fn order(app: &App, token: &str, path: &str, body: &Value) -> Value {
    let (status, answer) = call(app, Method::POST, &format!("/api/v1/{path}"), token, body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The newest orders, as the API shows them to a viewer.
pub async fn orders(app: &App) -> Vec<Value> {
    let (status, answer) = call(app, Method::GET, "/api/v1/orders", "vera", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    answer["orders"].as_array().unwrap().clone()
}

/// A column of each row; NULL is "NULL".
pub fn column(database: &TestDatabase, column: &str) -> Vec<String> {
    database.lines(&format!("SELECT {column} AS value FROM poundcake_alerts ORDER BY id"))
}
