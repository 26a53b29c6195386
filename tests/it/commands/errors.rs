//! A setting that cannot be used stops the start: the message names the variable, and shows no secret.

use super::file;
use crate::harness::{Process, TestDatabase};

/// A command whose every setting is usable and reaches nothing; `change` spoils one.
fn usable(command: &str, database: &TestDatabase) -> Process {
    Process::poundcake(command)
        .variable("DATABASE_URL", database.url())
        .variable("AMQP_URL", "amqp://pc:s3cret@127.0.0.1:1/%2f")
        .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
        .variable("ST2_API_KEY", "s3cret")
}

#[tokio::test]
async fn an_unusable_setting_stops_the_start_and_the_message_names_its_variable() {
    let database = TestDatabase::sqlite();
    assert!(usable("migrate", &database).argument("up").run().await.0.success());
    let cases: [(&str, &str, &str, &[&str]); 14] = [
        ("ingest", "DATABASE_URL", "", &["DATABASE_URL is not set", "sqlite://path"]),
        ("ingest", "DATABASE_URL", "postgres://pc:s3cret@db/pc", &["DATABASE_URL", "postgres", "mysql://"]),
        ("ingest", "DATABASE_URL", "mysql://pc:s3cret@db", &["DATABASE_URL names no database"]),
        ("ingest", "DATABASE_URL", "pc:s3cret@db", &["DATABASE_URL is not a URL"]),
        ("ingest", "DATABASE_URL_FILE", "/nowhere", &["DATABASE_URL and DATABASE_URL_FILE are both set"]),
        ("ingest", "AMQP_URL", "", &["AMQP_URL is not set"]),
        ("ingest", "AMQP_URL", "http://pc:s3cret@mq", &["AMQP_URL", "amqp://user:password@host"]),
        (
            "ingest",
            "POUNDCAKE_LISTEN",
            "0.0.0.0:0",
            &["POUNDCAKE_LISTEN", "POUNDCAKE_WEBHOOK_TOKENS_FILE", "POUNDCAKE_OPERATOR_TOKENS_FILE"],
        ),
        ("standalone", "POUNDCAKE_LISTEN", "0.0.0.0:0", &["POUNDCAKE_LISTEN", "POUNDCAKE_WEBHOOK_TOKENS_FILE"]),
        ("dispatcher", "ST2_API_URL", "", &["ST2_API_URL is not set"]),
        ("dispatcher", "ST2_API_KEY", "", &["ST2_API_KEY", "ST2_AUTH_URL"]),
        ("dispatcher", "ST2_CA_FILE", "/nowhere/ca.pem", &["ST2_CA_FILE", "/nowhere/ca.pem"]),
        ("dispatcher", "POUNDCAKE_LEASE", "60s", &["POUNDCAKE_LEASE", "POUNDCAKE_ST2_TIMEOUT"]),
        ("dispatcher", "POUNDCAKE_ROUTES", "/nowhere/routes.yaml", &["/nowhere/routes.yaml"]),
    ];
    for (command, variable, value, expected) in cases {
        let (status, output, error) = usable(command, &database).variable(variable, value).run().await;
        assert_eq!(status.code(), Some(1), "{variable}={value}: {error}");
        for word in expected {
            assert!(error.contains(word), "{variable}={value}: no {word:?} in {error}");
        }
        assert!(!error.contains("s3cret") && !output.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_form_is_refused_by_the_name_of_its_variable() {
    let database = TestDatabase::sqlite();
    let cases = [
        ("POUNDCAKE_LEASE", "two minutes"),
        ("POUNDCAKE_RETRY_SCHEDULE", "soon"),
        ("POUNDCAKE_MAX_BODY_BYTES", "32MB"),
        ("POUNDCAKE_LISTEN", "localhost"),
        ("POUNDCAKE_MUTE", "alertname=~\"(\""),
        ("POUNDCAKE_TEMPLATE_TEXT", "perhaps"),
        ("POUNDCAKE_LOG_FORMAT", "xml"),
        ("POUNDCAKE_DB_POOL", "many"),
        ("ST2_API_URL", "st2.example"),
    ];
    for (variable, value) in cases {
        let (status, _, error) = usable("dispatcher", &database).variable(variable, value).run().await;
        assert_eq!(status.code(), Some(2), "{variable}={value}: {error}");
        assert!(error.contains(variable) && error.contains(value), "{variable}={value}: {error}");
    }
}

#[tokio::test]
async fn an_empty_value_counts_as_not_set() {
    let names = super::config(&Process::poundcake("config")).await;
    for (name, value, source) in names {
        let empty = super::config(&Process::poundcake("config").variable(&name, "")).await;
        let shown = empty.iter().find(|(found, _, _)| *found == name).expect("the setting");
        // Here empty means something: no alert is muted.
        if name == "POUNDCAKE_MUTE" {
            assert_eq!((shown.1.as_str(), shown.2.as_str()), ("", "environment"));
        } else if source == "default" {
            assert_eq!((shown.1.as_str(), shown.2.as_str()), (value.as_str(), "default"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_tokens_file_that_says_nothing_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = TestDatabase::sqlite();
    for content in ["", "# nobody\n", "s3cret-without-a-name\n"] {
        let path = file(&directory, "tokens", content);
        let process =
            usable("standalone", &database).variable("POUNDCAKE_WEBHOOK_TOKENS_FILE", path.display().to_string());
        let (status, _, error) = process.run().await;
        assert_eq!(status.code(), Some(1), "{content:?}: {error}");
        assert!(error.contains(&path.display().to_string()), "{content:?}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
