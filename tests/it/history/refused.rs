//! Questions that cannot be answered, and answers that say what is missing.

use super::rows::{EXECUTION, fill, nth};
use crate::{
    harness::{TestDatabase, client, on_both_stores},
    http_api::app::{App, problem},
};

on_both_stores! {
    async a_missing_object_is_404,
    async without_stackstorms_tables_history_answers_and_says_what_is_missing,
}

async fn refused(app: &App, path: &str, status: u16) -> serde_json::Value {
    problem(client().get(app.url(path)).send().await.unwrap(), status).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_cannot_be_used_is_named() {
    let app = App::on(TestDatabase::sqlite());
    let (_, page) = app.get("/api/v1/requests?limit=1").await;
    assert!(page["next"].is_null());
    for (path, parameter, detail) in [
        ("/api/v1/alerts?serverity=page", "serverity", "did you mean severity?"),
        ("/api/v1/alerts?completely_else=1", "completely_else", "known are request_id"),
        ("/api/v1/alerts?limit=0", "limit", "from 1 to 500"),
        ("/api/v1/alerts?limit=501", "limit", "from 1 to 500"),
        ("/api/v1/alerts?limit=", "limit", "from 1 to 500"),
        ("/api/v1/alerts?severity=a&severity=b", "severity", "given twice"),
        ("/api/v1/alerts?dispatch_status=lost", "dispatch_status", "known are: pending, queued"),
        ("/api/v1/alerts?reason=why", "reason", "known are: resolved"),
        ("/api/v1/alerts?status=pending", "status", "known are: firing, resolved"),
        ("/api/v1/alerts?fingerprint=xyz", "fingerprint", "16 hex digits"),
        ("/api/v1/alerts?request_id=a%20b", "request_id", "a request id is a UUID"),
        ("/api/v1/alerts?from=yesterday", "from", "RFC 3339"),
        ("/api/v1/alerts?from=2026-11-22T01:00:00+01:00", "from", "%2B"),
        ("/api/v1/alerts?next=42", "next", "not a cursor of this list"),
        // A cursor of another list.
        ("/api/v1/alerts?next=cmVxdWVzdHMvMS8x", "next", "not a cursor of this list"),
        ("/api/v1/alerts/0", "id", "a number from 1"),
        ("/api/v1/alerts/x", "id", "a number from 1"),
        ("/api/v1/alerts/1?verbose=1", "verbose", "there are none here"),
        ("/api/v1/executions?status=done", "status", "known are: requested"),
        ("/api/v1/executions?alert_id=-1", "alert_id", "a number from 1"),
        ("/api/v1/executions/a%20b", "st2_execution_id", "1 to 36 letters"),
        ("/api/v1/requests?status_code=1", "status_code", "an HTTP status"),
        ("/api/v1/requests/a%20b", "request_id", "a request id is a UUID"),
        ("/api/v1/stats?from=2026-11-22T01:00:00Z&to=2026-11-22T01:00:00Z", "from", "earlier than to"),
        ("/api/v1/stats?limit=1", "limit", "known are from, to"),
        ("/api/v1/openapi.json?x=1", "x", "there are none here"),
    ] {
        let body = refused(&app, path, 400).await;
        assert_eq!(body["parameter"], parameter, "{path}: {body}");
        let seen = body["detail"].as_str().unwrap();
        assert!(seen.contains(parameter) && seen.contains(detail), "{path}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_megabytes_is_not_sent_back() {
    let app = App::on(TestDatabase::sqlite());
    let body = refused(&app, &format!("/api/v1/alerts?{}=1", "x".repeat(5_000)), 400).await;
    assert!(body.to_string().len() < 1_000);
}

async fn a_missing_object_is_404(database: TestDatabase) {
    let app = App::on(database);
    super::rows::fill_executions(&app.database);
    for path in
        ["/api/v1/alerts/1", "/api/v1/alerts/9223372036854775807", &format!("/api/v1/executions/{}", nth(EXECUTION, 9))]
    {
        refused(&app, path, 404).await;
    }
}

async fn without_stackstorms_tables_history_answers_and_says_what_is_missing(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    for path in ["/api/v1/alerts", "/api/v1/alerts/1", "/api/v1/executions", "/api/v1/stats?from=2026-11-20T00:00:00Z"]
    {
        let (status, answer) = app.get(path).await;
        assert_eq!((status, &answer["execution_db"]["available"]), (200, &false.into()), "{path}: {answer}");
        let detail = answer["execution_db"]["detail"].as_str().unwrap();
        assert!(detail.contains("execution_db") && detail.contains("poundcake migrate up"), "{detail}");
    }
    let (_, alert) = app.get("/api/v1/alerts/1").await;
    assert_eq!(alert["links"][0]["st2_execution_id"], nth(EXECUTION, 1));
    let body = refused(&app, "/api/v1/executions?status=failed", 503).await;
    assert!(body["detail"].as_str().unwrap().contains("this needs StackStorm's tables"), "{body}");
    let (status, execution) = app.get(&format!("/api/v1/executions/{}", nth(EXECUTION, 1))).await;
    assert_eq!((status, &execution["alerts"][0]["id"]), (200, &1.into()), "a link leads to its alert all the same");
}
