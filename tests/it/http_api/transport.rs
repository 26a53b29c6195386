//! Connections: cut off, kept, encrypted, and closed when the process stops.

use super::app::{App, WEBHOOK, settings};
use crate::harness::{TestDatabase, client, eventually};
use poundcake::config::HttpSettings;
use rustls::{
    ClientConfig, ClientConnection,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io::{Read, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SOON: Duration = Duration::from_secs(10);
const WEBHOOK_BODY: &str = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;

fn head(length: usize) -> String {
    format!("POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

/// Reads one answer: its status line.
async fn status_line(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 2048];
    let read = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_cut_off_is_not_stored() {
    let app = App::on(TestDatabase::sqlite());
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(head(WEBHOOK_BODY.len() + 1).as_bytes()).await.unwrap();
    stream.write_all(WEBHOOK_BODY.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    // Whatever it is told, it is not that the webhook was taken.
    drop(stream.read_to_end(&mut rest).await);
    let answer = String::from_utf8_lossy(&rest);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    app.accept(r#"{"alerts":[]}"#).await;
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_goes_away_before_the_answer_changes_nothing() {
    let app = App::on(TestDatabase::sqlite());
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let request = head(WEBHOOK_BODY.len()) + WEBHOOK_BODY;
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    eventually("it is stored and counted", SOON, async || {
        let seen = (app.database.count("poundcake_alerts"), app.metrics.alerts.with_label_values(&["pending"]).get());
        if seen == (1, 1) { Ok(()) } else { Err(seen) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_running_requests_and_refuses_new_ones() {
    let mut app = App::on(TestDatabase::sqlite());
    let mut idle = TcpStream::connect(app.address).await.unwrap();
    let request = head(WEBHOOK_BODY.len()) + WEBHOOK_BODY;
    idle.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status_line(&mut idle).await, "HTTP/1.1 202 Accepted");
    let mut begun = TcpStream::connect(app.address).await.unwrap();
    begun.write_all(head(WEBHOOK_BODY.len()).as_bytes()).await.unwrap();
    begun.write_all(&WEBHOOK_BODY.as_bytes()[..10]).await.unwrap();
    // The server has read the head once it answers another connection that came later.
    app.accept(r#"{"alerts":[]}"#).await;
    app.stop.cancel();
    let mut end = Vec::new();
    idle.read_to_end(&mut end).await.unwrap();
    begun.write_all(&WEBHOOK_BODY.as_bytes()[10..]).await.unwrap();
    let line = status_line(&mut begun).await;
    assert_eq!(line, "HTTP/1.1 503 Service Unavailable");
    let server = app.server.take().unwrap();
    tokio::time::timeout(SOON, server).await.expect("the server ends").unwrap().unwrap();
    assert!(TcpStream::connect(app.address).await.is_err());
}

fn tls(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/stackstorm/tls").join(name)
}

fn encrypted() -> HttpSettings {
    HttpSettings { tls_cert: Some(tls("test-cert.pem")), tls_key: Some(tls("test-key.pem")), ..settings() }
}

/// A connection after its handshake.
fn handshake(app: &App, offered: &[&[u8]]) -> (ClientConnection, std::net::TcpStream) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(tls("test-cert.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::from(app.address.ip());
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = std::net::TcpStream::connect(app.address).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).unwrap();
    }
    (connection, stream)
}

/// What ALPN agrees on with a client that offers these.
fn negotiated(app: &App, offered: &[&[u8]]) -> Option<Vec<u8>> {
    handshake(app, offered).0.alpn_protocol().map(<[u8]>::to_vec)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_http_2_connection_does_not_delay_the_stop() {
    let mut app = App::with(TestDatabase::sqlite(), &encrypted()).unwrap();
    let (mut connection, mut stream) = handshake(&app, &[b"h2"]);
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    // The preface and empty SETTINGS; the server's own SETTINGS say that it speaks HTTP/2 with us now.
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    assert!(tls.read(&mut [0; 9]).unwrap() > 0);
    app.stop.cancel();
    let server = app.server.take().unwrap();
    tokio::time::timeout(SOON, server).await.expect("the server ends").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_offers_http_2_and_serves_a_webhook() {
    let app = App::with(TestDatabase::sqlite(), &encrypted()).unwrap();
    assert_eq!(negotiated(&app, &[b"h2", b"http/1.1"]), Some(b"h2".to_vec()));
    assert_eq!(negotiated(&app, &[b"http/1.1"]), Some(b"http/1.1".to_vec()));
    drop(client()); // chooses rustls' provider
    let certificate = std::fs::read(tls("test-cert.pem")).unwrap();
    let certificate = reqwest::Certificate::from_pem(&certificate).unwrap();
    let trusting = reqwest::Client::builder().no_proxy().tls_certs_only([certificate]).build().unwrap();
    let response = trusting.post(app.url(WEBHOOK)).body(WEBHOOK_BODY).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_an_error_that_names_variable_and_file() {
    let refused = |cert: PathBuf, key: PathBuf| {
        let settings = HttpSettings { tls_cert: Some(cert), tls_key: Some(key), ..settings() };
        App::with(TestDatabase::sqlite(), &settings).err().expect("not started").to_string()
    };
    let error = refused("/nowhere/cert.pem".into(), tls("test-key.pem"));
    assert!(error.contains("POUNDCAKE_TLS_CERT=/nowhere/cert.pem"), "{error}");
    let error = refused(tls("test-key.pem"), tls("test-key.pem"));
    assert!(error.contains("POUNDCAKE_TLS_CERT") && error.contains("no readable PEM certificate"), "{error}");
    let error = refused(tls("test-cert.pem"), tls("test-cert.pem"));
    assert!(error.contains("POUNDCAKE_TLS_KEY") && error.contains("private key"), "{error}");
}
