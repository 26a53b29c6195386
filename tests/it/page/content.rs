//! What the pages show.

use super::{alerts, get, page};
use crate::{
    harness::{TestDatabase, client, on_both_stores},
    history::rows::{EXECUTION, REQUEST, fill, fill_executions, nth},
    http_api::app::{App, settings},
};
use poundcake::config::HttpSettings;
use serde_json::json;

on_both_stores! {
    async alert_text_stays_text_on_every_page,
    async lists_have_the_rows_that_their_address_chooses,
    async an_alert_has_its_timeline_what_was_sent_and_a_text,
    async now_says_the_worst_first,
}

const SCRIPT: &str = "<script>alert('x')</script>";

async fn alert_text_stays_text_on_every_page(database: TestDatabase) {
    let app = App::on(database);
    let alert = |status: &str| {
        json!({
            "status": status,
            "labels": {"alertname": "<b>Down</b>", "instance": SCRIPT, "severity": "\"><img src=x>", "a": SCRIPT},
            "annotations": {"runbook_url": "javascript:alert(1)", "summary": SCRIPT, "link": "https://runbooks.example.net/x"},
            "generatorURL": "javascript:alert(2)",
            "startsAt": "2026-11-20T10:00:00Z", "endsAt": "2026-11-20T10:05:00Z",
        })
    };
    let body = json!({"version": "4", "alerts": [alert("firing"), alert("resolved")]}).to_string();
    let request_id = app.accept(body).await["request_id"].as_str().unwrap().to_owned();
    let paths = ["/", "/alerts?range=all", "/alerts/1", "/alerts/2", &format!("/requests/{request_id}")];
    for path in paths {
        let text = page(&app, path).await;
        assert!(text.contains("&#60;b&#62;Down") || text.contains("&lt;b&gt;Down"), "{path}: {text}");
        assert_eq!(text.matches("<script").count(), 1, "{path}: its own");
        for raw in [SCRIPT, "<img", "<b>Down", "href=\"javascript:"] {
            assert!(!text.contains(raw), "{path} has {raw}");
        }
    }
    let text = page(&app, "/alerts/1").await;
    assert!(text.contains(r#"href="https://runbooks.example.net/x""#), "{text}");
    // What a person types is text too, and the error says what to write.
    let (status, text) = get(&app, "/alerts?dispatch_status=%3Cscript%3E").await;
    assert_eq!(status, 400);
    assert!(text.contains("dispatch_status") && text.matches("<script").count() == 1, "{text}");
}

/// Where `Older` leads.
fn older(text: &str) -> Option<String> {
    let (before, _) = text.split_once(r#"" rel="next">Older"#)?;
    Some(before.rsplit("href=\"").next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

async fn lists_have_the_rows_that_their_address_chooses(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    fill_executions(&app.database);
    let mut path = "/alerts?range=all&limit=4&severity=&instance=".to_owned();
    let mut seen = Vec::new();
    loop {
        let text = page(&app, &path).await;
        seen.extend(alerts(&text).into_iter().map(str::to_owned));
        let Some(next) = older(&text) else { break };
        path = next;
    }
    assert_eq!(seen, ["10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]);
    assert_eq!(alerts(&page(&app, "/alerts?range=all&dispatch_status=failed").await), ["10"]);
    assert_eq!(alerts(&page(&app, "/alerts?to=2026-11-20T10:00:03Z").await), ["2", "1"]);
    assert!(page(&app, "/alerts?alert_name=none").await.contains("No alert matches"));
    let found = async |q: &str| {
        let answer = client().get(app.url(&format!("/alerts?q={q}"))).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{q}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(found("A1").await, "/alerts?alert_name=A1");
    assert_eq!(found("db3").await, "/alerts?instance=db3");
    assert_eq!(found("A1+db3").await, "/alerts?alert_name=A1&instance=db3");
    assert_eq!(found("7&range=all").await, "/alerts/7");
    assert_eq!(found(REQUEST).await, format!("/requests/{REQUEST}"));
    assert_eq!(found(EXECUTION).await, format!("/executions/{EXECUTION}"));
    let executions = page(&app, "/executions?range=all&status=failed").await;
    assert!(executions.contains(&nth(EXECUTION, 3)) && !executions.contains(&nth(EXECUTION, 1)), "{executions}");
    let one = page(&app, &format!("/executions/{}", nth(EXECUTION, 1))).await;
    assert!(one.contains("core.task") && alerts(&one) == ["1"], "{one}");
    assert_eq!(get(&app, "/stats?range=12h").await.0, 400);
    assert!(page(&app, "/stats").await.contains("executions"));
}

async fn an_alert_has_its_timeline_what_was_sent_and_a_text(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    fill_executions(&app.database);
    let text = page(&app, "/alerts/3").await;
    for part in [
        "Received",
        "StackStorm was called",
        "+0.250 s",
        "Execution ended: failed",
        "action:core.noop",
        "and the execution failed",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What was sent, what came back, and the other alerts of its fingerprint.
    assert!(text.contains("&#34;a&#34;: 1") && text.contains("&#34;done&#34;"), "{text}");
    assert_eq!(alerts(&text), ["9", "6"]);
    let plain = text.split(r#"id="astext">"#).nth(1).unwrap();
    assert!(plain.starts_with("A1 db3 page, firing\nalert 3, fingerprint 0000000000000000"), "{plain}");
    let repeat = page(&app, "/alerts/4").await;
    assert!(repeat.contains("the same firing again"), "{repeat}");
    let webhook = page(&app, &format!("/requests/{}", nth(REQUEST, 3))).await;
    assert!(webhook.contains(">the body</pre>") && alerts(&webhook) == ["3"], "{webhook}");
    for missing in ["/alerts/99", "/requests/01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_eq!(get(&app, missing).await.0, 404);
    }
}

async fn now_says_the_worst_first(database: TestDatabase) {
    let app = App::on(database);
    assert!(page(&app, "/").await.contains("All well"));
    fill(&app.database);
    let text = page(&app, "/").await;
    assert!(text.contains("All well"), "what failed long ago is no news: {text}");
    assert_eq!(alerts(&text).first(), Some(&"10"));
    app.database.execute(
        "UPDATE poundcake_alerts SET dispatch_status = 'held', dispatch_reason = 'rate', next_attempt_at = '2099-01-01 00:00:00' \
         WHERE id IN (2, 4)",
    );
    let text = page(&app, "/").await;
    assert!(text.contains("Holding 2 alerts") && text.contains("2 by rate"), "{text}");
    app.database.execute(
        "UPDATE poundcake_alerts SET dispatch_status = 'pending', dispatch_reason = NULL, next_attempt_at = created_at, \
         pending_at = created_at WHERE id = 6",
    );
    let text = page(&app, "/").await;
    assert!(text.contains("1 alert is late") && text.contains("1 pending, the first due"), "{text}");
    assert!(text.contains("Also: holding 2 alerts."), "one does not hide the other: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_loads_nothing_from_elsewhere_and_its_files_are_kept() {
    let app = App::on(TestDatabase::sqlite());
    let answer = client().get(app.url("/")).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in
        [("x-frame-options", "DENY"), ("referrer-policy", "same-origin"), ("cache-control", "no-store")]
    {
        assert_eq!(answer.headers()[name], value);
    }
    let text = answer.text().await.unwrap();
    assert!(!text.contains("style=\"") && !text.contains("onclick"), "the policy forbids both");
    let files: Vec<&str> = text.split(['"']).filter(|part| part.starts_with("/page/")).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let answer = client().get(app.url(file)).send().await.unwrap();
        let kept = answer.headers()["cache-control"].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), kept.contains("immutable")), (200, file.contains("?v=")), "{file}");
        assert!(!answer.text().await.unwrap().contains("//cdn"), "{file}");
    }
    let stale = client().get(app.url("/page/style.css?v=0000000000000000")).send().await.unwrap();
    assert_eq!(stale.headers()["cache-control"], "no-cache", "another version must not be kept under this name");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_be_left_out() {
    let app = App::with(TestDatabase::sqlite(), &HttpSettings { page: false, ..settings() }).unwrap();
    for route in poundcake::http::all_routes().filter(|route| route.page) {
        let answer = client().request(route.method.parse().unwrap(), app.url(route.path)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{}", route.path);
    }
    assert_eq!(app.get("/api/v1/alerts").await.0, 200);
}
