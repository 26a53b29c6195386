//! What guards hold and count, as people see it.

use super::given::{app, call, held};
use crate::harness::{Process, TestDatabase, on_both_stores};
use reqwest::Method;
use serde_json::json;

on_both_stores! {
    async guards_show_what_waits_what_is_started_and_which_brakes_and_pauses_are_on,
    async the_terminal_shows_the_same,
    async with_a_routes_file_limits_are_shown_next_to_their_use,
}

/// Two in the line, one of them released, one for itself; three starts, of which a link and a row are one; three places.
fn storm(database: &TestDatabase) {
    held(
        database,
        &[
            "held/brake",
            "held/in_flight",
            "held/cooldown",
            "dispatching",
            "dispatched",
            "held/paused",
            "failed/rejected",
        ],
    );
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S");
    for statement in [
        "UPDATE poundcake_alerts SET dispatch_waived = '{\"brake\":true}' WHERE id = 2".to_owned(),
        format!("UPDATE poundcake_alerts SET started_at = '{now}' WHERE id IN (4, 5)"),
        "UPDATE poundcake_alerts SET dispatch_route = NULL, guard_target = NULL WHERE id = 6".to_owned(),
        "UPDATE poundcake_alerts SET started_at = '2026-01-01 00:00:00' WHERE id = 7".to_owned(),
        link(5, "a", &format!("'{now}'"), "NULL"),
        link(5, "b", &format!("'{now}'"), "NULL"),
        link(7, "c", "'2026-01-01 00:00:00'", "NULL"),
        link(7, "d", &format!("'{now}'"), "'2026-11-01 00:00:00'"),
        r#"UPDATE poundcake_api_calls SET body = '{"brakes":{"disks":{"since":"2026-01-01T00:00:00Z"}}}' WHERE id = -1"#.to_owned(),
    ] {
        database.execute(&statement);
    }
}

fn link(alert: i64, execution: &str, started: &str, ended: &str) -> String {
    format!(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, created_at, route, guard_target, started_at, ended_at) \
         VALUES ('r', {alert}, '{execution}', '2026-01-01 00:00:00', 'hosts', 'db', {started}, {ended})"
    )
}

async fn guards_show_what_waits_what_is_started_and_which_brakes_and_pauses_are_on(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let show = async || call(&app, Method::GET, "/api/v1/guards", "vera", &json!({})).await;
    assert_eq!(show().await, (200, json!({ "routes": [], "pauses": [] })));
    storm(&app.database);
    let pause = json!({ "route": "hosts", "reason": "works" });
    let (_, pause) = call(&app, Method::POST, "/api/v1/pauses", "alice", &pause).await;
    let one = |reason: &str, minute: u32| {
        json!({ "reason": reason, "rows": 1, "oldest_since": format!("2026-01-01T00:{minute}:00.000000Z"),
                "next_at": "2099-01-01T00:00:00.000000Z" })
    };
    let (status, shown) = show().await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["pauses"], json!([pause]));
    assert_eq!(
        shown["routes"],
        json!([
            { "route": null, "held": [one("paused", 53)], "released": 0, "places": 0, "starts_last_hour": 0, "brake_since": null },
            { "route": "disks", "held": [], "released": 0, "places": 0, "starts_last_hour": 0,
              "brake_since": "2026-01-01T00:00:00Z" },
            { "route": "hosts", "held": [one("brake", 58), one("cooldown", 56), one("in_flight", 57)], "released": 1,
              "places": 3, "starts_last_hour": 3, "brake_since": null },
        ])
    );
}

async fn the_terminal_shows_the_same(database: TestDatabase) {
    drop(database.store(1));
    let run = async || {
        let guards = Process::poundcake("guards").variable("DATABASE_URL", database.url()).variable("TZ", "UTC");
        let (status, out, error) = guards.run().await;
        assert!(status.success(), "{error}");
        out
    };
    assert_eq!(run().await, "no route holds anything\n");
    storm(&database);
    let out = run().await;
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("route  held "), "{out}");
    assert!(lines[1].starts_with("-      1 paused "), "{out}");
    assert!(lines[2].starts_with("disks  -") && lines[2].contains(" on since 2026-01-01T00:00:00Z "), "{out}");
    assert!(lines[3].starts_with("hosts  1 brake, 1 cooldown, 1 in_flight  2026-01-01 00:56:00 +00:00"), "{out}");
}

async fn with_a_routes_file_limits_are_shown_next_to_their_use(database: TestDatabase) {
    const ROUTES: &str = "guards: {max_in_flight: 100}
routes:
  - {name: idle, match: 'a=b', action: a.b, mode: shadow}
  - {name: hosts, action: a.b, guards: {cooldown: 5m, max_in_flight: 5, rate: [3/h, 50/d], brake: {above: 10, within: 10m}, per_target: {rate: [3/h]}}}
";
    drop(database.store(1));
    storm(&database);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ROUTES).unwrap();
    let guards = |arguments: &[&str]| {
        let process = Process::poundcake("guards").variable("DATABASE_URL", database.url()).variable("TZ", "UTC");
        let process = process.variable("POUNDCAKE_ROUTES", file.path().display().to_string());
        arguments.iter().fold(process, |process, argument| process.argument(*argument))
    };
    let (status, out, error) = guards(&["--output", "json"]).run().await;
    assert!(status.success(), "{error}");
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["all"], json!({ "max_in_flight": 100, "places": 3 }));
    let names: Vec<_> = shown["routes"].as_array().unwrap().iter().map(|route| route["route"].clone()).collect();
    assert_eq!(
        names,
        [json!("idle"), json!("hosts"), json!(null), json!("disks")],
        "the file's order, then the others"
    );
    assert_eq!(shown["routes"][0]["limits"]["mode"], "shadow");
    let limits = &shown["routes"][1]["limits"];
    let next = limits["next_start_at"].as_str().unwrap();
    assert!(next > chrono::Utc::now().to_rfc3339().as_str(), "{limits}");
    assert_eq!(
        *limits,
        json!({
            "mode": "run", "priority": 0, "cooldown_seconds": 300, "max_in_flight": 5,
            "rate": [{ "rate": "3/h", "starts": 3, "used": 3 }, { "rate": "50/d", "starts": 50, "used": 3 }],
            "per_target": { "label": "instance", "rate": ["3/h"] },
            "brake": { "above": 10, "within_seconds": 600, "release": "auto", "targets": 5, "on": false },
            "holds": "rate", "held_by_all": false, "next_start_at": next,
        })
    );
    let (_, out, _) = guards(&[]).run().await;
    let hosts = out.lines().find(|line| line.starts_with("hosts")).unwrap();
    for cell in ["3 of 5", "3 of 3/h, 3 of 50/d", "5 of 10 targets", "rate, next 20"] {
        assert!(hosts.contains(cell), "{cell}: {out}");
    }
    assert!(out.contains("all routes together: 3 of 100 places\n") && out.contains("mode shadow"), "{out}");
}

/// On SQLite a time is a text: a day alone is what a person may write who mends a row.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_time_is_shown_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(TestDatabase::sqlite(), &directory);
    held(&app.database, &["held/rate"]);
    app.database.execute("UPDATE poundcake_alerts SET pending_at = '2026-01-02', next_attempt_at = '2099-01-01'");
    let (status, answer) = call(&app, Method::GET, "/api/v1/guards", "vera", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let held = &answer["routes"][0]["held"][0];
    let times =
        ["oldest_since", "next_at"].map(|time| held[time].as_str().unwrap().split('T').next().unwrap().to_owned());
    assert_eq!(times, ["2026-01-02", "2099-01-01"], "{answer}");
}
