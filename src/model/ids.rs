//! Ids that cannot be mixed up: each table's key, the request id and the fingerprint.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::BigInt,
};
use serde::{Deserialize, Serialize};
use std::{fmt, num::ParseIntError, str::FromStr};

/// Declares a table's key.
macro_rules! key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow)]
        #[diesel(sql_type = BigInt)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }

        /// Log lines carry it as a number.
        impl log::kv::ToValue for $name {
            fn to_value(&self) -> log::kv::Value<'_> {
                self.0.into()
            }
        }

        impl<DB: Backend> ToSql<BigInt, DB> for $name
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<BigInt, DB> for $name
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                i64::from_sql(bytes).map(Self)
            }
        }
    };
}

key! {
    /// `poundcake_api_calls.id`.
    ApiCallId
}

key! {
    /// `poundcake_alerts.id`.
    AlertId
}

/// The public id of one webhook POST, unique. Ours are UUIDv7; rows of an older installation keep the id that they had, so
/// this is a checked text and not a UUID. It is compared as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestId {
    text: [u8; Self::LONGEST],
    length: u8,
}

/// A text that cannot be a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 1 to 36 characters, which are ASCII letters, digits or one of {}", RequestId::MARKS)]
pub struct NotARequestId;

impl RequestId {
    /// Characters at most; the column's width.
    pub const LONGEST: usize = 36;
    /// The characters besides letters and digits. None of them means anything in a path, a header, a log line or one of
    /// StackStorm's templates, which all carry the id.
    pub const MARKS: &str = "-_.:+=@";

    /// A new id; ids of one process sort by their time, which keeps the unique index in order.
    pub fn generate() -> Self {
        let (mut text, length) = ([0; Self::LONGEST], 36);
        uuid::Uuid::now_v7().hyphenated().encode_lower(&mut text);
        Self { text, length }
    }

    /// Checks length and characters.
    pub fn parse(given: &str) -> Result<Self, NotARequestId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || Self::MARKS.as_bytes().contains(&byte);
        let length = u8::try_from(given.len()).map_err(|_too_long| NotARequestId)?;
        let mut text = [0; Self::LONGEST];
        let room = text.get_mut(..given.len()).filter(|room| !room.is_empty()).ok_or(NotARequestId)?;
        if !given.bytes().all(plain) {
            return Err(NotARequestId);
        }
        room.copy_from_slice(given.as_bytes());
        Ok(Self { text, length })
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        // ASCII, by both ways to make one.
        self.text.get(..usize::from(self.length)).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.as_str().to_owned()
    }
}

impl TryFrom<String> for RequestId {
    type Error = NotARequestId;

    fn try_from(text: String) -> Result<Self, NotARequestId> {
        Self::parse(&text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_systems_stay_as_they_are_written() {
        for text in
            ["req-7", "6C656761637980008000000000000001", "019AA7B5-8F2B-7C3E-9A51-2F6F3C1D4E5F", "a:b+c=d@e_f.g"]
        {
            assert_eq!(RequestId::parse(text).unwrap().to_string(), text);
        }
        let ours = RequestId::generate();
        assert_eq!((RequestId::parse(ours.as_str()), ours.as_str().len()), (Ok(ours), 36));
        assert_eq!(serde_json::from_str::<RequestId>(&serde_json::to_string(&ours).unwrap()).unwrap(), ours);
    }

    #[test]
    fn special_characters_make_no_id() {
        let long = "x".repeat(37);
        for text in ["", "a b", "a/b", "{{1}}", "<%x%>", "a\"b", "a\nb", "\u{e4}", "a?b", "a%20b", "\0", long.as_str()]
        {
            assert_eq!(RequestId::parse(text), Err(NotARequestId), "{text}");
        }
        assert!(NotARequestId.to_string().ends_with("or one of -_.:+=@"));
    }
}
