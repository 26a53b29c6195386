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

    /// Alertmanager's own hash: FNV-1a-64 over the sorted `name 0xFF value 0xFF`
    /// (Alertmanager contract, section 2: reproduced on 2,058 of 2,058 recorded alerts).
    pub fn of_labels(labels: &std::collections::BTreeMap<String, String>) -> Self {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let mut hash = OFFSET;
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain(std::iter::once(&0xFF)) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
            }
        };
        for (name, value) in labels {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        Self(format!("{hash:016x}"))
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
