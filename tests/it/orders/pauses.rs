//! Pauses: begin, show, resume, and what is written down of each.

use super::given::{app, call, orders};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::App,
};
use chrono::{DateTime, Duration, Utc};
use poundcake::{
    database::{Database, connect::DatabaseUrl},
    model::pause::Scope,
    store::operate::pauses,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both_stores! {
    async a_pause_is_in_force_until_it_is_resumed_and_both_are_orders,
    async a_pause_that_says_too_little_or_lasts_too_long_is_refused,
    async a_route_that_no_alert_has_taken_is_paused_with_a_warning,
    async a_pause_that_cannot_be_read_covers_everything_and_one_that_is_over_nothing,
    async of_two_people_who_resume_a_pause_one_does,
}

async fn pause(app: &App, body: &Value) -> (u16, Value) {
    call(app, Method::POST, "/api/v1/pauses", "alice", body).await
}

async fn in_force(app: &App) -> Vec<Value> {
    let (status, answer) = call(app, Method::GET, "/api/v1/pauses", "vera", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    answer["pauses"].as_array().unwrap().clone()
}

fn length(pause: &Value) -> Duration {
    let time = |member: &str| pause[member].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    time("until") - time("since")
}

async fn a_pause_is_in_force_until_it_is_resumed_and_both_are_orders(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let (status, everything) = pause(&app, &json!({ "everything": true, "reason": "upgrade" })).await;
    assert_eq!((status, length(&everything)), (201, Duration::hours(1)), "{everything}");
    assert_eq!((&everything["operator"], &everything["reason"]), (&json!("alice"), &json!("upgrade")));
    let (status, some) =
        pause(&app, &json!({ "matchers": ["cluster=\"eu1\"", "severity!=\"info\""], "reason": "x", "for": "90m" }))
            .await;
    assert_eq!((status, length(&some)), (201, Duration::minutes(90)), "{some}");
    assert_eq!(in_force(&app).await, [everything.clone(), some.clone()]);
    let path = format!("/api/v1/pauses/{}", everything["id"]);
    let (status, ended) = call(&app, Method::DELETE, &path, "bob", &json!({})).await;
    assert_eq!((status, &ended["id"]), (200, &everything["id"]), "{ended}");
    assert!(length(&ended) < Duration::minutes(1), "{ended}");
    assert_eq!(in_force(&app).await, [some]);
    assert_eq!(call(&app, Method::DELETE, &path, "bob", &json!({})).await.0, 404);
    assert_eq!(call(&app, Method::DELETE, &path, "vera", &json!({})).await.0, 403);
    let seen: Vec<Value> = orders(&app)
        .await
        .iter()
        .map(|order| json!([order["operator"], order["method"], order["path"], order["status_code"], order["body"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!(["bob", "DELETE", path, 200, {}]),
            json!(["alice", "POST", "/api/v1/pauses", 201,
                    { "matchers": ["cluster=\"eu1\"", "severity!=\"info\""], "reason": "x", "for": "1h 30m" }]),
            json!(["alice", "POST", "/api/v1/pauses", 201, { "everything": true, "reason": "upgrade", "for": "1h" }]),
        ]
    );
}

async fn a_pause_that_says_too_little_or_lasts_too_long_is_refused(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let tomorrow = (Utc::now() + Duration::hours(25)).to_rfc3339();
    for (body, expected) in [
        (json!({ "reason": "x" }), "exactly one of"),
        (json!({ "everything": true, "route": "hosts", "reason": "x" }), "exactly one of"),
        (json!({ "matchers": [], "reason": "x" }), "exactly one of"),
        (json!({ "matchers": ["cluster"], "reason": "x" }), "cluster"),
        (json!({ "everything": true }), "reason"),
        (json!({ "everything": true, "reason": " " }), "say why"),
        (json!({ "everything": true, "reason": "x", "for": "25h" }), "at most 24h"),
        (json!({ "everything": true, "reason": "x", "for": "0s" }), "at most 24h"),
        (json!({ "everything": true, "reason": "x", "for": "soon" }), "30m or 2h"),
        (json!({ "everything": true, "reason": "x", "until": tomorrow }), "at most 24h"),
        (json!({ "everything": true, "reason": "x", "until": "2026-01-01T00:00:00Z" }), "in the future"),
        (json!({ "everything": true, "reason": "x", "for": "1h", "until": tomorrow }), "not both"),
        (json!({ "everything": true, "reason": "x", "hours": 1 }), "hours"),
    ] {
        let (status, answer) = pause(&app, &body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(expected), "{body}: {answer}");
    }
    assert_eq!(in_force(&app).await, Vec::<Value>::new());
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 0);
}

async fn a_route_that_no_alert_has_taken_is_paused_with_a_warning(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    super::given::held(&app.database, &["held/brake"]);
    let (status, known) = pause(&app, &json!({ "route": "hosts", "reason": "x" })).await;
    assert_eq!((status, known.get("warning")), (201, None), "{known}");
    let (status, unknown) = pause(&app, &json!({ "route": "hots", "reason": "x" })).await;
    assert_eq!(status, 201, "{unknown}");
    assert!(unknown["warning"].as_str().unwrap().contains("\"hots\""), "{unknown}");
    assert_eq!(in_force(&app).await.len(), 2, "it is in force all the same");
}

async fn a_pause_that_cannot_be_read_covers_everything_and_one_that_is_over_nothing(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let (_, first) = pause(&app, &json!({ "route": "hosts", "reason": "x" })).await;
    let (_, second) = pause(&app, &json!({ "route": "disks", "reason": "x" })).await;
    let id = |pause: &Value| pause["id"].as_i64().unwrap();
    app.database.execute(&format!("UPDATE poundcake_api_calls SET body = '{{}}' WHERE id = {}", id(&first)));
    app.database.execute(&format!(
        "UPDATE poundcake_api_calls SET pause_until = '2026-01-01 00:00:00' WHERE id = {}",
        id(&second)
    ));
    let store = Database::new(DatabaseUrl::parse(&app.database.url()).unwrap(), 1);
    let found = store.run_blocking(pauses::in_force).unwrap();
    assert!(matches!(found[..], [ref pause] if matches!(pause.scope, Scope::Unreadable(_))), "{found:?}");
    assert!(found[0].covers(None, &std::collections::BTreeMap::new()));
    let shown = in_force(&app).await;
    assert_eq!((shown.len(), &shown[0]["everything"]), (1, &json!(true)));
    assert!(shown[0]["unreadable"].is_string(), "{shown:?}");
    app.database.execute(&format!(
        "UPDATE poundcake_api_calls SET pause_until = '9999-12-31 00:00:00' WHERE id = {}",
        id(&first)
    ));
    assert_eq!(in_force(&app).await[0]["until"], Value::Null, "without an end");
}

async fn of_two_people_who_resume_a_pause_one_does(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let (_, begun) = pause(&app, &json!({ "everything": true, "reason": "x" })).await;
    let path = format!("/api/v1/pauses/{}", begun["id"]);
    let nothing = json!({});
    let (alice, bob) = tokio::join!(
        call(&app, Method::DELETE, &path, "alice", &nothing),
        call(&app, Method::DELETE, &path, "bob", &nothing)
    );
    let mut statuses = [alice.0, bob.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    assert_eq!(app.database.count("poundcake_api_calls WHERE method = 'DELETE'"), 1);
}
