//! Releases: what no longer holds which rows.

use super::given::{LATER, app, column, held, order};
use crate::{
    harness::{TestDatabase, on_both_stores},
    replay::rows::log,
};
use serde_json::json;

on_both_stores! {
    async brake_and_cooldown_are_waived_and_nothing_else,
    async the_oldest_are_those_that_have_waited_longest,
    async a_release_of_a_whole_route_ends_its_brake,
    async two_people_who_release_at_once_release_each_row_once,
}

const BRAKES: &str =
    r#"{"brakes":{"hosts":{"since":"2026-01-01T00:00:00Z"},"disks":{"since":"2026-01-01T00:00:00Z"}}}"#;

fn brakes(database: &TestDatabase) -> String {
    database.lines("SELECT body AS value FROM poundcake_api_calls WHERE id = -1").remove(0)
}

async fn brake_and_cooldown_are_waived_and_nothing_else(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let rows = [
        "held/brake",
        "held/cooldown",
        "held/in_flight",
        "held/rate",
        "held/paused",
        "held/approval",
        "held/target_rate",
        "pending",
    ];
    held(&app.database, &rows);
    app.database.execute(
        "UPDATE poundcake_alerts SET dispatch_waived = '{\"age_from\":\"2026-01-01T00:00:00Z\"}' WHERE id = 3",
    );
    let release = json!({ "filter": { "from": "2025-01-01T00:00:00Z" }, "reason": "checked" });
    assert_eq!(order(&app, "alice", "releases", &release).await, json!({ "matched": 4, "released": 4 }));
    let waived = r#"{"brake":true,"cooldown":true}"#;
    let kept = r#"{"brake":true,"cooldown":true,"age_from":"2026-01-01T00:00:00.000000Z"}"#;
    assert_eq!(
        column(&app.database, "dispatch_waived"),
        [waived, waived, kept, waived, "NULL", "NULL", "NULL", "NULL"]
    );
    assert_eq!(
        column(&app.database, "COALESCE(guard_key, '-')"),
        ["released/hosts", "-", "released/hosts", "released/hosts", "-", "-", "target/hosts", "-"]
    );
    // The cooldown is looked at now; the line is looked at anyway.
    assert_eq!(app.database.count(&format!("poundcake_alerts WHERE next_attempt_at <> '{LATER}'")), 1);
    assert_eq!(app.database.count(&format!("poundcake_alerts WHERE id = 2 AND next_attempt_at < '{LATER}'")), 1);
    let entry = log(&app.database, 1)[0].clone();
    assert_eq!(
        (&entry["event"], &entry["by"], &entry["reason"], &entry["from"]),
        (&json!("released"), &json!("alice"), &json!("checked"), &json!("held/brake"))
    );
    assert_eq!(order(&app, "bob", "releases", &release).await, json!({ "matched": 0, "released": 0 }));
}

async fn the_oldest_are_those_that_have_waited_longest(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/brake", "held/brake", "held/brake", "held/brake"]);
    app.database.execute(&format!("UPDATE poundcake_api_calls SET body = '{BRAKES}' WHERE id = -1"));
    let two = json!({ "filter": { "route": "hosts" }, "reason": "x", "oldest": 2 });
    assert_eq!(order(&app, "alice", "releases", &two).await, json!({ "matched": 2, "released": 2 }));
    let keys = column(&app.database, "guard_key");
    assert_eq!(keys, ["held/hosts", "held/hosts", "released/hosts", "released/hosts"], "the last rows are the oldest");
    assert_eq!(order(&app, "alice", "releases", &two).await, json!({ "matched": 2, "released": 2 }), "and the next");
    assert_eq!(brakes(&app.database), BRAKES, "the brake stays on");
}

async fn a_release_of_a_whole_route_ends_its_brake(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/brake"]);
    app.database.execute(&format!("UPDATE poundcake_api_calls SET body = '{BRAKES}' WHERE id = -1"));
    for part in [json!({ "route": "hosts", "alert_name": "A1" }), json!({ "ids": [1] }), json!({ "reason": "brake" })] {
        order(&app, "alice", "releases", &json!({ "filter": part, "reason": "x" })).await;
    }
    let whole = json!({ "filter": { "route": "hosts" }, "reason": "x" });
    let dry = json!({ "filter": { "route": "hosts" }, "reason": "x", "dry_run": true });
    assert_eq!(order(&app, "alice", "releases", &dry).await, json!({ "matched": 0, "released": 0 }));
    assert_eq!(brakes(&app.database), BRAKES, "a part of the route, and a dry run, leave it on");
    let answer = order(&app, "alice", "releases", &whole).await;
    assert_eq!(answer, json!({ "matched": 0, "released": 0, "brakes_off": ["hosts"] }));
    assert_eq!(brakes(&app.database), r#"{"brakes":{"disks":{"since":"2026-01-01T00:00:00Z"}}}"#);
    let everything = json!({ "filter": { "dispatch_status": "held" }, "reason": "x" });
    assert_eq!(order(&app, "alice", "releases", &everything).await["brakes_off"], json!(["disks"]));
    assert_eq!(brakes(&app.database), r#"{"brakes":{}}"#);
}

async fn two_people_who_release_at_once_release_each_row_once(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/brake"; 30]);
    let release = json!({ "filter": { "route": "hosts" }, "reason": "x" });
    let (alice, bob) =
        tokio::join!(order(&app, "alice", "releases", &release), order(&app, "bob", "releases", &release));
    let released = |answer: &serde_json::Value| answer["released"].as_u64().unwrap();
    assert_eq!(released(&alice) + released(&bob), 30, "{alice} {bob}");
    assert_eq!(app.database.count("poundcake_alerts WHERE guard_key = 'released/hosts'"), 30);
    for id in 1..=30 {
        assert_eq!(log(&app.database, id).as_array().unwrap().len(), 1);
    }
}
