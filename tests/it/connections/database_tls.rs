//! TLS to MariaDB is what was asked for, or there is no connection.

use super::{finding, loud};
use crate::harness::{Certificates, Process, SOON, Services, TestDatabase, eventually};
use std::sync::Arc;

struct Server {
    certificates: Certificates,
    database: TestDatabase,
}

impl Server {
    /// With a certificate for 127.0.0.1, which it answers on, and not for 127.0.0.2, which it answers on too. Its user
    /// must use TLS, so that a connection in plain text cannot pass for one with it.
    fn start() -> Self {
        let certificates = Certificates::new();
        let services = Services::private_with(
            &format!(
                "--ssl-ca={} --ssl-cert={} --ssl-key={} --bind-address=127.0.0.1,127.0.0.2",
                certificates.ca(),
                certificates.certificate("server"),
                certificates.key("server")
            ),
            "",
        );
        let database = TestDatabase::mariadb_on(Arc::clone(&services));
        database.administer("ALTER USER {owner} REQUIRE SSL");
        Self { certificates, database }
    }

    fn url(&self, query: &str) -> String {
        format!("{}?{query}", self.database.owner_url())
    }
}

/// `migrate up` connects and writes.
fn connect(url: &str) -> Process {
    Process::poundcake("migrate").argument("up").variable("DATABASE_URL", url)
}

async fn assert_connects(process: Process) {
    let (status, _, error) = process.run().await;
    assert!(status.success(), "{error}");
}

async fn assert_refused(process: Process, words: &[&str]) {
    let (status, output, error) = process.run().await;
    assert_eq!(status.code(), Some(1), "{output} {error}");
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error}");
    }
    assert!(!error.contains(":test@"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_believed_for_its_name_and_its_ca_only() {
    let server = Server::start();
    let (ca, other) = (server.certificates.ca(), Certificates::new());
    let verify = server.url("ssl_mode=verify_identity");
    assert_connects(connect(&verify).variable("POUNDCAKE_DB_CA_FILE", &ca)).await;
    // A CA alone means that it is checked; and it may stand in the URL.
    assert_connects(connect(&server.database.owner_url()).variable("POUNDCAKE_DB_CA_FILE", &ca)).await;
    assert_connects(connect(&server.url(&format!("ssl_ca={ca}")))).await;
    // The system's store, which SSL_CERT_FILE names.
    assert_connects(connect(&verify).variable("SSL_CERT_FILE", &ca)).await;
    // Encrypted, and nothing is checked.
    assert_connects(connect(&server.url("ssl_mode=required"))).await;
    assert_connects(connect(&server.url("ssl_mode=preferred"))).await;

    let advice = ["cannot be used", "TLS/SSL error", "POUNDCAKE_DB_CA_FILE"];
    assert_refused(connect(&verify).variable("POUNDCAKE_DB_CA_FILE", other.ca()), &advice).await;
    assert_refused(connect(&verify).variable("SSL_CERT_FILE", other.ca()), &advice).await;
    assert_refused(connect(&verify), &advice).await;
    let elsewhere = verify.replace("127.0.0.1", "127.0.0.2");
    assert_refused(connect(&elsewhere).variable("POUNDCAKE_DB_CA_FILE", &ca), &advice).await;
    assert_refused(connect(&server.database.owner_url()), &["Access denied"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let server = Server::start();
    server.database.administer("ALTER USER {owner} REQUIRE SUBJECT '/CN=client'");
    let process = connect(&server.database.owner_url()).variable("POUNDCAKE_DB_CA_FILE", server.certificates.ca());
    assert_refused(process.clone(), &["Access denied"]).await;
    let half = process.variable("POUNDCAKE_DB_CERT_FILE", server.certificates.certificate("client"));
    assert_refused(half.clone(), &["POUNDCAKE_DB_CA_FILE", "name both files"]).await;
    assert_connects(half.variable("POUNDCAKE_DB_KEY_FILE", server.certificates.key("client"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_not_spoken_to_in_plain_text() {
    let database = TestDatabase::mariadb();
    let ca = Certificates::new();
    for mode in ["required", "verify_identity"] {
        let url = format!("{}?ssl_mode={mode}", database.owner_url());
        assert_refused(connect(&url), &["TLS/SSL error", "let the server offer TLS"]).await;
    }
    assert_refused(connect(&database.owner_url()).variable("POUNDCAKE_DB_CA_FILE", ca.ca()), &["TLS/SSL error"]).await;
    for mode in ["preferred", "disabled"] {
        assert_connects(connect(&format!("{}?ssl_mode={mode}", database.owner_url()))).await;
    }
    for (query, word) in [("ssl_mode=verify_ca", "ssl_mode=verify_identity"), ("ssl-mode=REQUIRED", "nothing reads")] {
        assert_refused(connect(&format!("{}?{query}", database.owner_url())), &[word]).await;
    }
    let other = Process::poundcake("doctor")
        .variable("DATABASE_URL", database.url())
        .variable("ST2_DATABASE_URL", format!("{}?ssl_mode=required", database.url()));
    let (level, text) = finding(&other, "tracker", "tables").await;
    assert!(level == "wrong" && text.contains("TLS/SSL error"), "StackStorm's tables: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_process_says_once_that_the_certificate_is_not_believed_and_keeps_trying() {
    let server = Server::start();
    let url = server.url("ssl_mode=verify_identity");
    assert_connects(connect(&url).variable("POUNDCAKE_DB_CA_FILE", server.certificates.ca())).await;
    let directory = tempfile::tempdir().expect("a directory");
    let ca = directory.path().join("ca.pem");
    std::fs::copy(Certificates::new().ca(), &ca).expect("a wrong CA");
    let ingest = Process::poundcake("ingest")
        .variable("DATABASE_URL", &url)
        .variable("POUNDCAKE_DB_CA_FILE", ca.display().to_string())
        .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
        .start();
    eventually("it has tried a few times", SOON, async || {
        let tries = ingest.events("database_refused").len();
        if tries > 3 { Ok(()) } else { Err(tries) }
    })
    .await;
    assert_eq!(loud(&ingest.events("database_refused")), 1, "{}", ingest.output("stderr"));
    std::fs::copy(server.certificates.ca(), &ca).expect("the right CA");
    drop(ingest.ready().await);
}
