//! Ids that cannot be mixed up: each table's key, the request id and the fingerprint.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `poundcake_api_calls.id`.
pub type ApiCallId = i64;
/// `poundcake_alerts.id`.
pub type AlertId = i64;

/// The public id of one webhook POST: a UUIDv7, made by us, unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(uuid::Uuid);

impl RequestId {
    /// A new id; ids of one process sort by their time, which keeps the unique index in order.
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// Reads the 36-character form.
    pub fn parse(text: &str) -> Result<Self, uuid::Error> {
        uuid::Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// An alert's identity over its recurrences: 16 lower-case hex digits of its label set's FNV-1a hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Accepts 16 hex digits only; anything else must be recomputed from the labels ([`Self::of_labels`]).
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        hex.then(|| Self(text.to_owned()))
    }

    /// Alertmanager's own hash: FNV-1a-64 over the sorted `name 0xFF value 0xFF`.
    pub fn of_labels(labels: &std::collections::BTreeMap<String, String>) -> Self {
        let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self::of(labels, std::iter::empty())
    }

    /// The same over some of the labels, sorted by name, and over what else counts. An extra 0xFF before the latter's names
    /// keeps them apart from labels, whose names are UTF-8.
    pub fn of<'p>(
        labels: impl IntoIterator<Item = (&'p str, &'p str)>,
        besides: impl IntoIterator<Item = (&'p str, &'p str)>,
    ) -> Self {
        let mut hash = Fnv::default();
        for (name, value) in labels {
            hash.add(name);
            hash.add(value);
        }
        for (name, value) in besides {
            hash.add("");
            hash.add(name);
            hash.add(value);
        }
        Self(format!("{:016x}", hash.0))
    }

    /// The 16 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// FNV-1a-64.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds a text and the 0xFF that ends it.
    fn add(&mut self, text: &str) {
        const PRIME: u64 = 0x0100_0000_01b3;
        for byte in text.bytes().chain(std::iter::once(0xFF)) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
}
