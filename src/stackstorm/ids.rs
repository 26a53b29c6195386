//! StackStorm's ids: 24 hex digits today, treated as short opaque words that are safe in a URL.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The id of anything StackStorm stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId(String);

/// The id of an execution: what `poundcake_st2_execution_link.st2_execution_id` holds.
pub type ExecutionId = ObjectId;
/// The id of a trigger instance: one arrival of a webhook at StackStorm's rules.
pub type TriggerInstanceId = ObjectId;

impl ObjectId {
    /// Accepts 1 to 36 letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=36).contains(&text.len()) && text.bytes().all(safe) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId)
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is no id of StackStorm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a StackStorm id has 1 to 36 letters, digits, - and _")]
pub struct InvalidId;
