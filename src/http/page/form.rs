//! The filters of a list as a form, and the addresses of its states: every state of a list is a URL.

use super::{
    super::{problem::Problem, query::Query},
    notice,
};
use crate::clock;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The time ranges that one click chooses, and their lengths.
const RANGES: [(&str, &str, Option<TimeDelta>); 6] = [
    ("15m", "15 min", Some(TimeDelta::minutes(15))),
    ("1h", "1 h", Some(TimeDelta::hours(1))),
    ("6h", "6 h", Some(TimeDelta::hours(6))),
    ("24h", "24 h", Some(TimeDelta::hours(24))),
    ("7d", "7 d", Some(TimeDelta::days(7))),
    ("all", "all", None),
];
/// How long one page searches by what no index has together; the next page goes on from there.
pub(super) const PATIENCE: Duration = Duration::from_millis(40);
/// What is chosen when nothing is said.
const DAY: &str = "24h";

/// A link of a row of choices.
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) href: String,
    pub(super) current: bool,
}

/// A field of the form.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) placeholder: &'static str,
    /// Of a list to choose from; empty for a text.
    pub(super) options: Vec<&'static str>,
}

impl Field {
    /// A field for a text.
    pub(super) fn text(query: &Query, name: &'static str, label: &'static str, placeholder: &'static str) -> Self {
        Self { name, label, value: query.text(name).unwrap_or_default(), placeholder, options: Vec::new() }
    }

    /// A field for one of these words.
    pub(super) fn of(
        query: &Query,
        name: &'static str,
        label: &'static str,
        options: impl Iterator<Item = &'static str>,
    ) -> Self {
        Self { options: options.collect(), ..Self::text(query, name, label, "any") }
    }

    /// For templates.
    pub(super) fn is(&self, option: &str) -> bool {
        self.value == option
    }
}

/// A filter that is in force, and the list without it.
pub(super) struct InForce {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) without: String,
}

/// Whether a parameter says where in a list one is or how one came here, and not what is in it.
fn is_place(name: &str) -> bool {
    matches!(name, "next" | "limit" | notice::DONE)
}

/// This list with one parameter set anew, or taken away; from its beginning.
pub(super) fn with(path: &str, query: &Query, name: &str, value: Option<&str>) -> String {
    let kept = query.pairs().iter().filter(|(given, _)| given != name && (name == "next" || !is_place(given)));
    let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs = kept.chain(value.map(|value| (name, value)));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The filters in force, each with a way to remove it.
pub(super) fn in_force(path: &str, query: &Query) -> Vec<InForce> {
    let filters = query.pairs().iter().filter(|(name, _)| !is_place(name) && name != "range");
    let one = |(name, value): &(String, String)| InForce {
        name: name.replace('_', " "),
        value: value.clone(),
        without: with(path, query, name, None),
    };
    filters.map(one).collect()
}

/// The time range: `range`, or all where `from`, `to` or something rare is given, or a day.
pub(super) fn range<'q>(query: &'q Query, rare: &[&str]) -> &'q str {
    let narrow = ["from", "to"].iter().chain(rare).any(|name| query.get(name).is_some());
    query.get("range").unwrap_or(if narrow { "all" } else { DAY })
}

/// The choices of time ranges.
pub(super) fn ranges(path: &str, query: &Query, chosen: &str) -> Vec<Choice> {
    let choice = |(word, label, _): &(&str, &str, _)| Choice {
        label: (*label).to_owned(),
        href: with(path, query, "range", Some(word)),
        current: *word == chosen,
    };
    RANGES.iter().map(choice).collect()
}

/// Since when; `None` for all times.
pub(super) fn since(range: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let known = RANGES.iter().find(|(word, ..)| *word == range);
    let (.., length) = known.ok_or_else(|| {
        let words: Vec<&str> = RANGES.iter().map(|(word, ..)| *word).collect();
        super::super::query::bad("range", format_args!("no such range; known are {}", words.join(", ")))
    })?;
    Ok(length.map(|length| clock::utc_now().and_utc() - length))
}
