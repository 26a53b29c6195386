//! `/api/v1/openapi.json`, tried by schemathesis: every answer to examples, edge cases and random input is as described.

use super::rows::{EXECUTION, REQUEST, fill, fill_executions, nth};
use crate::{
    harness::{TestDatabase, client},
    http_api::app::{App, settings},
};
use poundcake::config::HttpSettings;
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const TOKEN: &str = "the-token-of-both-files";

/// schemathesis, in an environment of its own that is made when it is missing.
fn schemathesis() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = Command::new(root.join("tests/venv.sh"))
        .args(["schemathesis", "-r", "tests/requirements/schemathesis.txt"])
        .output()
        .expect("tests/venv.sh");
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    Path::new(String::from_utf8_lossy(&venv.stdout).trim()).join("bin/schemathesis")
}

fn with_token(directory: &Path) -> HttpSettings {
    let file = directory.join("tokens");
    std::fs::write(&file, format!("schemathesis:{TOKEN}\n")).unwrap();
    HttpSettings { webhook_tokens_file: Some(file.clone()), operator_tokens_file: Some(file), ..settings() }
}

/// The document as it is served, with ids that exist as examples: chance would never find one.
async fn document(app: &App) -> Value {
    let get = client().get(app.url("/api/v1/openapi.json")).bearer_auth(TOKEN);
    let mut document: Value = get.send().await.unwrap().json().await.unwrap();
    for (path, example) in [
        ("/api/v1/requests/{request_id}", json!(nth(REQUEST, 3))),
        ("/api/v1/alerts/{id}", json!(3)),
        ("/api/v1/executions/{st2_execution_id}", json!(nth(EXECUTION, 1))),
    ] {
        document["paths"][path]["get"]["parameters"][0]["example"] = example;
    }
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_document_describes_it() {
    let schemathesis = tokio::task::spawn_blocking(schemathesis).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::mariadb(), &with_token(directory.path())).unwrap();
    fill(&app.database);
    fill_executions(&app.database);
    std::fs::write(directory.path().join("openapi.json"), document(&app).await.to_string()).unwrap();
    let mut command = Command::new(&schemathesis);
    command
        .current_dir(directory.path())
        .args(["run", "openapi.json", "--url", &app.url(""), "--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--max-time", "25"])
        .args(["--seed", "1", "--generation-deterministic", "--no-shrink"])
        // What the schema cannot say: a cursor is one of ours, `from` lies before `to`, a filter chooses by something.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // One worker: Python 3.11 takes the depth of two threads' syntax trees for one, and fails (python/cpython#106905).
        .args(["--workers", "1", "--request-timeout", "10", "--no-color", "--continue-on-failure"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("schemathesis");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(" passed"), "{text}");
}
