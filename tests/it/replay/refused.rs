//! Orders that are not carried out, and what the caller is told.

use super::rows::{insert, log, states};
use crate::{
    harness::{TestDatabase, client},
    http_api::app::{App, problem, with_tokens},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_does_not_choose_or_does_not_say_why_is_refused_with_what_is_missing() {
    let app = App::on(TestDatabase::sqlite());
    insert(&app.database, &["failed/rejected", "pending"]);
    let before = states(&app.database);
    for (path, body, expected) in [
        ("replays", json!({ "filter": {}, "reason": "x" }), "name at least one field"),
        ("discards", json!({ "filter": {}, "reason": "x" }), "name at least one field"),
        ("replays", json!({ "reason": "x" }), "missing field `filter`"),
        ("replays", json!({ "filter": { "ids": [1] } }), "missing field `reason`"),
        ("replays", json!({ "filter": { "ids": [1] }, "reason": "  " }), "say why"),
        ("replays", json!({ "filter": { "alertname": "A1" }, "reason": "x" }), "unknown field `alertname`"),
        ("replays", json!({ "filter": { "dispatch_status": "lost" }, "reason": "x" }), "unknown variant `lost`"),
        ("replays", json!({ "filter": { "ids": ["1"] }, "reason": "x" }), "invalid type: string"),
        ("replays", json!({ "filter": { "from": "yesterday" }, "reason": "x" }), "line 1"),
        ("replays", json!({ "filter": { "ids": [1] }, "reason": "x", "dryrun": true }), "unknown field `dryrun`"),
        (
            "discards",
            json!({ "filter": { "ids": [1] }, "reason": "x", "include_dispatched": true }),
            "include_dispatched",
        ),
        ("discards", json!("text"), "invalid type"),
    ] {
        let url = app.url(&format!("/api/v1/{path}"));
        let refused = problem(client().post(url).body(body.to_string()).send().await.unwrap(), 400).await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    let wrong = client().get(app.url("/api/v1/replays")).send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), wrong.headers()["allow"].to_str().unwrap()), (405, "POST"));
    assert_eq!(states(&app.database), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_names_the_token_that_ordered_it_and_never_shows_it() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    insert(&app.database, &["failed/rejected"]);
    let body = json!({ "filter": { "ids": [1] }, "reason": "x" }).to_string();
    let post = |token: &str| client().post(app.url("/api/v1/replays")).bearer_auth(token).body(body.clone()).send();
    problem(post("webhook-token").await.unwrap(), 403).await;
    assert_eq!(states(&app.database), ["failed/rejected 0 0"]);
    assert_eq!(post("operator-token").await.unwrap().status().as_u16(), 200);
    assert_eq!(log(&app.database, 1)[0]["by"], "alice");
    assert!(!log(&app.database, 1).to_string().contains("operator-token"));
}
