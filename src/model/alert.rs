//! One alert as a webhook brought it, parsed: what the episode decision and the row are made of.

use super::{ids::Fingerprint, status::AlertStatus};
use chrono::NaiveDateTime;
use std::collections::BTreeMap;

/// One entry of a webhook's `alerts[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingAlert {
    /// Of the labels; the sender's own where it is well-formed.
    pub fingerprint: Fingerprint,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// All labels, sorted by name.
    pub labels: BTreeMap<String, String>,
    /// All annotations, sorted by name.
    pub annotations: BTreeMap<String, String>,
    /// UTC, microseconds; `None` where the sender gave none or Go's zero time.
    pub starts_at: Option<NaiveDateTime>,
    /// UTC, microseconds; `None` while it fires (the zero time).
    pub ends_at: Option<NaiveDateTime>,
    /// Where the alert was computed, as sent.
    pub generator_url: Option<String>,
}

impl IncomingAlert {
    /// A label's value, or "".
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// One entry of `alerts[]` that could not be read; it is stored as `skipped/invalid` with what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAlert {
    /// What is wrong with it, naming the field.
    pub error: String,
}
