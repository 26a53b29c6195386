//! What needs no token tells nothing of alerts.

use super::app::{App, with_tokens};
use crate::harness::{TestDatabase, client};
use poundcake::http::{Access, all_routes};
use serde_json::json;

/// In every field of a webhook and of its alerts.
const TEXT: &str = "TextOfAnAlert7Zq";

fn webhook() -> String {
    let alert = json!({
        "status": "firing",
        "labels": {"alertname": TEXT, "severity": TEXT, "instance": TEXT, "job": TEXT, TEXT: TEXT},
        "annotations": {"summary": TEXT, TEXT: TEXT},
        "generatorURL": format!("http://{TEXT}/"), "fingerprint": TEXT,
    });
    let unreadable = json!({"status": TEXT, "labels": {"alertname": TEXT}});
    let all = json!({"alerts": [alert, unreadable], "receiver": TEXT, "groupKey": TEXT, "externalURL": TEXT,
        "groupLabels": {TEXT: TEXT}, "commonLabels": {TEXT: TEXT}, "commonAnnotations": {TEXT: TEXT}});
    all.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn public_routes_show_no_text_of_alerts_also_while_the_database_fails() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let post = async || {
        let post = client().post(app.url("/api/v1/webhook")).bearer_auth("webhook-token").body(webhook());
        post.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post().await, 202);
    assert_eq!(app.database.count("poundcake_alerts"), 2);
    show_nothing(&app).await;
    app.database.execute("ALTER TABLE poundcake_alerts RENAME TO away");
    assert_eq!(post().await, 503);
    let ready = client().get(app.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    show_nothing(&app).await;
}

async fn show_nothing(app: &App) {
    for route in all_routes().filter(|route| route.access == Access::Public) {
        let request = client().request(route.method.parse().unwrap(), app.url(route.path));
        let answer = request.send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        let text = headers + &answer.text().await.unwrap();
        assert!(!text.to_ascii_lowercase().contains(&TEXT.to_ascii_lowercase()), "{}: {text}", route.path);
    }
}
