//! Where the servers listen: names, any free port, and addresses that cannot be had.

use crate::harness::{KEY, Process, Running, SOON, Setup, Shape, client, eventually};
use std::net::{SocketAddr, TcpListener};

/// The variable of each server that listens, in processes of their own.
const SERVERS: [(&str, &str); 3] = [
    ("ingest", "POUNDCAKE_LISTEN"),
    ("dispatcher", "POUNDCAKE_DISPATCHER_LISTEN"),
    ("tracker", "POUNDCAKE_TRACKER_LISTEN"),
];

/// The addresses that a server says it listens on.
async fn addresses(running: &Running) -> Vec<SocketAddr> {
    eventually("it says where it listens", SOON, async || {
        assert!(!running.has_ended(), "{}", running.output("stderr"));
        let log = running.output("stderr");
        let found = log.lines().filter_map(|line| line.split("listening on ").nth(1)?.split(' ').next());
        let addresses: Vec<SocketAddr> = found.map(|text| text.parse().expect("an address")).collect();
        if addresses.is_empty() { Err(log) } else { Ok(addresses) }
    })
    .await
}

async fn is_live(address: SocketAddr) -> bool {
    let answer = client().get(format!("http://{address}/livez")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_takes_any_free_port_and_a_name_and_says_where_it_listens() {
    let setup = Setup::new(Shape::Separate).await;
    for (command, variable) in SERVERS {
        for listen in ["127.0.0.1:0", "localhost:0"] {
            let running = setup.process(command).variable(variable, listen).start();
            let addresses = addresses(&running).await;
            for address in addresses {
                assert!(address.port() != 0 && address.ip().is_loopback(), "{address}");
                assert!(is_live(address).await, "{command} at {address}");
            }
            assert!(!running.events("listening").is_empty(), "{}", running.output("stderr"));
            assert!(running.terminate(SOON).await.success());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_the_first_and_only_thing_that_is_said() {
    let setup = Setup::new(Shape::Separate).await;
    let alone = Setup::new(Shape::Standalone).await;
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("its address").to_string();
    let servers = SERVERS.map(|(command, variable)| (setup.process(command), variable));
    let standalone = (alone.process("standalone"), "POUNDCAKE_LISTEN");
    for (process, variable) in servers.into_iter().chain([standalone]) {
        let (status, _, error) = process.variable(variable, &taken).run().await;
        assert_eq!(status.code(), Some(1), "{error}");
        let said: Vec<&str> = error.lines().collect();
        assert_eq!(said.len(), 1, "{error}");
        let expected = format!("poundcake: {variable}={taken} cannot be listened on: another process listens there");
        assert!(said[0].starts_with(&expected) && said[0].contains("stop it, or set another port"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_failed_start_is_the_only_error() {
    let setup = Setup::new(Shape::Separate).await;
    let alone = Setup::new(Shape::Standalone).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let cases: [(Process, &[(&str, &str)]); 5] = [
        (setup.process("ingest"), &[("POUNDCAKE_LISTEN", "0.0.0.0:0")]),
        (setup.process("ingest"), &[("POUNDCAKE_TLS_CERT", &path), ("POUNDCAKE_TLS_KEY", &path)]),
        (setup.process("ingest"), &[("POUNDCAKE_OPERATOR_TOKENS_FILE", &path)]),
        (alone.process("standalone"), &[("POUNDCAKE_LEASE", "1s")]),
        (alone.process("standalone"), &[("ST2_API_KEY", "")]),
    ];
    for (process, variables) in cases {
        let process = variables.iter().fold(process, |process, (name, value)| process.variable(name, *value));
        let (status, _, error) = process.variable("RUST_LOG", "info").run().await;
        assert_eq!(status.code(), Some(1), "{error}");
        let bad: Vec<&str> = error.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).collect();
        assert!(bad.is_empty(), "{variables:?}: {bad:?}");
        assert!(error.lines().last().expect("an error").starts_with("poundcake: "), "{error}");
        assert!(!error.contains(KEY), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_is_taken_before_the_server_serves() {
    let setup = Setup::new(Shape::Separate).await;
    // A database that is not there yet: the server waits for it, and senders are refused instead of kept waiting.
    let process = setup.process("ingest").variable("DATABASE_URL", "mysql://pc:pc@127.0.0.1:1/pc");
    let running = process.start();
    eventually("it waits for the database", SOON, async || {
        if running.events("database_waiting").is_empty() { Err(running.output("stderr")) } else { Ok(()) }
    })
    .await;
    assert!(std::net::TcpStream::connect(running.address()).is_err());
}
