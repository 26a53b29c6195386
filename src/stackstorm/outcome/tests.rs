//! Outcomes, from real sockets for all that has to do with the wire, and from statuses and bodies for the rest.

use super::*;
use crate::{
    model::target::{ActionRef, WebhookName},
    secret::Secret,
    stackstorm::{
        Client, Config, Credentials, NewExecution, WebhookPost,
        test_server::{Do, TestServer, client_of, later},
    },
};
use serde_json::Map;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use url::Url;

const CREATED: &str = r#"{"id":"6b02354e3117e68b4306be78","status":"requested"}"#;

async fn trigger_before(client: &Client, not_after: Instant) -> Trigger {
    let action = ActionRef::parse("remediation.host_down_workflow").unwrap();
    let (parameters, context) = (Map::new(), Map::new());
    let new = NewExecution {
        action: &action,
        parameters: &parameters,
        context: &context,
        trace_tag: "poundcake:t",
        not_after,
    };
    client.create_execution(new).await
}

async fn trigger(client: &Client) -> Trigger {
    trigger_before(client, later()).await
}

async fn post(client: &Client) -> WebhookOutcome {
    let name = WebhookName::parse("poundcake_alert").unwrap();
    client
        .post_webhook(WebhookPost { name: &name, body: &Map::new(), trace_tag: "poundcake:t", not_after: later() })
        .await
}

async fn both(url: &Url, timeout: Duration) -> (Trigger, WebhookOutcome) {
    let client = client_of(url, timeout);
    (trigger(&client).await, post(&client).await)
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn assert_not_sent(outcome: &(Trigger, WebhookOutcome), words: &str) {
    let (Trigger::NotSent { message }, WebhookOutcome::NotSent { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(message.contains(words), "{message}");
}

fn assert_uncertain(outcome: &(Trigger, WebhookOutcome)) {
    assert!(matches!(outcome, (Trigger::Uncertain { .. }, WebhookOutcome::Watch { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert_not_sent(&both(&url, LONG).await, "refused");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_was_not_sent() {
    // A label over 63 characters is refused by the resolver itself, with or without a network.
    let url = Url::parse(&format!("http://{}.invalid:9101/v1", "x".repeat(70))).unwrap();
    assert_not_sent(&both(&url, LONG).await, "dns");
}

fn https_client(listener: &TcpListener, timeout: Duration) -> Client {
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), include_str!("../tls/test-cert.pem")).unwrap();
    let api_url = Url::parse(&format!("https://{}/v1", listener.local_addr().unwrap())).unwrap();
    let credentials = Credentials::ApiKey(Secret::Value("k".into()));
    Client::new(Config { api_url, credentials, ca_file: Some(ca.path().to_owned()), timeout }).unwrap()
}

#[tokio::test]
async fn a_tls_handshake_with_a_plaintext_server_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = https_client(&listener, LONG);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    assert_not_sent(&(trigger(&client).await, post(&client).await), "InvalidContentType");
}

#[tokio::test]
async fn a_tls_handshake_that_is_never_answered_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Connecting may take half of it: far enough apart for a machine that stands still for a while.
    let client = https_client(&listener, Duration::from_secs(4));
    assert_not_sent(&(trigger(&client).await, post(&client).await), "timed out");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_uncertain_and_the_post_is_written_once() {
    let server = TestServer::start(vec![Do::Close]).await;
    assert_uncertain(&both(&server.url, LONG).await);
    assert_eq!(server.seen().len(), 2, "one execution, one webhook, no second try of either");
}

#[tokio::test]
async fn a_connection_that_is_reset_at_once_is_uncertain_and_no_second_one_is_tried() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            // Bytes that were sent and not read turn the close into a reset.
            stream.readable().await.unwrap();
        }
    });
    assert_uncertain(&both(&url, LONG).await);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_closes_what_it_kept_unread_closes_no_post() {
    let server = TestServer::start(vec![Do::ReplyOnce(201, CREATED.to_owned())]).await;
    let client = server.client();
    assert!(matches!(trigger(&client).await, Trigger::Accepted(_)));
    assert!(matches!(trigger(&client).await, Trigger::Accepted(_)));
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.contains("connection: close\r\n")), "{seen:?}");
}

#[tokio::test]
async fn no_answer_within_the_timeout_is_uncertain() {
    let server = TestServer::start(vec![Do::Hang]).await;
    assert_uncertain(&both(&server.url, SHORT).await);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_server_that_accepts_and_never_reads_is_uncertain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    assert_uncertain(&both(&url, SHORT).await);
}

#[tokio::test]
async fn half_an_answer_counts_by_its_status_line_alone() {
    let half = "HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{\"id\":\"6b02354e31";
    let server = TestServer::start(vec![Do::Write(half)]).await;
    assert_uncertain(&both(&server.url, LONG).await);
    let server = TestServer::start(vec![Do::Write("HTTP/1.1 20")]).await;
    assert_uncertain(&both(&server.url, LONG).await);
    let server = TestServer::start(vec![Do::Write("HTTP/1.1 202 Accepted\r\nContent-Length: 900\r\n\r\n{")]).await;
    assert_eq!(post(&server.client()).await, WebhookOutcome::Accepted);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_is_rejected_with_a_hint() {
    let server = TestServer::start(vec![Do::Reply(301, "Location: /v1/elsewhere\r\n", String::new())]).await;
    let (Trigger::Rejected { status: 301, message }, WebhookOutcome::Rejected { status: 301, .. }) =
        both(&server.url, LONG).await
    else {
        panic!("not rejected")
    };
    assert!(message.contains("ST2_API_URL"), "{message}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn nothing_is_written_once_the_claim_is_too_old() {
    let server = TestServer::replying(201, CREATED).await;
    let yesterday = Instant::now().checked_sub(Duration::from_millis(1)).unwrap();
    assert!(matches!(trigger_before(&server.client(), yesterday).await, Trigger::TooLate { .. }));
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_posted_is_what_the_contract_says() {
    let server = TestServer::replying(201, CREATED).await;
    both(&server.url, LONG).await;
    let [execution, webhook] = <[String; 2]>::try_from(server.seen()).unwrap();
    assert!(execution.starts_with("POST /v1/executions HTTP/1.1\r\n"), "{execution}");
    assert!(execution.contains("st2-api-key: the-key\r\n"));
    let body = r#"{"action":"remediation.host_down_workflow","parameters":{},"context":{"trace_context":{"trace_tag":"poundcake:t"}}}"#;
    assert!(execution.ends_with(body), "{execution}");
    assert!(webhook.starts_with("POST /v1/webhooks/poundcake_alert HTTP/1.1\r\n"), "{webhook}");
    assert!(webhook.contains("st2-trace-tag: poundcake:t\r\n"));
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status: StatusCode::from_u16(status).unwrap(), total: None, body: Ok(body.as_bytes().to_vec()) }
}

/// The variant's name: what a table of outcomes compares.
fn kind(outcome: &impl std::fmt::Debug) -> String {
    format!("{outcome:?}").split([' ', '(']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_status_has_its_meaning() {
    let nginx = "<html><body>nginx</body></html>";
    for (status, body, trigger, webhook) in [
        (201, CREATED, "Accepted", "Watch"),
        (200, CREATED, "Accepted", "Watch"),
        (201, r#"{"status":"requested"}"#, "Uncertain", "Watch"),
        (201, r#"{"id":""}"#, "Uncertain", "Watch"),
        (200, nginx, "Uncertain", "Watch"),
        (202, "{}", "Uncertain", "Accepted"),
        (302, "", "Rejected", "Rejected"),
        (400, r#"{"faultstring":"'instance' is a required property"}"#, "Rejected", "Rejected"),
        (401, r#"{"faultstring":"Unauthorized"}"#, "Unauthorized", "Unauthorized"),
        (403, r#"{"faultstring":"no permission"}"#, "Rejected", "Rejected"),
        (404, r#"{"faultstring":"Webhook nosuch not registered with st2"}"#, "Rejected", "Rejected"),
        (408, "", "Uncertain", "Watch"),
        (413, nginx, "Rejected", "Rejected"),
        (429, "", "Uncertain", "Watch"),
        (500, r#"{"faultstring":"'NoneType' object has no attribute 'channel'"}"#, "Uncertain", "PostAgain"),
        (500, nginx, "Uncertain", "Watch"),
        (500, r#"{"message":"a gateway's JSON"}"#, "Uncertain", "Watch"),
        (502, nginx, "Uncertain", "Watch"),
        (502, r#"{"faultstring":"x"}"#, "Uncertain", "Watch"),
        (503, nginx, "Uncertain", "Watch"),
        (504, r#"{"faultstring":"x"}"#, "Uncertain", "Watch"),
    ] {
        assert_eq!(kind(&Trigger::decide(Ok(answer(status, body)))), trigger, "POST /executions: {status} {body}");
        assert_eq!(kind(&WebhookOutcome::decide(Ok(answer(status, body)))), webhook, "POST /webhooks: {status} {body}");
    }
}

#[test]
fn a_wrong_api_url_is_hinted_at_and_an_unknown_webhook_is_not_one() {
    let hinted = |body: &str| match WebhookOutcome::decide(Ok(answer(404, body))) {
        WebhookOutcome::Rejected { message, .. } => message.contains("ST2_API_URL"),
        other => panic!("{other:?}"),
    };
    assert!(hinted(r#"{"faultstring":"The resource could not be found."}"#));
    assert!(hinted("<html>404</html>"));
    assert!(!hinted(r#"{"faultstring":"Webhook nosuch not registered with st2"}"#));
}
