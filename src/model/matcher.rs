//! Alertmanager's matchers: `alertname="HostDown"`, `severity=~"critical|page"`, `{team!="db", "k8s.pod"!~"tmp.*"}`.
//!
//! `POUNDCAKE_MUTE` and the routes file are written in them. A label that is missing has the value ""; a regular
//! expression must match the whole value, and means what it means in Go (`re2`).

mod parser;
mod re2;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// What a compiled expression may take in memory; an alternation of ten thousand names fits.
const REGEX_BYTES: usize = 32 << 20;
/// Levels of the syntax tree, above what `re2` lets through.
const REGEX_LEVELS: u32 = 1_000;

/// Matchers that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// Reads one matcher or a comma list of them, in braces or without.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        parser::parse(text).map(Self)
    }

    /// True when every matcher holds; so also when there is none.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    /// True when no alert matches that lacks this label, or has it empty.
    pub fn require(&self, label: &str) -> bool {
        let nothing = BTreeMap::new();
        self.0.iter().any(|matcher| matcher.label == label && !matcher.matches(&nothing))
    }

    /// The labels of an alert that is written as matchers; `None` where one of them is not `label="value"`.
    pub fn as_labels(&self) -> Option<BTreeMap<String, String>> {
        let label = |matcher: &Matcher| {
            let is_equal = matches!(matcher.operator, Operator::Equal);
            is_equal.then(|| (matcher.label.clone(), matcher.value.clone()))
        };
        self.0.iter().map(label).collect()
    }

    /// True when there is none: as a route that takes everything, as a mute that is meant to take nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Matchers {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, matcher) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{matcher}")?;
        }
        f.write_str("}")
    }
}

/// A list of texts, one for each matcher.
impl Serialize for Matchers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Matcher::to_string))
    }
}

impl<'de> Deserialize<'de> for Matchers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrList)
    }
}

struct TextOrList;

impl<'de> de::Visitor<'de> for TextOrList {
    type Value = Matchers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("matchers, as alertname=\"HostDown\", or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Matchers, E> {
        Matchers::parse(text).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Matchers, A::Error> {
        let mut all = Matchers::default();
        while let Some(text) = list.next_element::<String>()? {
            all.0.extend(Matchers::parse(&text).map_err(de::Error::custom)?.0);
        }
        Ok(all)
    }
}

/// One condition on one label.
#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    operator: Operator,
    value: String,
    /// Set with the two regular operators.
    regex: Option<Regex>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl Operator {
    /// The longer ones first: `=` begins `=~` too.
    const ALL: [Self; 4] = [Self::Regex, Self::NotRegex, Self::NotEqual, Self::Equal];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

impl Matcher {
    fn new(label: String, operator: Operator, value: String) -> Result<Self, String> {
        let regex = match operator {
            Operator::Equal | Operator::NotEqual => None,
            Operator::Regex | Operator::NotRegex => Some(whole_value(&value)?),
        };
        Ok(Self { label, operator, value, regex })
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.label).map_or("", String::as_str);
        let same = self.regex.as_ref().map_or_else(|| value == self.value, |regex| regex.is_match(value));
        same == matches!(self.operator, Operator::Equal | Operator::Regex)
    }
}

/// Put between the same brackets as Alertmanager does it.
fn whole_value(expression: &str) -> Result<Regex, String> {
    let translated = re2::translate(&format!("^(?:{expression})$"))?;
    let built = RegexBuilder::new(&translated).size_limit(REGEX_BYTES).nest_limit(REGEX_LEVELS).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(bytes) => format!("it needs more than {bytes} bytes compiled; repeat less"),
        other => format!("{other}"),
    })
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.label, self.operator, &self.value) == (&other.label, other.operator, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !self.label.is_empty() && self.label.chars().all(plain) {
            f.write_str(&self.label)?;
        } else {
            parser::write_quoted(f, &self.label)?;
        }
        f.write_str(self.operator.as_str())?;
        parser::write_quoted(f, &self.value)
    }
}

/// Why a text is no list of matchers, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("matcher {text:?}, character {position}: {problem}")]
pub struct MatcherError {
    /// The whole text.
    pub text: String,
    /// The character at fault, counted from 1.
    pub position: usize,
    /// What is wrong there, and what to write instead.
    pub problem: String,
}

#[cfg(test)]
mod tests;
