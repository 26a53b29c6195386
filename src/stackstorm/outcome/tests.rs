//! Outcomes: on real sockets for everything about connections, and from statuses and bodies for the rest.

use super::*;
use crate::{
    model::target::{ActionRef, WebhookName},
    secret::Secret,
    stackstorm::{
        Client, Config, Credentials, ExecutionId, NewExecution, WebhookPost,
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

type Both = (Outcome<ExecutionId>, Outcome<()>);

const CREATED: &str = r#"{"id":"6b02354e3117e68b4306be78","status":"requested"}"#;

async fn trigger_before(client: &Client, not_after: Instant) -> Outcome<ExecutionId> {
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

async fn trigger(client: &Client) -> Outcome<ExecutionId> {
    trigger_before(client, later()).await
}

async fn post(client: &Client) -> Outcome<()> {
    let name = WebhookName::parse("poundcake_alert").unwrap();
    client
        .post_webhook(WebhookPost { name: &name, body: &Map::new(), trace_tag: "poundcake:t", not_after: later() })
        .await
}

async fn both(url: &Url, timeout: Duration) -> Both {
    let client = client_of(url, timeout);
    (trigger(&client).await, post(&client).await)
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn assert_not_sent(outcome: &Both, words: &str) {
    let (Outcome::NotSent { message }, Outcome::NotSent { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(message.contains(words), "{message}");
}

fn assert_uncertain(outcome: &Both, silent: bool) {
    let (Outcome::Uncertain { silent: direct, .. }, Outcome::Uncertain { silent: webhook, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((*direct, *webhook), (silent, silent), "{outcome:?}");
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
    assert_uncertain(&both(&server.url, LONG).await, false);
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
    assert_uncertain(&both(&url, LONG).await, false);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_closes_what_it_kept_unread_closes_no_post() {
    let server = TestServer::start(vec![Do::ReplyOnce(201, CREATED.to_owned())]).await;
    let client = server.client();
    assert!(matches!(trigger(&client).await, Outcome::Accepted(_)));
    assert!(matches!(trigger(&client).await, Outcome::Accepted(_)));
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.contains("connection: close\r\n")), "{seen:?}");
}

#[tokio::test]
async fn no_answer_within_the_timeout_is_uncertain_and_silent() {
    let server = TestServer::start(vec![Do::Hang]).await;
    assert_uncertain(&both(&server.url, SHORT).await, true);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_server_that_accepts_and_never_reads_is_uncertain_and_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    assert_uncertain(&both(&url, SHORT).await, true);
}

#[tokio::test]
async fn half_an_answer_counts_by_its_status_line_alone() {
    let half = "HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{\"id\":\"6b02354e31";
    let server = TestServer::start(vec![Do::Write(half)]).await;
    assert_uncertain(&both(&server.url, LONG).await, false);
    let server = TestServer::start(vec![Do::Write("HTTP/1.1 20")]).await;
    assert_uncertain(&both(&server.url, LONG).await, false);
    let server = TestServer::start(vec![Do::Write("HTTP/1.1 202 Accepted\r\nContent-Length: 900\r\n\r\n{")]).await;
    assert_eq!(post(&server.client()).await, Outcome::Accepted(()));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_was_not_sent_to_stackstorm() {
    let server = TestServer::start(vec![Do::Foreign(301, "Location: /v1/elsewhere\r\n", String::new())]).await;
    assert_not_sent(&both(&server.url, LONG).await, "check ST2_API_URL");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn nothing_is_written_once_the_claim_is_too_old() {
    let server = TestServer::replying(201, CREATED).await;
    let yesterday = Instant::now().checked_sub(Duration::from_millis(1)).unwrap();
    assert!(matches!(trigger_before(&server.client(), yesterday).await, Outcome::TooLate { .. }));
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn the_post_has_the_form_of_the_contract() {
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

#[tokio::test]
async fn every_call_has_an_id_of_its_own_and_its_echo_is_known() {
    let fault = r#"{"faultstring":"Internal Server Error"}"#.to_owned();
    let own = TestServer::start(vec![Do::Reply(500, "", fault.clone())]).await;
    assert!(matches!(both(&own.url, LONG).await, (Outcome::FailedInside { .. }, Outcome::FailedInside { .. })));
    let id = |request: &String| request.lines().find_map(|line| line.strip_prefix("x-request-id: ").map(str::to_owned));
    let [first, second] = <[String; 2]>::try_from(own.seen()).unwrap();
    let (first, second) = (id(&first).unwrap(), id(&second).unwrap());
    assert!(uuid::Uuid::parse_str(&first).is_ok() && first != second, "{first} {second}");

    let foreign = TestServer::start(vec![Do::Foreign(500, "", fault.clone())]).await;
    assert_uncertain(&both(&foreign.url, LONG).await, false);
    let stale = "X-Request-ID: 5a6ff3c4-4b57-4f4f-8f0e-0d6f0b4ad1cf\r\n";
    let cached = TestServer::start(vec![Do::Foreign(500, stale, fault)]).await;
    assert_uncertain(&both(&cached.url, LONG).await, false);
}

fn answer(status: u16, echoed: bool, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, echoed, date: None, total: None, body: Ok(body.as_bytes().to_vec()) }
}

fn direct(answer: Answer) -> Outcome<ExecutionId> {
    #[derive(serde::Deserialize)]
    struct Created {
        id: ExecutionId,
    }
    Outcome::of(Mode::Direct, Ok(answer), |answer| {
        let Created { id } = crate::stackstorm::answer::json(answer)?;
        Ok(id)
    })
}

fn webhook(answer: Answer) -> Outcome<()> {
    Outcome::of(Mode::Webhook, Ok(answer), |_| Ok(()))
}

/// What a table of outcomes compares.
fn said<A>(outcome: &Outcome<A>) -> &'static str {
    match outcome {
        Outcome::Uncertain { silent: true, .. } => "silent",
        other => other.word(),
    }
}

const NGINX: &str = "<html><body>nginx</body></html>";
const FAULT: &str = r#"{"faultstring":"x"}"#;
const STOCK: &str = r#"{"faultstring":"Nginx is unable to reach st2api. Make sure service is running."}"#;
const UNKNOWN_HOOK: &str = r#"{"faultstring":"Webhook nosuch not registered with st2"}"#;
const NO_ROUTE: &str = r#"{"faultstring":"The resource could not be found."}"#;
const TLS_PORT: &str = "<html><center>The plain HTTP request was sent to HTTPS port</center></html>";

#[test]
fn every_answer_has_its_meaning() {
    for (status, echoed, body, for_action, for_webhook) in [
        // Accepted, also through a proxy.
        (201, true, CREATED, "accepted", "uncertain"),
        (201, false, CREATED, "accepted", "uncertain"),
        (200, true, CREATED, "accepted", "uncertain"),
        (202, true, "{}", "uncertain", "accepted"),
        (202, false, "{}", "uncertain", "accepted"),
        (201, true, r#"{"status":"requested"}"#, "uncertain", "uncertain"),
        (201, true, r#"{"id":""}"#, "uncertain", "uncertain"),
        (200, false, NGINX, "uncertain", "uncertain"),
        // A wrong ST2_API_URL.
        (301, false, "", "not_sent", "not_sent"),
        (302, false, "", "not_sent", "not_sent"),
        (307, false, "", "not_sent", "not_sent"),
        (308, false, "", "not_sent", "not_sent"),
        (303, false, "", "uncertain", "uncertain"),
        (400, false, TLS_PORT, "not_sent", "not_sent"),
        (400, false, "Client sent an HTTP request to an HTTPS server.\n", "not_sent", "not_sent"),
        // st2api's own refusals, and the same from a proxy.
        (400, true, FAULT, "rejected", "rejected"),
        (400, false, FAULT, "uncertain", "uncertain"),
        (400, true, NGINX, "uncertain", "uncertain"),
        (401, true, FAULT, "unauthorized", "unauthorized"),
        (401, false, NGINX, "unauthorized", "unauthorized"),
        (403, true, FAULT, "rejected", "rejected"),
        (403, false, NGINX, "uncertain", "uncertain"),
        (404, true, UNKNOWN_HOOK, "rejected", "not_registered"),
        (404, false, UNKNOWN_HOOK, "uncertain", "uncertain"),
        (404, true, NO_ROUTE, "rejected", "rejected"),
        (404, false, NGINX, "uncertain", "uncertain"),
        // This alert is too large, also if a proxy says so.
        (413, false, NGINX, "rejected", "rejected"),
        (414, false, NGINX, "rejected", "rejected"),
        (431, false, "", "rejected", "rejected"),
        // It may still hang inside.
        (408, false, "", "silent", "silent"),
        (408, true, FAULT, "silent", "silent"),
        (504, false, NGINX, "silent", "silent"),
        (504, true, FAULT, "silent", "silent"),
        // st2api failed, and says so itself.
        (500, true, FAULT, "failed_inside", "failed_inside"),
        (503, true, FAULT, "failed_inside", "failed_inside"),
        // Nothing shows who failed.
        (429, true, FAULT, "uncertain", "uncertain"),
        (500, false, FAULT, "uncertain", "uncertain"),
        (500, true, NGINX, "uncertain", "uncertain"),
        (500, true, r#"{"message":"a gateway's JSON"}"#, "uncertain", "uncertain"),
        (502, false, NGINX, "uncertain", "uncertain"),
        (502, true, FAULT, "uncertain", "uncertain"),
        (503, false, NGINX, "uncertain", "uncertain"),
        (503, false, STOCK, "uncertain", "uncertain"),
        (503, true, STOCK, "uncertain", "uncertain"),
    ] {
        let case = format!("{status} {body}, echoed: {echoed}");
        assert_eq!(said(&direct(answer(status, echoed, body))), for_action, "POST /executions: {case}");
        assert_eq!(said(&webhook(answer(status, echoed, body))), for_webhook, "POST /webhooks: {case}");
    }
}

#[test]
fn an_outcome_says_whether_stackstorm_works() {
    let signal = |status, echoed, body| webhook(answer(status, echoed, body)).signal();
    assert_eq!(signal(202, true, "{}"), Signal::Works);
    assert_eq!(signal(400, true, FAULT), Signal::Works);
    assert_eq!(signal(404, true, UNKNOWN_HOOK), Signal::Works);
    for (status, echoed) in [(301, false), (401, true), (404, false), (500, true), (502, false), (504, false)] {
        assert_eq!(signal(status, echoed, FAULT), Signal::Fails, "{status}");
    }
    let late = Outcome::<()>::TooLate { message: String::new() };
    assert_eq!(late.signal(), Signal::Nothing);
}

#[test]
fn a_wrong_api_url_is_hinted_at_and_an_unknown_webhook_is_not_one() {
    let hinted = |echoed, body: &str| match webhook(answer(404, echoed, body)) {
        Outcome::Rejected { message } | Outcome::NotRegistered { message } | Outcome::Uncertain { message, .. } => {
            message.contains("ST2_API_URL")
        }
        other => panic!("{other:?}"),
    };
    assert!(hinted(true, NO_ROUTE));
    assert!(hinted(false, "<html>404</html>"));
    assert!(!hinted(true, UNKNOWN_HOOK));
}

#[test]
fn a_status_is_told_once() {
    let Outcome::Rejected { message } = direct(answer(400, true, FAULT)) else { panic!("not rejected") };
    assert_eq!(message, "400 Bad Request: x");
}
