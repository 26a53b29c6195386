//! What the guards would do with the alerts of a replay: a dry run, the page that asks and the command say the same.

use super::given::{held, order};
use crate::{
    harness::{Process, TestDatabase, on_both_stores},
    http_api::app::{App, with_tokens},
    page::person::Person,
    replay::rows::copy_first,
};
use poundcake::http::Shown;
use serde_json::{Value, json};

on_both_stores! {
    async a_replay_that_the_windows_do_not_let_start_in_time_says_how_many_would_expire,
    async each_route_says_what_would_hold_its_alerts,
}

const ROUTES: &str = r#"
routes:
  - {name: hosts, match: 'alertname="HostDown"', action: core.noop, guards: {rate: [20/h]}}
  - {name: disks, match: 'alertname="DiskFull"', action: core.noop, guards: {max_in_flight: 2, per_target: {label: instance, rate: [1/h]}}}
  - {name: asked, match: 'alertname="Asked"', action: core.noop, mode: approve}
  - {name: old, match: 'alertname="Old"', action: core.noop, mode: off}
"#;

fn app(database: TestDatabase, directory: &tempfile::TempDir) -> App {
    let file = directory.path().join("routes.yaml");
    std::fs::write(&file, ROUTES).unwrap();
    App::showing(database, &with_tokens(directory), Shown { routes: Some(file), ..Shown::default() }).unwrap()
}

fn label(database: &TestDatabase, name: &str, instance: &str, rows: &str) {
    let labels = json!({ "alertname": name, "instance": instance });
    database.execute(&format!("UPDATE poundcake_alerts SET labels = '{labels}' WHERE {rows}"));
}

async fn dry_run(app: &App) -> Value {
    let body = json!({ "filter": { "dispatch_status": "failed" }, "reason": "look", "dry_run": true });
    order(app, "operator", "replays", &body).await
}

/// Standard output and standard error of `poundcake replay --dry-run`; with the routes file of the server, or without one.
async fn command(app: &App, routes: Option<&tempfile::TempDir>, more: &[&str]) -> (String, String) {
    let words = ["--dispatch-status", "failed", "--reason", "look", "--dry-run"];
    let command = Process::poundcake("replay").variable("DATABASE_URL", app.database.url());
    let command = match routes {
        Some(directory) => {
            command.variable("POUNDCAKE_ROUTES", directory.path().join("routes.yaml").display().to_string())
        }
        None => command,
    };
    let command = words.iter().chain(more).fold(command, |command, word| command.argument(*word));
    let (status, out, error) = command.run().await;
    assert!(status.success(), "{out}{error}");
    (out, error)
}

async fn a_replay_that_the_windows_do_not_let_start_in_time_says_how_many_would_expire(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["failed/expired"]);
    copy_first(&app.database, 371);
    label(&app.database, "HostDown", "web-1", "id > 0");
    let answer = dry_run(&app).await;
    let expected = json!({ "route": "hosts", "rows": 371, "start": 20, "held": { "rate": 351 }, "skipped": {},
        "would_expire": 251, "allowed_age_seconds": 21_600 });
    assert_eq!((&answer["matched"], &answer["guards"]), (&json!(371), &json!([expected])));
    let (out, error) = command(&app, Some(&directory), &[]).await;
    let said = "371 matched; nothing was changed (--dry-run)\nroute hosts: 371 alerts\n  start at once     20\n  held first, rate  351\n  \
        At least 251 of these 371 alerts would expire: they cannot start within 6 h 00 min.\n";
    assert_eq!(out, said, "{error}");
    let (out, error) = command(&app, None, &[]).await;
    assert_eq!(out, "371 matched; nothing was changed (--dry-run)\n");
    assert!(error.contains("set POUNDCAKE_ROUTES"), "{error}");
    let person = Person::sign_in(&app, "operator").await;
    let page = person.page("/order?order=replay&which=filter&dispatch_status=failed&range=all&back=%2F").await;
    for part in [
        "held first, rate</td><td class=\"num\">351</td>",
        "At least 251 of these 371 alerts would expire: they cannot start within 6 h 00 min.",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let discard = person.page("/order?order=discard&which=filter&dispatch_status=failed&range=all&back=%2F").await;
    assert!(!discard.contains("would expire"), "a discard starts nothing: {discard}");
}

async fn each_route_says_what_would_hold_its_alerts(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["failed/rejected"; 8]);
    label(&app.database, "DiskFull", "db-1", "id <= 2");
    label(&app.database, "DiskFull", "db-2", "id = 3");
    label(&app.database, "DiskFull", "db-3", "id = 4");
    label(&app.database, "Asked", "x", "id = 5");
    label(&app.database, "Old", "x", "id = 6");
    label(&app.database, "Else", "x", "id > 6");
    // db-3 was started a moment ago, and is running.
    app.database.execute(
        "UPDATE poundcake_alerts SET guard_target = 'db-3', started_at = CURRENT_TIMESTAMP, \
         dispatch_status = 'dispatching', dispatch_reason = NULL, next_attempt_at = '2099-01-01 00:00:00', dispatch_route = 'disks' WHERE id = 8",
    );
    let answer = dry_run(&app).await;
    let (out, error) = command(&app, Some(&directory), &["--output", "json"]).await;
    assert_eq!(serde_json::from_str(&out).ok(), Some(answer.clone()), "{error}");
    let guards = answer["guards"].as_array().unwrap();
    let of = |route: Value| guards.iter().find(|effect| effect["route"] == route).unwrap_or_else(|| panic!("{answer}"));
    let disks = of(json!("disks"));
    assert_eq!((&disks["rows"], &disks["held"]["target_rate"]), (&json!(4), &json!(2)), "{disks}");
    assert_eq!((&disks["start"], &disks["held"]["in_flight"]), (&json!(1), &json!(1)), "one of two places is free");
    assert_eq!(of(json!("asked"))["held"], json!({ "approval": 1 }));
    assert!(of(json!("asked")).get("would_expire").is_none(), "no clock knows when a person approves");
    assert_eq!(of(json!("old"))["skipped"], json!({ "route_off": 1 }));
    assert_eq!(of(Value::Null)["skipped"], json!({ "no_route": 1 }));
}
