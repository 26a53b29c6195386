//! More senders than there are descriptors: idle connections make room, and our own calls keep theirs.

use crate::harness::{KEY, PATIENCE, Process, Running, Setup, Shape, client, eventually, firing};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Far more than 1024 descriptors allow.
const SENDERS: usize = 900;

/// A sender that keeps its connection: one request, one answer, then nothing.
fn keep_alive(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")?;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer)?;
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
    Ok(stream)
}

/// The program with a limit of open files, soft and hard.
fn limited(process: &Process, soft: u64, hard: u64) -> Process {
    process.clone().through("prlimit", &[&format!("--nofile={soft}:{hard}")])
}

fn open_files(running: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", running.pid())).expect("a running process").count()
}

fn soft_limit(running: &Running) -> u64 {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).expect("a running process");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("the limit");
    line.split_whitespace().nth(3).expect("the soft limit").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_senders_beyond_the_limit_lock_out_neither_new_ones_nor_our_own_calls() {
    let setup = Setup::new(Shape::Standalone).await;
    let running = limited(&setup.process("standalone"), 1024, 1024).start().ready().await;
    let address = running.address();
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        senders.push(keep_alive(address).expect("each new sender is answered"));
    }
    let files = open_files(&running);
    assert!(files < 1024 - 64, "our own calls keep their descriptors: {files} are open");
    let body = serde_json::json!({ "alerts": [firing("HostDown", "web-1", "2026-11-22T01:00:00Z")] }).to_string();
    let answer = client().post(running.url("/api/v1/webhook")).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    eventually("the alert is dispatched", PATIENCE, async || {
        let row = "poundcake_alerts WHERE dispatch_status IN ('dispatched', 'skipped')";
        if setup.database.count(row) == 1 { Ok(()) } else { Err(running.output("stderr")) }
    })
    .await;
    // The ones that were idle longest have gone, and a new one keeps its connection.
    assert_eq!(senders[0].read(&mut [0; 64]).expect("the end of the connection"), 0);
    let log = running.output("stderr");
    assert!(!running.events("idle_connections_closed").is_empty() && !log.contains("os error 24"), "{log}");
    eventually("only so many are kept", PATIENCE, async || {
        let files = open_files(&running);
        if files < 700 { Ok(()) } else { Err(files) }
    })
    .await;
    let mut newest = keep_alive(address).expect("an answer");
    newest.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n").expect("an open connection");
    let mut answer = [0; 12];
    newest.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_say_nothing_do_not_lock_out_the_others() {
    let setup = Setup::new(Shape::Standalone).await;
    let running = limited(&setup.process("standalone"), 1024, 1024).start().ready().await;
    let silent: Vec<TcpStream> =
        (0..SENDERS).map(|_| TcpStream::connect(running.address()).expect("a connection")).collect();
    drop(keep_alive(running.address()).expect("an answer"));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_end_do_not_keep_other_senders_waiting() {
    let setup = Setup::new(Shape::Standalone).await;
    let running = limited(&setup.process("standalone"), 1024, 1024).start().ready().await;
    // Each holds its connection for as long as a body may take, and some memory.
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(running.address()).expect("a connection");
            let head = "POST /api/v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n";
            stream.write_all(head.as_bytes()).expect("a head");
            stream.write_all(&vec![b' '; 64 << 10]).expect("a part of the body");
            stream
        })
        .collect();
    for n in 0..20 {
        let alert = firing("HostDown", &format!("web-{n}"), "2026-11-22T01:00:00Z");
        let body = serde_json::json!({ "alerts": [alert] }).to_string();
        let post = client().post(running.url("/api/v1/webhook")).body(body).timeout(Duration::from_secs(10));
        assert_eq!(post.send().await.expect("an answer in time").status(), 202);
    }
    drop(slow);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_tls_make_room_too() {
    let file = |name: &str| concat!(env!("CARGO_MANIFEST_DIR"), "/src/stackstorm/tls/").to_owned() + name;
    let (cert, key) = (file("test-cert.pem"), file("test-key.pem"));
    let setup = Setup::new(Shape::Standalone).await;
    let process = setup
        .process("standalone")
        .variable("POUNDCAKE_TLS_CERT", &cert)
        .variable("POUNDCAKE_TLS_KEY", &key)
        .variable("ST2_API_KEY", KEY);
    // Room for 16 connections and no more.
    let running = limited(&process, 290, 290).start();
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&cert).expect("the certificate")).expect("a CA");
    let url = format!("https://{}/livez", running.address());
    let sender = || {
        let builder = reqwest::Client::builder().no_proxy().add_root_certificate(authority.clone());
        builder.timeout(Duration::from_secs(30)).build().expect("a client")
    };
    eventually("it is ready", PATIENCE, async || sender().get(&url).send().await.map_err(|e| format!("{e:?}"))).await;
    let mut senders = Vec::new();
    for _ in 0..60 {
        let sender = sender();
        assert_eq!(sender.get(&url).send().await.expect("an answer").status(), 200);
        senders.push(sender);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let setup = Setup::new(Shape::Separate).await;
    for command in ["ingest", "dispatcher", "tracker"] {
        let running = limited(&setup.process(command), 256, 2048).start().ready().await;
        assert_eq!(soft_limit(&running), 2048, "{command}");
        let log = running.output("stderr");
        assert!(log.contains("event=open_files limit=2048"), "{log}");
    }
}
