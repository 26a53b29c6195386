//! Routes, approvals, doctor and audit.

use super::{
    alerts, get, page,
    person::{Person, and, hidden},
};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::{App, settings},
    orders::given::{app, held},
};
use poundcake::http::{Checked, Shown};
use serde_json::json;
use std::sync::Arc;

on_both_stores! {
    async routes_show_their_limits_with_the_use_now,
    async a_brake_says_what_ends_it,
    async an_approval_shows_what_would_run_and_is_given_there,
    async the_audit_says_who_ordered_what_and_why,
}

const ROUTES: &str = r#"
guards: {max_in_flight: 100}
routes:
  - name: hosts
    match: alertname="HostDown"
    action: remediation.host_down_workflow
    parameters: {host: "${labels.instance}", password: secret}
    priority: 10
    guards:
      max_in_flight: 5
      rate: [2/h]
      per_target: {label: instance, rate: [3/h]}
      brake: {above: 20, within: 10m}
  - name: old
    match: alertname=~"Old.*"
    webhook: old
    mode: off
"#;

/// A server whose page knows a routes file.
fn with_routes(database: TestDatabase, directory: &tempfile::TempDir, text: &str) -> App {
    let file = directory.path().join("routes.yaml");
    std::fs::write(&file, text).unwrap();
    App::showing(database, &settings(), Shown { routes: Some(file), ..Shown::default() }).unwrap()
}

async fn routes_show_their_limits_with_the_use_now(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = with_routes(database, &directory, ROUTES);
    held(&app.database, &["held/rate", "held/rate", "dispatching", "dispatching", "failed/rejected"]);
    app.database.execute(
        "UPDATE poundcake_alerts SET started_at = CURRENT_TIMESTAMP, created_at = CURRENT_TIMESTAMP WHERE id > 2",
    );
    let text = page(&app, "/routes").await;
    for part in [
        "2 of 5 places",
        "2 of 2 in 1 h",
        "next start about",
        "3/h by instance",
        "2 of 100 places",
        "of 20 targets",
        "priority 10",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.contains("alertname=&#34;HostDown&#34;") && text.contains("Its alerts are skipped as route_off."),
        "{text}"
    );
    assert!(text.contains("/order?order=release&amp;which=filter&amp;route=hosts"), "{text}");
    assert!(text.contains("dispatch_status=held&#38;range=all\">2</a>"), "{text}");
    let labels = |text: &str| {
        format!("/routes?labels={}", url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())
    };
    let tried = page(&app, &labels(r#"alertname="HostDown", instance="<b>web-1""#)).await;
    assert!(
        tried.contains("held until the limits of the route allow it") && tried.contains("&#60;b&#62;web-1"),
        "{tried}"
    );
    assert!(!tried.contains(">secret<"), "a password is masked: {tried}");
    assert!(page(&app, &labels(r#"alertname="OldDisk""#)).await.contains("skipped, route_off"));
    assert!(page(&app, &labels(r#"alertname="Else""#)).await.contains("no route matches it"));
    assert!(page(&app, &labels(r#"alertname=~"Else""#)).await.contains("write labels with their values"));
    std::fs::write(directory.path().join("routes.yaml"), "routes: [{match: x}]").unwrap();
    let broken = page(&app, "/routes").await;
    assert!(broken.contains("keep their old routes") && broken.contains("routes file"), "{broken}");
}

async fn a_brake_says_what_ends_it(database: TestDatabase) {
    let route = |name: &str, release: &str| {
        format!(
            "  - {{name: {name}, match: 'alertname=\"{name}\"', action: core.noop, guards: {{brake: {{above: 20, within: 10m, release: {release}}}}}}}\n"
        )
    };
    let directory = tempfile::tempdir().unwrap();
    let text = format!("routes:\n{}{}", route("hosts", "auto"), route("racks", "by_hand"));
    let app = with_routes(database, &directory, &text);
    let on = |name: &str| format!(r#""{name}":{{"since":"2026-12-01T03:14:00Z"}}"#);
    let body = format!(r#"{{"brakes":{{{},{},{}}}}}"#, on("hosts"), on("racks"), on("gone"));
    app.database.execute(&format!("UPDATE poundcake_api_calls SET body = '{body}' WHERE id = -1"));
    let text = page(&app, "/").await;
    for (name, end) in [
        ("hosts", "until enough of them resolve, or a person releases the route"),
        ("racks", "until a person releases the route"),
        ("gone", "until it lets go as its routes file says, or a person releases the route"),
    ] {
        let row =
            text.split(&format!("Route {name}: too many targets at once")).nth(1).unwrap_or_else(|| panic!("{text}"));
        let row = row.split("</li>").next().unwrap();
        assert!(row.contains(&format!(">{end}</span>")), "{name}: {row}");
    }
}

async fn an_approval_shows_what_would_run_and_is_given_there(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/approval", "held/approval", "held/brake"]);
    let log = json!([{ "at": chrono::Utc::now().to_rfc3339(), "event": "shown", "detail": "action:remediation.rejoin",
        "digest": "d", "parameters": { "instance": "<i>db-3", "password": "********" } }]);
    app.database.execute(&format!("UPDATE poundcake_alerts SET dispatch_log = '{log}' WHERE id = 1"));
    let (alice, vera) = (Person::sign_in(&app, "alice").await, Person::sign_in(&app, "vera").await);
    let text = alice.page("/approvals").await;
    assert_eq!(alerts(&text).len(), 2, "{text}");
    for part in [
        "2 alerts wait",
        "action:remediation.rejoin",
        "&#60;i&#62;db-3",
        "********",
        "has not shown yet",
        "not remediated",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!vera.page("/approvals").await.contains("<form method=\"post\" action=\"/order\""));
    let first = text.split("class=\"decide\"").nth(1).map(hidden).unwrap();
    let first: Vec<_> = first.into_iter().take(3).collect();
    let id = first[0].1.clone();
    let approve = and(and(first, "order", if id == "1" { "approve" } else { "reject" }), "why", "seen");
    let done = alice.press("/order", &approve).await;
    assert!(done.contains("1 alert waits") && done.contains("1 matched, 1"), "{done}");
}

async fn the_audit_says_who_ordered_what_and_why(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/brake", "failed/rejected"]);
    let alice = Person::sign_in(&app, "alice").await;
    assert!(alice.page("/audit").await.contains("No order was given yet"));
    let asked = alice.page("/order?order=discard&id=1").await;
    alice.press("/order", &and(hidden(&asked), "why", "known <b>issue")).await;
    let pause = [("scope", "route"), ("route", "hosts"), ("for", "15m"), ("why", "power works")];
    alice.press("/pause", &pause.map(|(name, value)| (name.to_owned(), value.to_owned()))).await;
    let text = alice.page("/audit").await;
    for part in [
        ">Discard</a>",
        "alert 1",
        "1 matched, 1 discarded",
        "known &#60;b&#62;issue",
        ">Pause</a>",
        "route hosts",
        "power works",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.find(">Pause</a>").unwrap() < text.find(">Discard</a>").unwrap(), "newest first");
    assert!(alice.page("/audit?operator=bob").await.contains("No order matches"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_lists_problems_first() {
    let checked = |level: &'static str, found: &str| Checked {
        level,
        area: "rabbitmq",
        check: "poundcake.dead".to_owned(),
        found: found.to_owned(),
        advice: (level == "wrong").then(|| "look at <them>".to_owned()),
    };
    let all = vec![checked("ok", "0 messages"), checked("note", "slow"), checked("wrong", "3 messages")];
    let doctor = Arc::new(move || -> std::pin::Pin<Box<dyn Future<Output = Vec<Checked>> + Send>> {
        let all = all.clone();
        Box::pin(async move { all })
    });
    let shown = Shown { doctor: Some(doctor), ..Shown::default() };
    let app = App::showing(TestDatabase::sqlite(), &settings(), shown).unwrap();
    let text = page(&app, "/doctor").await;
    assert!(text.contains("1 wrong") && text.contains("1 note") && text.contains("look at &#60;them&#62;"), "{text}");
    let at = |part: &str| text.find(part).unwrap();
    assert!(
        at("3 messages") < at("slow") && at("slow") < at("In order") && at("In order") < at("0 messages"),
        "{text}"
    );
    let without = App::on(TestDatabase::sqlite());
    assert_eq!(get(&without, "/doctor").await.0, 503);
}
