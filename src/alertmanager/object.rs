//! Reads JSON objects by known member names: raw members and maps of strings.

use crate::model::truncate::column;
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};

/// The raw values of the members called `names`; the last of duplicates, `None` where absent.
///
/// What has another name is skipped by the parser's loop over brackets, which knows no depth. `expected` names the
/// object in the error for something that is none.
pub(super) fn members<'a, const N: usize>(
    json: &'a str,
    expected: &'static str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(json);
    let found = parser.deserialize_map(Members { expected, names })?;
    parser.end()?;
    Ok(found)
}

/// A JSON string's text; `None` for anything else.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A JSON object whose values are all strings.
pub(super) fn string_map(raw: &RawValue) -> Result<BTreeMap<String, String>, serde_json::Error> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(StringMap)
}

struct Members<const N: usize> {
    expected: &'static str,
    names: [&'static str; N],
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(index) = map.next_key_seed(Name(&self.names))? {
            match index.and_then(|index| found.get_mut(index)) {
                Some(slot) => *slot = Some(map.next_value::<&RawValue>()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// Finds a key among names without keeping it.
struct Name<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

struct StringMap;

impl<'de> Visitor<'de> for StringMap {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut strings = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value =
                map.next_value().map_err(|error| A::Error::custom(format_args!("{}: {error}", brief(&name))))?;
            strings.insert(name, value);
        }
        Ok(strings)
    }
}

/// A parser's error, of bounded length: it may quote the whole text it did not expect.
pub(super) fn detail(error: &serde_json::Error) -> String {
    column(&error.to_string(), 200).into_owned()
}

/// A foreign text in an error: quoted, escaped, of bounded length.
pub(super) fn brief(text: &str) -> String {
    format!("{:?}", column(text, 64))
}
