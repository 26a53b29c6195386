//! The page in a real browser: Debian's chromium, driven by `tests/browser/check.py`. Screenshots go to `target/screenshots`.

use super::scene;
use crate::{
    harness::{Process, TestDatabase},
    http_api::app::{App, with_tokens},
};
use poundcake::http::{Checked, Shown};
use serde_json::json;
use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

/// Some hundred pages are drawn and checked.
const PATIENCE: Duration = Duration::from_mins(15);

/// The Python of a virtual environment, made on first use.
fn python() -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    let requirements = format!("{root}/tests/requirements/browser.txt");
    let made = Command::new(format!("{root}/tests/venv.sh")).args(["browser", "-r", &requirements]).output();
    let made = made.expect("tests/venv.sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()).join("bin/python")
}

fn doctor() -> poundcake::http::Doctor {
    let line = |level: &'static str, area: &'static str, check: &str, found: &str, advice: Option<&str>| Checked {
        level,
        area,
        check: check.to_owned(),
        found: found.to_owned(),
        advice: advice.map(str::to_owned),
    };
    let all = vec![
        line("ok", "database", "reachable", "db.example.net:3306/poundcake", None),
        line("ok", "database", "schema", "up to date", None),
        line(
            "wrong",
            "rabbitmq",
            "poundcake.dead",
            "3 messages",
            Some("look at them, then: rabbitmqctl purge_queue poundcake.dead"),
        ),
        line(
            "note",
            "tracker",
            "overdue",
            "7 followed, 1 for longer than POUNDCAKE_EXECUTION_DEADLINE",
            Some("st2 execution list --status running"),
        ),
        line("ok", "stackstorm", "reachable", "version 3.9.0, credentials accepted", None),
        line("unknown", "stackstorm", "webhook poundcake_alert", "no answer within 10 s", None),
    ];
    Arc::new(move || {
        let all = all.clone();
        Box::pin(async move { all })
    })
}

async fn order(app: &App, path: &str, body: serde_json::Value) {
    let post = crate::harness::client().post(app.url(path)).bearer_auth("operator-token").body(body.to_string());
    let answer = post.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_works_in_chromium_with_and_without_script() {
    let directory = tempfile::tempdir().unwrap();
    let routes = directory.path().join("routes.yaml");
    std::fs::write(&routes, scene::ROUTES).unwrap();
    let shown = Shown { routes: Some(routes), doctor: Some(doctor()), ..Shown::default() };
    let app = App::showing(TestDatabase::sqlite(), &with_tokens(&directory), shown).unwrap();
    scene::fill(&app.database);
    order(
        &app,
        "/api/v1/pauses",
        json!({ "matchers": ["cluster=\"edge-3\""], "reason": "switch replacement in edge-3", "for": "45m" }),
    )
    .await;
    let filter = json!({ "dispatch_status": "failed", "reason": "attempts_exhausted" });
    order(&app, "/api/v1/discards", json!({ "filter": filter, "reason": "handled in ticket OPS-2214" })).await;
    let root = env!("CARGO_MANIFEST_DIR");
    let check = Process::program(python(), "").argument(format!("{root}/tests/browser/check.py"));
    let check = check.argument(app.url("")).argument(format!("{root}/target/screenshots")).variable("HOME", ".");
    let running = check.start();
    let status = running.exited(PATIENCE).await;
    let output = running.output("stdout");
    assert!(status.success(), "{output}{}", running.output("stderr"));
    let posted = app.database.count("poundcake_api_calls WHERE operator = 'alice' AND path = '/api/v1/replays'");
    assert_eq!(posted, 1, "the one that the browser gave: {output}");
}
