//! A recorded request and its answer.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: Option<u16>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) body_parsed: Option<Value>,
}

impl Recording {
    /// The recording whose file name begins with this number, e.g. `19f`.
    pub(crate) fn numbered(number: &str) -> Self {
        let folder = folder();
        let start = format!("{number}-");
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&start))
            .collect();
        files.sort();
        let file = files.first().unwrap_or_else(|| panic!("no recording {number}"));
        serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
    }
}

/// A recording that is no JSON.
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/stackstorm")
}
