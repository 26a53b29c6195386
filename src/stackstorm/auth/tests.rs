//! Logins and keys, against real sockets.

use crate::{
    secret::Secret,
    stackstorm::{
        Client, Config, Credentials, LookupError,
        test_server::{Do, TestServer},
    },
};
use std::time::Duration;

const VERSION: &str = r#"{"version":"3.9.0","docs_url":"http://docs.stackstorm.com/3.9"}"#;

fn granted(token: &str) -> Do {
    let body =
        format!(r#"{{"user":"st2admin","token":"{token}","expiry":"2126-11-23T00:18:47.634691Z","metadata":{{}}}}"#);
    Do::Reply(201, "", body)
}

fn ok() -> Do {
    Do::Reply(200, "", VERSION.to_owned())
}

fn unauthorized() -> Do {
    Do::Reply(401, "", r#"{"faultstring":"Unauthorized"}"#.to_owned())
}

fn client(api: &TestServer, credentials: Credentials) -> Client {
    let timeout = Duration::from_secs(20);
    Client::new(Config { api_url: api.url.clone(), credentials, ca_file: None, timeout }).unwrap()
}

fn login(auth: &TestServer) -> Credentials {
    Credentials::Login {
        auth_url: auth.url.join("/tokens").unwrap(),
        username: "st2admin".to_owned(),
        password: Secret::Value("Ch@ngeMe".into()),
    }
}

#[tokio::test]
async fn one_login_serves_many_requests_at_once() {
    let (api, auth) = (TestServer::start(vec![ok()]).await, TestServer::start(vec![granted("t1")]).await);
    let client = client(&api, login(&auth));
    let pings = (0..8).map(|_| client.ping());
    for version in futures_util::future::join_all(pings).await {
        assert_eq!(version.unwrap().version, "3.9.0");
    }
    let [request] = <[String; 1]>::try_from(auth.seen()).unwrap();
    assert!(request.starts_with("POST /tokens HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Basic c3QyYWRtaW46Q2hAbmdlTWU=\r\n"), "{request}");
    assert!(api.seen().iter().all(|request| request.contains("x-auth-token: t1\r\n")));
}

#[tokio::test]
async fn a_refused_token_is_replaced_for_the_next_request_and_nothing_is_sent_twice() {
    let api = TestServer::start(vec![unauthorized(), ok()]).await;
    let auth = TestServer::start(vec![granted("t1"), granted("t2")]).await;
    let client = client(&api, login(&auth));
    assert!(matches!(client.ping().await, Err(LookupError::Unauthorized(_))));
    assert_eq!(api.seen().len(), 1);
    client.ping().await.unwrap();
    assert!(api.seen()[1].contains("x-auth-token: t2\r\n"));
}

#[tokio::test]
async fn a_refused_login_is_unauthorized_and_a_lost_one_is_unavailable() {
    let api = TestServer::start(vec![ok()]).await;
    let auth = TestServer::start(vec![unauthorized(), Do::Close]).await;
    let client = client(&api, login(&auth));
    assert!(matches!(client.ping().await, Err(LookupError::Unauthorized(_))));
    assert!(matches!(client.ping().await, Err(LookupError::Unavailable(_))));
    assert_eq!(api.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn who_waited_for_a_failed_login_does_not_try_another() {
    let api = TestServer::start(vec![ok()]).await;
    let auth = TestServer::start(vec![unauthorized()]).await;
    let client = client(&api, login(&auth));
    let pings = futures_util::future::join_all((0..8).map(|_| client.ping())).await;
    assert!(pings.iter().all(|ping| matches!(ping, Err(LookupError::Unauthorized(_)))));
    assert_eq!(auth.seen().len(), 1);
}

#[tokio::test]
async fn a_rotated_key_file_counts_for_the_next_request() {
    let api = TestServer::start(vec![unauthorized(), ok()]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "old\n").unwrap();
    let client = client(&api, Credentials::ApiKey(Secret::File(file.path().to_owned())));
    assert!(matches!(client.ping().await, Err(LookupError::Unauthorized(_))));
    std::fs::write(file.path(), "new\n").unwrap();
    client.ping().await.unwrap();
    let seen = api.seen();
    assert!(seen[0].contains("st2-api-key: old\r\n") && seen[1].contains("st2-api-key: new\r\n"), "{seen:?}");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_or_sent_is_told_without_its_content() {
    let api = TestServer::start(vec![ok()]).await;
    let missing = client(&api, Credentials::ApiKey(Secret::File("/nonexistent/key".into())));
    let Err(LookupError::Unauthorized(message)) = missing.ping().await else { panic!("let in without a key") };
    assert!(message.contains("/nonexistent/key"), "{message}");
    let odd = client(&api, Credentials::ApiKey(Secret::Value("hunter2\nx".into())));
    let Err(LookupError::Unauthorized(message)) = odd.ping().await else { panic!("let in with a broken key") };
    assert!(!message.contains("hunter2"), "{message}");
    assert!(!format!("{odd:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_short_lived_token_is_renewed_before_it_ends_by_stackstorms_clock() {
    let short = |token: &str, expiry: &str| {
        let body = format!(r#"{{"user":"u","token":"{token}","expiry":"{expiry}","metadata":{{}}}}"#);
        Do::Reply(201, "Date: Sun, 22 Nov 2026 00:18:00 GMT\r\n", body)
    };
    // 3 s by StackStorm's clock, long over by this host's; the next one lives for a day.
    let script = vec![short("t1", "2026-11-22T00:18:03Z"), short("t2", "2026-11-23T00:18:00Z")];
    let (api, auth) = (TestServer::start(vec![ok()]).await, TestServer::start(script).await);
    let client = client(&api, login(&auth));
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    client.ping().await.unwrap();
    while auth.seen().len() < 2 {
        assert!(std::time::Instant::now() < deadline, "a token of 3 s is used for longer");
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.ping().await.unwrap();
    }
    client.ping().await.unwrap();
    assert_eq!(auth.seen().len(), 2);
    let seen = api.seen();
    assert!(seen[0].contains("x-auth-token: t1\r\n") && seen.last().unwrap().contains("x-auth-token: t2\r\n"));
}
