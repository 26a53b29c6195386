//! Orders are rows: who ordered what, when, why, and its result.

use super::given::{app, call, held, order, orders};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::App,
    replay::rows::{insert, states},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both_stores! {
    async an_order_is_a_row_with_who_what_why_and_its_result,
    async an_order_that_changes_nothing_leaves_no_row,
    async orders_are_paged_newest_first_and_filtered_by_time,
    async held_rows_are_discarded_and_a_replay_begins_without_starts_and_waits_for_no_cooldown,
    async a_retry_by_a_repeat_begins_without_starts_and_waives_nothing,
}

async fn an_order_is_a_row_with_who_what_why_and_its_result(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    insert(&app.database, &["failed/rejected", "failed/expired", "pending"]);
    let replay =
        json!({ "filter": { "dispatch_status": "failed", "from": "2025-01-01T00:00:00Z" }, "reason": "fixed 🔥" });
    assert_eq!(order(&app, "alice", "replays", &replay).await, json!({ "matched": 2, "replayed": 2 }));
    let discard = json!({ "filter": { "ids": [3] }, "reason": "planned", "at_most": 1 });
    assert_eq!(order(&app, "bob", "discards", &discard).await, json!({ "matched": 1, "discarded": 1 }));
    let orders = orders(&app).await;
    let seen: Vec<Value> = orders
        .iter()
        .map(|order| json!([order["operator"], order["method"], order["path"], order["status_code"], order["result"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!(["bob", "POST", "/api/v1/discards", 200, { "matched": 1, "discarded": 1 }]),
            json!(["alice", "POST", "/api/v1/replays", 200, { "matched": 2, "replayed": 2 }]),
        ]
    );
    assert_eq!((&orders[0]["body"], &orders[1]["body"]), (&discard, &replay), "as it was given");
    assert_eq!((&orders[0]["client_address"], &orders[0]["pause_until"]), (&json!("127.0.0.1"), &Value::Null));
    assert_eq!(app.database.count("poundcake_api_calls WHERE ordered_at = created_at"), 2);
    let id = orders[0]["request_id"].as_str().unwrap();
    let (status, _) = call(&app, Method::GET, &format!("/api/v1/requests/{id}"), "vera", &json!({})).await;
    assert_eq!(status, 404, "an order is no webhook");
    let (_, webhooks) = call(&app, Method::GET, "/api/v1/requests", "vera", &json!({})).await;
    assert_eq!(webhooks["requests"].as_array().unwrap().len(), 1);
    let (_, alices) = call(&app, Method::GET, "/api/v1/orders?operator=alice", "vera", &json!({})).await;
    assert_eq!(alices["orders"].as_array().unwrap().len(), 1);
}

async fn an_order_that_changes_nothing_leaves_no_row(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["failed/rejected", "failed/rejected", "held/brake", "held/approval"]);
    let before = states(&app.database);
    let (all, one) = (json!({ "route": "hosts" }), json!({ "ids": [1] }));
    for (token, path, body, expected) in [
        ("alice", "replays", json!({ "filter": all, "reason": "x", "dry_run": true }), 200),
        ("alice", "releases", json!({ "filter": all, "reason": "x", "dry_run": true }), 200),
        ("alice", "approvals", json!({ "filter": all, "reason": "x", "approve": true, "dry_run": true }), 200),
        ("alice", "replays", json!({ "filter": all, "reason": "x", "at_most": 1 }), 409),
        ("alice", "discards", json!({ "filter": all, "reason": "x", "at_most": 3 }), 409),
        ("alice", "releases", json!({ "filter": all, "reason": "x", "at_most": 0 }), 409),
        ("alice", "approvals", json!({ "filter": all, "reason": "x", "approve": false, "at_most": 0 }), 409),
        ("alice", "replays", json!({ "filter": {}, "reason": "x" }), 400),
        ("alice", "releases", json!({ "filter": all, "reason": " " }), 400),
        ("alice", "releases", json!({ "filter": all, "reason": "x", "oldest": 0 }), 400),
        ("alice", "approvals", json!({ "filter": all, "reason": "x" }), 400),
        ("vera", "replays", json!({ "filter": one, "reason": "x" }), 403),
        ("vera", "discards", json!({ "filter": one, "reason": "x" }), 403),
        ("vera", "releases", json!({ "filter": all, "reason": "x" }), 403),
        ("vera", "approvals", json!({ "filter": all, "reason": "x", "approve": true }), 403),
        ("vera", "pauses", json!({ "everything": true, "reason": "x" }), 403),
    ] {
        let (status, answer) = call(&app, Method::POST, &format!("/api/v1/{path}"), token, &body).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
    }
    assert_eq!(states(&app.database), before);
    assert_eq!(app.database.count("poundcake_api_calls WHERE ordered_at IS NOT NULL"), 0);
}

async fn orders_are_paged_newest_first_and_filtered_by_time(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    insert(&app.database, &["failed/rejected"]);
    for n in 0..5 {
        order(&app, "alice", "replays", &json!({ "filter": { "ids": [n + 10] }, "reason": format!("order {n}") }))
            .await;
    }
    // Orders of one microsecond are told apart by their ids.
    app.database.execute("UPDATE poundcake_api_calls SET ordered_at = '2026-02-01 00:00:00', created_at = '2026-02-01 00:00:00' WHERE ordered_at IS NOT NULL AND body LIKE '%order 1%'");
    app.database.execute("UPDATE poundcake_api_calls SET ordered_at = '2026-02-01 00:00:00', created_at = '2026-02-01 00:00:00' WHERE ordered_at IS NOT NULL AND body LIKE '%order 2%'");
    let mut seen = Vec::new();
    let mut path = "/api/v1/orders?limit=2".to_owned();
    loop {
        let (status, page) = call(&app, Method::GET, &path, "vera", &json!({})).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["orders"].as_array().unwrap().iter().map(|order| order["body"]["reason"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/orders?limit=2&next={next}");
    }
    assert_eq!(seen, ["order 4", "order 3", "order 0", "order 2", "order 1"]);
    let (_, old) = call(&app, Method::GET, "/api/v1/orders?to=2026-03-01T00:00:00Z", "vera", &json!({})).await;
    assert_eq!(old["orders"].as_array().unwrap().len(), 2);
}

async fn held_rows_are_discarded_and_a_replay_begins_without_starts_and_waits_for_no_cooldown(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let reasons = ["paused", "approval", "cooldown", "target_rate", "brake", "in_flight", "rate"];
    let mut given: Vec<String> = reasons.iter().map(|reason| format!("held/{reason}")).collect();
    given.extend(["failed/rejected", "failed/uncertain", "failed/rejected"].map(str::to_owned));
    held(&app.database, &given.iter().map(String::as_str).collect::<Vec<_>>());
    app.database.execute(
        "UPDATE poundcake_alerts SET started_at = '2026-01-02 00:00:00', first_started_at = '2026-01-02 00:00:00', \
             dispatch_waived = '{\"brake\":true}' WHERE id >= 8",
    );
    let discard = json!({ "filter": { "dispatch_status": "held" }, "reason": "storm is over" });
    assert_eq!(order(&app, "alice", "discards", &discard).await, json!({ "matched": 7, "discarded": 7 }));
    assert_eq!(app.database.count("poundcake_alerts WHERE guard_key LIKE 'held/%'"), 0);
    let replay = json!({ "filter": { "ids": [8, 9] }, "reason": "again" });
    assert_eq!(order(&app, "alice", "replays", &replay).await, json!({ "matched": 2, "replayed": 2 }));
    let started = app.database.lines(
            "SELECT CONCAT(id, ' ', CASE WHEN started_at IS NULL THEN 0 ELSE 1 END, ' ', COALESCE(first_started_at, '-'), ' ', \
             COALESCE(dispatch_waived, '-'), ' ', COALESCE(guard_key, '-')) AS value FROM poundcake_alerts WHERE id IN (8, 9) ORDER BY id",
        );
    // What may have run keeps its start and its place.
    assert_eq!(started, ["8 0 - {\"cooldown\":true} -", "9 1 - {\"cooldown\":true} place/hosts"]);
}

async fn a_retry_by_a_repeat_begins_without_starts_and_waives_nothing(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["failed/rejected"]);
    app.database.execute(
        "UPDATE poundcake_alerts SET open_fingerprint = fingerprint, last_seen_at = created_at, \
         started_at = '2026-01-02 00:00:00', first_started_at = '2026-01-02 00:00:00', dispatch_waived = '{\"brake\":true}'",
    );
    let repeat = json!({ "alerts": [{ "status": "firing", "fingerprint": "0000000000000001", "labels": { "alertname": "A1" },
        "startsAt": "2026-01-01T00:00:00Z" }] });
    app.accept(repeat.to_string()).await;
    let clean = "started_at IS NULL AND first_started_at IS NULL AND dispatch_waived IS NULL";
    assert_eq!(
        app.database.count(&format!("poundcake_alerts WHERE id = 1 AND dispatch_generation = 1 AND {clean}")),
        1
    );
}
