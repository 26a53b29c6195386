//! Log lines: text for people, JSON for machines; key-values on every line of a flow.

use crate::text_enum;
use log::kv::{Key, Value, VisitSource};
use std::io::Write;

text_enum! {
    /// `POUNDCAKE_LOG_FORMAT`.
    pub enum LogFormat {
        /// `2026-11-22T00:20:30Z INFO poundcake::relay: message key=value`
        Text = "text",
        /// One object per line.
        Json = "json",
    }
}

/// Starts logging to standard error. A second call (tests) changes nothing.
pub fn init(format: LogFormat, filter: &str) {
    let mut builder = env_logger::Builder::new();
    // lapin's spans come through as lines that say nothing, and a channel's errors are reported by who used it (looking
    // for a queue that is not there yet is one), as are those of a connection; a filter can bring them back.
    for quiet in ["tracing::span", "lapin::channel", "lapin::io_loop"] {
        builder.filter_module(quiet, log::LevelFilter::Off);
    }
    builder.parse_filters(filter);
    if format == LogFormat::Json {
        builder.format(|out, record| {
            let mut line = serde_json::Map::new();
            let at = crate::clock::rfc3339(crate::clock::utc_now());
            line.insert("time".to_owned(), at.into());
            line.insert("level".to_owned(), record.level().as_str().into());
            line.insert("target".to_owned(), record.target().into());
            line.insert("message".to_owned(), record.args().to_string().into());
            // A key-value cannot fail to be collected: the visitor always succeeds.
            drop(record.key_values().visit(&mut Collect(&mut line)));
            writeln!(out, "{}", serde_json::Value::Object(line))
        });
    }
    if builder.try_init().is_err() {
        log::debug!(event = "logging_started"; "logging was started before");
    }
}

struct Collect<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Collect<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        let json = serde_json::to_value(&value).unwrap_or_else(|_| value.to_string().into());
        self.0.insert(key.as_str().to_owned(), json);
        Ok(())
    }
}

/// An error with its causes, for one log line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
