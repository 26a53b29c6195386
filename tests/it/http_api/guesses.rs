//! Wrong tokens are limited by address, right ones never.

use super::app::{App, WEBHOOK, problem, with_tokens};
use crate::harness::{TestDatabase, client};
use reqwest::RequestBuilder;

const BODY: &str = r#"{"alerts":[]}"#;

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_wrong_tokens_further_ones_are_429_and_right_ones_are_taken_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let read = |token: &str| client().get(app.url("/api/v1/alerts")).bearer_auth(token);
    let post = |token: &str| client().post(app.url(WEBHOOK)).bearer_auth(token).body(BODY);
    for guess in 0..5 {
        assert_eq!(status(read(&format!("guess-{guess}"))).await, 401);
        assert_eq!(status(post(&format!("guess-{guess}"))).await, 401);
    }
    for request in [read("guess"), post("guess"), client().get(app.url("/alerts")).basic_auth("alice", Some("guess"))] {
        let refused = request.send().await.unwrap();
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"60".parse().unwrap()));
        assert_eq!(refused.headers()["connection"], "close", "the next guess takes a connection of its own");
    }
    let refused = problem(read("guess").send().await.unwrap(), 429).await;
    assert!(refused["detail"].as_str().unwrap().contains("wait a minute"), "{refused}");
    // From the same address, as behind a proxy.
    assert_eq!(status(read("operator-token")).await, 200);
    assert_eq!(status(read("viewer-token")).await, 200);
    assert_eq!(status(post("webhook-token")).await, 202);
    assert_eq!(status(read("webhook-token")).await, 403, "known, and not enough: no guess");
    assert_eq!(
        status(client().get(app.url("/api/v1/alerts"))).await,
        401,
        "a request without a token does not count as a wrong one"
    );
    let form = client().post(app.url("/login")).body("token=operator-token");
    assert_eq!(status(form).await, 303, "the form counts by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn right_tokens_and_sessions_cost_no_tries() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    for _ in 0..15 {
        assert_eq!(status(client().post(app.url(WEBHOOK)).bearer_auth("webhook-token").body(BODY)).await, 202);
        let ended = client().get(app.url("/alerts")).header("cookie", "poundcake_session=1.a.b");
        assert_eq!(status(ended).await, 303, "an expired session does not count as a wrong token");
    }
    assert_eq!(status(client().get(app.url("/api/v1/alerts")).bearer_auth("guess")).await, 401);
}
