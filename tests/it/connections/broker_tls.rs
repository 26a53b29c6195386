//! TLS to RabbitMQ with a private CA and a client certificate; and the same trust for StackStorm.

use super::finding;
use crate::harness::{Certificates, KEY, Process, Reserved, Services, TestDatabase, Vhost};
use std::{net::SocketAddr, sync::Arc};

struct Broker {
    certificates: Certificates,
    services: Arc<Services>,
    tls: Reserved,
}

impl Broker {
    /// With a certificate for 127.0.0.1 and none for 127.0.0.2, on both of which it listens; clients must show theirs.
    fn start() -> Self {
        let (certificates, tls) = (Certificates::new(), Reserved::any());
        let port = tls.address().port();
        let lines = [
            format!("listeners.ssl.1 = 127.0.0.1:{port}"),
            format!("listeners.ssl.2 = 127.0.0.2:{port}"),
            format!("ssl_options.cacertfile = {}", certificates.ca()),
            format!("ssl_options.certfile = {}", certificates.certificate("server")),
            format!("ssl_options.keyfile = {}", certificates.key("server")),
            "ssl_options.verify = verify_peer".to_owned(),
            "ssl_options.fail_if_no_peer_cert = true\n".to_owned(),
        ];
        Self { certificates, services: Services::private_with("", &lines.join("\n")), tls }
    }
}

fn amqps(vhost: &Vhost, address: SocketAddr) -> String {
    vhost.url_through(address).replace("amqp://", "amqps://")
}

fn doctor(url: &str) -> Process {
    Process::poundcake("doctor").variable("AMQP_URL", url)
}

async fn reachable(process: &Process) -> (String, String) {
    finding(process, "rabbitmq", "reachable").await
}

async fn assert_refused(process: &Process) {
    let (level, text) = reachable(process).await;
    assert!(level == "wrong" && text.contains("POUNDCAKE_AMQP_CA_FILE"), "{level}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn amqps_works_with_a_private_ca_and_a_client_certificate_and_only_so() {
    let broker = Broker::start();
    let vhost = Vhost::new_on(Arc::clone(&broker.services)).await;
    let (made, other) = (&broker.certificates, Certificates::new());
    let url = amqps(&vhost, broker.tls.address());
    let with_client = |url: &str| {
        doctor(url)
            .variable("POUNDCAKE_AMQP_CERT_FILE", made.certificate("client"))
            .variable("POUNDCAKE_AMQP_KEY_FILE", made.key("client"))
    };
    for (variable, ca) in [("POUNDCAKE_AMQP_CA_FILE", made.ca()), ("SSL_CERT_FILE", made.ca())] {
        let (level, text) = reachable(&with_client(&url).variable(variable, ca)).await;
        assert_eq!(level, "ok", "{variable}: {text}");
    }
    for variable in ["POUNDCAKE_AMQP_CA_FILE", "SSL_CERT_FILE"] {
        assert_refused(&with_client(&url).variable(variable, other.ca())).await;
    }
    let elsewhere = amqps(&vhost, SocketAddr::from(([127, 0, 0, 2], broker.tls.address().port())));
    assert_refused(&with_client(&elsewhere).variable("POUNDCAKE_AMQP_CA_FILE", made.ca())).await;
    // A port without TLS.
    let plain = amqps(&vhost, vhost.address());
    assert_refused(&with_client(&plain).variable("POUNDCAKE_AMQP_CA_FILE", made.ca())).await;
    let (level, text) = reachable(&doctor(&url).variable("POUNDCAKE_AMQP_CA_FILE", made.ca())).await;
    assert_eq!(level, "wrong", "no client certificate: {text}");

    // The publisher and the consumer take the same way.
    let database = TestDatabase::mariadb_on(Arc::clone(&broker.services));
    drop(database.store(1));
    let ingest = Process::poundcake("ingest")
        .variable("DATABASE_URL", database.url())
        .variable("AMQP_URL", url)
        .variable("POUNDCAKE_AMQP_CA_FILE", made.ca())
        .variable("POUNDCAKE_AMQP_CERT_FILE", made.certificate("client"))
        .variable("POUNDCAKE_AMQP_KEY_FILE", made.key("client"))
        .start()
        .ready()
        .await;
    crate::harness::eventually("ingest has made the queue", crate::harness::SOON, async || {
        vhost.depth("poundcake.dispatch").await.map(drop).ok_or("no queue")
    })
    .await;
    drop(ingest);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_settings_that_nothing_would_enforce_are_refused() {
    let (made, vhost) = (Certificates::new(), Vhost::new().await);
    let cases = [
        (doctor(&vhost.url()).variable("POUNDCAKE_AMQP_CA_FILE", made.ca()), "write amqps://"),
        (doctor(&format!("{}?cacertfile={}", vhost.url(), made.ca())), "cacertfile"),
        (doctor(&format!("{}?verify=verify_none", vhost.url())), "POUNDCAKE_AMQP_CA_FILE"),
        (
            doctor("amqps://u:s3cret@127.0.0.1:1/x").variable("POUNDCAKE_AMQP_CA_FILE", "/nonexistent.pem"),
            "/nonexistent.pem",
        ),
    ];
    for (process, word) in cases {
        let (_, text) = finding(&process, "rabbitmq", "settings").await;
        assert!(text.contains(word) && !text.contains("s3cret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ssl_cert_file_counts_for_stackstorm_too() {
    let (made, database) = (Certificates::new(), TestDatabase::sqlite());
    // Any HTTPS server will do: what is looked at is the handshake.
    let server = Process::poundcake("standalone")
        .argument("--no-dispatch")
        .variable("DATABASE_URL", database.url())
        .variable("POUNDCAKE_TLS_CERT", made.certificate("server"))
        .variable("POUNDCAKE_TLS_KEY", made.key("server"))
        .start();
    let address = server.address();
    let listens = async || std::net::TcpStream::connect(address).map(drop);
    crate::harness::eventually("it listens", crate::harness::SOON, listens).await;
    let doctor = |ca: &Certificates| {
        Process::poundcake("doctor")
            .variable("ST2_API_URL", format!("https://{address}/v1"))
            .variable("ST2_API_KEY", KEY)
            .variable("SSL_CERT_FILE", ca.ca())
    };
    let (_, wrong) = finding(&doctor(&Certificates::new()), "stackstorm", "reachable").await;
    assert!(wrong.contains("certificate"), "{wrong}");
    let document = doctor(&made).argument("--output=json").run().await.1;
    assert!(!document.contains("invalid peer certificate"), "{document}");
}
