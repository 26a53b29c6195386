//! Where settings come from: variables, `.env`, files of secrets; and what `poundcake config` shows of them.

use super::{config, file, repository};
use crate::harness::{KEY, Pipeline, Process, SOON, Setup, Shape, T0, TestDatabase, eventually, firing};

/// The value and the source of one setting.
fn setting<'a>(all: &'a [(String, String, String)], name: &str) -> (&'a str, &'a str) {
    let found = all.iter().find(|(found, _, _)| found == name).unwrap_or_else(|| panic!("{name} is not shown"));
    (&found.1, &found.2)
}

#[tokio::test]
async fn config_shows_values_and_sources_and_no_secret() {
    let process = Process::poundcake("config")
        .argument("--lease=3m")
        .variable("DATABASE_URL", "mysql://pc:s3cret@db.example:3306/pc")
        .variable("AMQP_URL", "amqp://pc:s3cret@mq.example/%2f")
        .variable("ST2_API_URL", "https://operator:s3cret@st2.example/api/v1")
        .variable("ST2_API_KEY", "s3cret")
        .variable("ST2_PASSWORD", "s3cret/with@marks")
        .variable("POUNDCAKE_SETTLE_TIME", "5s");
    let (_, output, error) = process.run().await;
    assert!(!output.contains("s3cret") && !error.contains("s3cret"), "{output} {error}");
    let all = config(&process).await;
    assert_eq!(setting(&all, "DATABASE_URL"), ("mysql://pc:********@db.example:3306/pc", "environment"));
    assert_eq!(setting(&all, "ST2_API_KEY"), ("********", "environment"));
    assert_eq!(setting(&all, "POUNDCAKE_SETTLE_TIME"), ("5s", "environment"));
    assert_eq!(setting(&all, "POUNDCAKE_LEASE"), ("3m", "flag"));
    assert_eq!(setting(&all, "POUNDCAKE_REFIRE_COOLDOWN"), ("10m", "default"));
    assert_eq!(setting(&all, "ST2_CA_FILE"), ("", "unset"));
}

#[tokio::test]
async fn passwords_that_are_not_percent_encoded_are_masked_whole() {
    for url in
        ["mysql://pc:12/s3cret@db/pc", "mysql://pc:1#s3cret@db/pc", "mysql://pc:1?s3cret@db/pc", "mysql:pc:s3cret@db"]
    {
        let (_, output, error) = Process::poundcake("config").variable("DATABASE_URL", url).run().await;
        assert!(!output.contains("s3cret") && !error.contains("s3cret"), "{url}: {output} {error}");
    }
}

#[tokio::test]
async fn an_unknown_variable_is_named_with_the_closest_setting() {
    let database = TestDatabase::sqlite();
    for (command, argument) in [("config", None), ("migrate", Some("up"))] {
        let process = Process::poundcake(command)
            .variable("DATABASE_URL", database.url())
            .variable("POUNDCAKE_RETRY_SHEDULE", "1s")
            // Kubernetes sets these for a Service called poundcake.
            .variable("POUNDCAKE_PORT", "tcp://10.0.0.1:80")
            .variable("POUNDCAKE_SERVICE_HOST", "10.0.0.1");
        let (status, _, error) = argument.into_iter().fold(process, Process::argument).run().await;
        assert!(status.success(), "{error}");
        assert!(
            error.contains(
                "POUNDCAKE_RETRY_SHEDULE is not a setting of PoundCake and is ignored; did you mean POUNDCAKE_RETRY_SCHEDULE?"
            ),
            "{error}"
        );
        assert!(!error.contains("POUNDCAKE_PORT") && !error.contains("POUNDCAKE_SERVICE_HOST"), "{error}");
    }
}

#[tokio::test]
async fn a_dotenv_file_fills_what_the_environment_lacks() {
    let process = Process::poundcake("config")
        .file(".env", "POUNDCAKE_LEASE=200s\nPOUNDCAKE_SETTLE_TIME=7s\nST2_API_KEY='s3cret'\n")
        .variable("POUNDCAKE_SETTLE_TIME", "8s");
    let all = config(&process).await;
    assert_eq!(setting(&all, "POUNDCAKE_LEASE"), ("200s", "environment"));
    assert_eq!(setting(&all, "POUNDCAKE_SETTLE_TIME"), ("8s", "environment"));
    assert_eq!(setting(&all, "ST2_API_KEY").0, "********");
}

#[tokio::test]
async fn a_broken_dotenv_file_is_refused_without_showing_the_line() {
    let process = Process::poundcake("config").file(".env", "RUST_LOG=info\nST2_API_KEY='s3cret\n");
    let (status, output, error) = process.run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains(".env") && !error.contains("s3cret") && !output.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn the_example_file_with_every_line_uncommented_says_the_defaults() {
    let example = repository(".env.example");
    let uncommented: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.split('=').next().is_some_and(is_name)).unwrap_or(line))
        // Paths that are not there and the second way of giving a secret would be errors elsewhere.
        .filter(|line| !line.ends_with('='))
        .collect();
    let defaults = config(&Process::poundcake("config")).await;
    let filled = config(&Process::poundcake("config").file(".env", uncommented.join("\n"))).await;
    for (name, value, source) in &defaults {
        if source == "default" {
            let quiet = setting(&filled, name);
            // The harness itself sets RUST_LOG.
            assert_eq!(quiet, (value.as_str(), "environment"), "{name}");
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_files_and_a_key_that_is_replaced_takes_effect_while_running() {
    let directory = tempfile::tempdir().expect("a directory");
    let setup = Setup::new(Shape::Separate).await;
    let database_url = file(&directory, "database", &format!("{}\n", setup.database.url()));
    let amqp_url = file(&directory, "amqp", &setup.vhost.as_ref().expect("a vhost").url());
    let key = file(&directory, "key", "not-the-key\n");
    let setup = setup
        .variable("DATABASE_URL", "")
        .variable("AMQP_URL", "")
        .variable("ST2_API_KEY", "")
        .variable("DATABASE_URL_FILE", database_url.display().to_string())
        .variable("AMQP_URL_FILE", amqp_url.display().to_string())
        .variable("ST2_API_KEY_FILE", key.display().to_string());
    let pipeline: Pipeline = setup.start().await;
    pipeline.send(&[firing("HostDown", "web-1", T0)]).await;
    eventually("StackStorm refuses the first key", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_log LIKE '%not_sent%'") {
            1 => Ok(()),
            rows => Err(rows),
        }
    })
    .await;
    std::fs::write(&key, KEY).expect("the new key");
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
}

#[tokio::test]
async fn a_dotenv_file_of_a_parent_directory_is_not_read() {
    let process = Process::poundcake("config").file(".env", "POUNDCAKE_LEASE=200s\n");
    let parent = process.start();
    parent.exited(SOON).await;
    let child = parent.directory().join("child");
    std::fs::create_dir(&child).expect("a directory");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_poundcake"))
        .arg("config")
        .env_clear()
        .current_dir(&child)
        .output()
        .expect("poundcake");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("POUNDCAKE_LEASE=120s  # default"), "{output}");
}

#[tokio::test]
async fn a_dollar_of_a_dotenv_file_is_kept_or_refused_and_never_replaced() {
    let kept = Process::poundcake("config").file(".env", "ST2_USERNAME='pa$word'\nST2_TABLE_PREFIX=a\\$HOME\n");
    let (status, output, error) = kept.run().await;
    // A prefix with a $ is refused by its own rule, which shows the whole value.
    assert_eq!(status.code(), Some(2), "{output}");
    assert!(error.contains("a$HOME"), "{error}");
    let kept = Process::poundcake("config").file(".env", "ST2_USERNAME='pa$word'\n");
    assert_eq!(setting(&config(&kept).await, "ST2_USERNAME"), ("pa$word", "environment"));
    let refused = Process::poundcake("config").file(".env", "POUNDCAKE_LEASE=3m\nST2_PASSWORD=s3cret$word\n");
    let (status, output, error) = refused.run().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(error.contains("ST2_PASSWORD has a $") && error.contains("single quotes"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_dotenv_file_that_cannot_be_read_stops_what_reads_settings_and_nothing_else() {
    // Container runtimes make a directory where a file to mount is missing.
    let unreadable = |process: Process| process.directory_named(".env");
    for arguments in [&["--version"][..], &["--help"], &["ingest", "--help"], &["help", "doctor"]] {
        let process = arguments[1..].iter().fold(Process::poundcake(arguments[0]), |p, argument| p.argument(*argument));
        let (status, output, error) = unreadable(process).run().await;
        assert!(status.success() && !output.is_empty() && error.is_empty(), "{arguments:?}: {output} {error}");
    }
    for command in ["config", "ingest", "doctor", "standalone"] {
        let (status, output, error) = unreadable(Process::poundcake(command)).run().await;
        assert_eq!(status.code(), Some(1), "{command}: {output}");
        assert!(error.contains("cannot read .env") && error.lines().count() == 1, "{command}: {error}");
    }
}

#[tokio::test]
async fn variables_of_kubernetes_services_are_no_warning() {
    let links = [
        ("POUNDCAKE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("POUNDCAKE_INGEST_PORT", "tcp://10.0.0.1:8000"),
        ("POUNDCAKE_INGEST_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("POUNDCAKE_INGEST_SERVICE_HOST", "10.0.0.1"),
        ("POUNDCAKE_INGEST_SERVICE_PORT_HTTP", "8000"),
    ];
    let process = links.iter().fold(Process::poundcake("config"), |p, (name, value)| p.variable(name, *value));
    let (status, _, error) = process.run().await;
    assert!(status.success() && error.is_empty(), "{error}");
}
