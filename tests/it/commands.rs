//! The commands as an operator meets them: settings and their errors, routes, the demo, and the files around them.

mod compose;
mod environment;
mod errors;
mod listening;
mod operating;
mod output;
mod probe;
mod readme;
mod routes;

use crate::harness::Process;
use std::path::{Path, PathBuf};

/// A file of the repository.
fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A file of the test's own.
fn file(directory: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

/// `name=value  # source` of every setting, as `poundcake config` prints them.
async fn config(process: &Process) -> Vec<(String, String, String)> {
    let (status, output, error) = process.run().await;
    assert!(status.success(), "{error}");
    let line = |line: &str| {
        let (setting, source) = line.rsplit_once("  # ").expect("a source");
        let (name, value) = setting.split_once('=').expect("a value");
        (name.to_owned(), value.to_owned(), source.to_owned())
    };
    output.lines().map(line).collect()
}
