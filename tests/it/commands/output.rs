//! What commands print, and what they do when it cannot be printed.

use crate::harness::{KEY, SOON, Setup, Shape, firing};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Output, Stdio},
};

/// What a shell shows for a program that SIGPIPE has ended.
const READER_GONE: i32 = 141;

/// Runs a command whose standard output has no reader.
fn without_reader(mut command: Command) -> Output {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped()).output().expect("poundcake")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_has_gone_ends_quietly_and_so_does_its_neighbour_with_a_full_disk() {
    let pipeline = Setup::new(Shape::Standalone).await.start().await;
    let request_id = pipeline.send(&[firing("HostDown", "web-1", "2026-11-22T01:00:00Z")]).await;
    let alert = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(alert.path(), r#"{"labels":{"alertname":"A"}}"#).expect("an alert");
    let alert = alert.path().display().to_string();
    let commands: [&[&str]; 14] = [
        &["config"],
        &["doctor"],
        &["stats"],
        &["failed"],
        &["failed", "--output=json"],
        &["alerts"],
        &["history", &request_id],
        &["migrate", "up"],
        &["migrate", "status"],
        &["routes", "test", &alert],
        &["prune", "--older-than=90d"],
        &["replay", "--dry-run", "--reason=none", "--alert-name=A"],
        &["discard", "--dry-run", "--reason=none", "--alert-name=A", "--output=json"],
        &["demo"],
    ];
    for arguments in commands {
        let command = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_poundcake"));
            command.args(arguments).env_clear().current_dir(pipeline.ingest.directory());
            command.env("DATABASE_URL", pipeline.database().url()).env("RUST_LOG", "warn");
            command.env("ST2_API_URL", pipeline.setup.stand_in.api_url()).env("ST2_API_KEY", KEY);
            command
        };
        let ended = without_reader(command());
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(READER_GONE), "{arguments:?}: {error}");
        assert!(!error.contains("panicked") && !error.contains("poundcake: "), "{arguments:?}: {error}");

        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let ended = command().stdout(full).stderr(Stdio::piped()).output().expect("poundcake");
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains("cannot write to standard output: No space left"), "{arguments:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_page_ends_when_its_reader_has_gone() {
    let pipeline = Setup::new(Shape::Standalone).await.start().await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_poundcake"))
        .args(["alerts", "--watch", "--output=json"])
        .env_clear()
        .env("DATABASE_URL", pipeline.database().url())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("poundcake");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut first).expect("the first page");
    assert!(first.contains("\"alerts\":[]"), "{first}");
    pipeline.send(&[firing("HostDown", "web-1", "2026-11-22T01:00:00Z")]).await;
    let status = crate::harness::eventually("the command ends", SOON, async || {
        child.try_wait().expect("our child").ok_or("still running")
    })
    .await;
    let mut error = String::new();
    child.stderr.take().expect("its log").read_to_string(&mut error).expect("its log");
    assert_eq!((status.code(), error.as_str()), (Some(READER_GONE), ""));
}
