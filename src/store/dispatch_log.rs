//! `poundcake_alerts.dispatch_log`: what happened to a dispatch besides its success, the last 20 entries as JSON.

use crate::{clock::rfc3339, model::column::column};
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

/// Entries kept per row.
const KEPT: usize = 20;
/// Characters of a detail kept.
const DETAIL: usize = 500;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339, the database's clock.
    pub at: String,
    /// One word: `retried`, `attempt_failed`, `lookup`, `cancelled`, `adopted`, `replayed`, …
    pub event: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The execution it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
}

impl Entry {
    /// An event at a time.
    pub fn new(at: NaiveDateTime, event: &str) -> Self {
        Self { at: rfc3339(at), event: event.to_owned(), detail: None, execution_id: None }
    }

    /// With a text for people, cut.
    #[must_use]
    pub fn detail(mut self, text: &str) -> Self {
        self.detail = Some(column(text, DETAIL).into_owned());
        self
    }

    /// About this execution.
    #[must_use]
    pub fn execution(mut self, id: &str) -> Self {
        self.execution_id = Some(id.to_owned());
        self
    }

    /// The column's new text.
    pub fn appended_to(&self, log: Option<&str>) -> String {
        append(log, self)
    }
}

/// The column's new text. What is there and cannot be read is dropped, never an error.
pub fn append(log: Option<&str>, entry: &Entry) -> String {
    let mut entries: Vec<Entry> = log.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    entries.push(entry.clone());
    let surplus = entries.len().saturating_sub(KEPT);
    entries.drain(..surplus);
    serde_json::to_string(&entries).unwrap_or_else(|_| "[]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_twenty_entries_are_kept_in_order() {
        let at = crate::clock::utc_now();
        let mut log = Some("not json".to_owned());
        for n in 0..25 {
            log = Some(append(log.as_deref(), &Entry::new(at, "attempt_failed").detail(&n.to_string())));
        }
        let entries: Vec<Entry> = serde_json::from_str(&log.unwrap()).unwrap();
        let details: Vec<_> = entries.iter().filter_map(|entry| entry.detail.as_deref()).collect();
        assert_eq!((details.len(), details[0], details[19]), (20, "5", "24"));
    }
}
