//! Who may call what.

use super::app::{App, WEBHOOK, problem, settings, with_tokens};
use crate::harness::{TestDatabase, client, eventually};
use poundcake::{
    config::{HttpSettings, ListenAddress},
    database::{Database, connect::DatabaseUrl},
    http::{Parts, Role, serve},
    metrics::Metrics,
};
use reqwest::RequestBuilder;
use std::{net::SocketAddr, time::Duration};
use tokio_util::sync::CancellationToken;

const BODY: &str = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;

fn request(app: &App, method: &str, path: &str) -> RequestBuilder {
    client().request(method.parse().unwrap(), app.url(path)).body(BODY)
}

#[tokio::test(flavor = "multi_thread")]
async fn bearer_and_basic_both_get_in_and_only_the_wrong_ones_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let post = || request(&app, "POST", WEBHOOK);
    let tries = [
        (202, post().bearer_auth("webhook-token")),
        (202, post().basic_auth("am", Some("webhook-token"))),
        (401, post().basic_auth("alice", Some("webhook-token"))),
        (401, post().basic_auth("am", Some("operator-token"))),
        (401, post().header("authorization", "Custom webhook-token")),
        (401, post().query(&[("token", "webhook-token")])),
    ];
    for (expected, request) in tries {
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_rotated_by_rewriting_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let post =
        async |token: &str| request(&app, "POST", WEBHOOK).bearer_auth(token).send().await.unwrap().status().as_u16();
    let file = directory.path().join("webhook");
    std::fs::write(&file, "am:webhook-token\nam:next-token\n").unwrap();
    eventually("the new token gets in", Duration::from_secs(10), async || match post("next-token").await {
        202 => Ok(()),
        status => Err(status),
    })
    .await;
    assert_eq!(post("webhook-token").await, 202);
    std::fs::write(&file, "am:next-token\n").unwrap();
    eventually("the old one does not any more", Duration::from_secs(10), async || match post("webhook-token").await {
        // Asked often enough, it is one wrong token too many.
        401 | 429 => Ok(()),
        status => Err(status),
    })
    .await;
    assert_eq!(post("next-token").await, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_can_reach_is_refused_without_both_tokens_files() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = with_tokens(&directory);
    let listen = || ListenAddress::from(SocketAddr::from(([0, 0, 0, 0], 0)));
    let refused =
        |settings: HttpSettings| App::with(TestDatabase::sqlite(), &settings).err().expect("not started").to_string();
    let none = refused(HttpSettings { listen: listen(), ..settings() });
    assert!(none.contains("POUNDCAKE_WEBHOOK_TOKENS_FILE and POUNDCAKE_OPERATOR_TOKENS_FILE"), "{none}");
    let one = refused(HttpSettings { listen: listen(), operator_tokens_file: None, ..tokens.clone() });
    assert!(one.contains("set POUNDCAKE_OPERATOR_TOKENS_FILE to"), "{one}");
    let app = App::with(TestDatabase::sqlite(), &HttpSettings { listen: listen(), ..tokens }).unwrap();
    assert!(app.address.port() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_probes_needs_no_tokens_and_has_nothing_but_them() {
    let database = TestDatabase::sqlite();
    let store = Database::new(DatabaseUrl::parse(&database.url()).unwrap(), 2);
    let (stop, metrics) = (CancellationToken::new(), Metrics::new().unwrap());
    let listener = super::app::listener(&SocketAddr::from(([0, 0, 0, 0], 0)).into());
    let address = listener.addresses()[0];
    let server = serve(&settings(), Role::Probes, listener, Parts { store, metrics, stop: stop.clone() }).unwrap();
    let running = tokio::spawn(server);
    for (path, expected) in [("/livez", 200), ("/readyz", 200), ("/metrics", 200), (WEBHOOK, 404)] {
        let url = format!("http://127.0.0.1:{}{path}", address.port());
        assert_eq!(client().get(url).send().await.unwrap().status().as_u16(), expected, "{path}");
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_of_another_origin_changes_nothing() {
    let app = App::on(TestDatabase::sqlite());
    for path in
        [WEBHOOK, "/api/v1/replays", "/api/v1/discards", "/api/v1/releases", "/api/v1/approvals", "/api/v1/pauses"]
    {
        let posted = request(&app, "POST", path).header("origin", "http://evil.example").send().await.unwrap();
        problem(posted, 403).await;
    }
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 0);
    let posted = request(&app, "POST", WEBHOOK).header("origin", app.url("")).send().await.unwrap();
    assert_eq!(posted.status(), 202);
}
