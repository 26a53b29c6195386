//! How columns are shown in JSON: times as RFC 3339 with `Z`, JSON columns as JSON.

use crate::clock;
use chrono::NaiveDateTime;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A time of the database.
pub fn time<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::rfc3339(*time))
}

/// The same, or null.
pub fn optional_time<S: Serializer>(time: &Option<NaiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(clock::rfc3339).serialize(serializer)
}

/// The column's JSON as it is. Invalid JSON (an edit by hand) is shown as text.
pub(crate) fn json<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_str(text),
    }
}

/// The same, or null.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
pub(crate) fn optional_json<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => json(text, serializer),
        None => serializer.serialize_none(),
    }
}
