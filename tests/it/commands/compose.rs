//! `compose/` against the program: its variables, its commands, its health checks.

use super::{config, repository};
use crate::harness::{KEY, Process, TestDatabase};
use serde_json::Value;

/// The services that run our image.
fn services() -> Vec<(String, Value)> {
    let compose: Value = serde_saphyr::from_str(&repository("compose/docker-compose.yml")).expect("YAML");
    let services = compose["services"].as_object().expect("services").clone();
    services.into_iter().filter(|(_, service)| service["image"] == "poundcake:local").collect()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|word| word.as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn every_variable_of_the_compose_file_is_known() {
    let known = config(&Process::poundcake("config")).await;
    let mut seen = 0;
    for (service, definition) in services() {
        for name in definition["environment"].as_object().expect("variables").keys() {
            assert!(known.iter().any(|(known, _, _)| known == name), "{service}: nothing reads {name}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
    // Those that are written down and commented out.
    for word in repository("compose/docker-compose.yml").split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let ours = word.starts_with("POUNDCAKE_");
        assert!(!ours || known.iter().any(|(known, _, _)| known == word), "nothing reads {word}");
    }
}

#[test]
fn the_image_says_the_version_that_it_has() {
    let version = format!("\nARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
    assert!(repository("compose/Dockerfile").contains(&version), "{version}");
}

#[tokio::test]
async fn every_command_of_the_compose_file_exists() {
    // A service with an entrypoint of its own runs a script, not a command of ours.
    let ours = services().into_iter().filter(|(_, service)| service["entrypoint"].is_null());
    let commands: Vec<Vec<String>> = ours.map(|(_, service)| words(&service["command"])).collect();
    assert_eq!(commands, [&["dispatcher"][..], &["ingest"], &["migrate", "up"], &["tracker"]]);
    for command in commands {
        let process = command[1..].iter().fold(Process::poundcake(&command[0]), Process::argument).argument("--help");
        let (status, _, error) = process.run().await;
        assert!(status.success(), "{command:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_checks_find_a_process_that_is_ready() {
    let database = TestDatabase::sqlite();
    let (status, _, error) =
        Process::poundcake("migrate").argument("up").variable("DATABASE_URL", database.url()).run().await;
    assert!(status.success(), "{error}");
    for (service, listen) in [
        ("ingest", "POUNDCAKE_LISTEN"),
        ("dispatcher", "POUNDCAKE_DISPATCHER_LISTEN"),
        ("tracker", "POUNDCAKE_TRACKER_LISTEN"),
    ] {
        let process = Process::poundcake(service)
            .variable("DATABASE_URL", database.url())
            .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
            .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
            .variable("ST2_API_KEY", KEY);
        let running = process.start().ready().await;
        let definition = services().into_iter().find(|(name, _)| name == service).expect("the service").1;
        assert!(definition["environment"][listen].is_string(), "{service} has the address that its check asks");
        let test = words(&definition["healthcheck"]["test"]);
        assert_eq!(test[..2], ["CMD", "poundcake"], "{service}");
        // In the container the server listens on all addresses.
        let everywhere = format!("0.0.0.0:{}", running.address().port());
        let check = test[3..].iter().fold(Process::poundcake(&test[2]).variable(listen, everywhere), Process::argument);
        let (status, _, error) = check.run().await;
        assert!(status.success(), "{service}: {error}");
        running.kill();
        let (status, _, error) = check.run().await;
        assert_eq!(status.code(), Some(1), "{service}");
        assert!(error.contains("cannot reach http://127.0.0.1:"), "{service}: {error}");
    }
}
