//! `compose/` against the program: its variables, its commands, its health checks.

use super::{config, repository};
use crate::harness::{KEY, Process, TestDatabase};
use serde_json::Value;
use std::process::Command;

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

#[tokio::test]
async fn every_command_of_the_compose_file_exists() {
    let commands: Vec<Vec<String>> = services().iter().map(|(_, service)| words(&service["command"])).collect();
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
    for (service, port) in [("ingest", "8000"), ("dispatcher", "8001"), ("tracker", "8002")] {
        let process = Process::poundcake(service)
            .variable("DATABASE_URL", database.url())
            .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
            .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
            .variable("ST2_API_KEY", KEY);
        let running = process.start().ready().await;
        let definition = services().into_iter().find(|(name, _)| name == service).expect("the service").1;
        let test = words(&definition["healthcheck"]["test"]);
        let script =
            test[3].replace("$$", "$").replace(&format!("/{port} "), &format!("/{} ", running.address().port()));
        assert_ne!(script, test[3].replace("$$", "$"), "the port of {service}");
        let check = || Command::new("bash").args(["-c", &script]).status().expect("bash").success();
        assert!(check(), "{script}");
        running.kill();
        assert!(!check(), "{script}");
    }
}
