//! Secret parameters: never shown, and cut out of what StackStorm says of them.

use crate::stackstorm::Parameter;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What StackStorm writes in their place, and so do we.
const MASK: &str = "********";
/// Pieces of a secret shorter than this are no secret, and cutting them out would garble the words around them.
const SHORTEST: usize = 3;
/// What names of secrets hold, for where StackStorm's declarations are not known.
const WORDS: [&str; 8] =
    ["password", "passphrase", "passwd", "secret", "token", "private_key", "api_key", "credential"];

/// The parameters for people to see: those that the action or its runner declares as secret are masked.
pub fn masked(parameters: &Map<String, Value>, declared: &BTreeMap<String, Parameter>) -> Map<String, Value> {
    mask(parameters, |name| declared.get(name).is_some_and(|parameter| parameter.secret))
}

/// The same where the declarations are not known: by the names that secrets usually have.
pub fn masked_by_name(parameters: &Map<String, Value>) -> Map<String, Value> {
    mask(parameters, |name| {
        let name = name.to_ascii_lowercase();
        WORDS.iter().any(|word| name.contains(word))
    })
}

fn mask(parameters: &Map<String, Value>, is_secret: impl Fn(&str) -> bool) -> Map<String, Value> {
    let shown = |(name, value): (&String, &Value)| {
        let value = if is_secret(name) { Value::from(MASK) } else { value.clone() };
        (name.clone(), value)
    };
    parameters.iter().map(shown).collect()
}

/// The secrets among the parameters of one call. StackStorm quotes a value that it refuses, and its words go into
/// `dispatch_error` and into the log.
#[derive(Default)]
pub struct Secrets {
    /// Longest first: one may hold another.
    pieces: Vec<String>,
}

impl Secrets {
    /// What of these parameters the action or its runner declares as secret.
    pub fn of(parameters: &Map<String, Value>, declared: &BTreeMap<String, Parameter>) -> Self {
        let secret = |name: &String| declared.get(name).is_some_and(|parameter| parameter.secret);
        let mut pieces = Vec::new();
        parameters.iter().filter(|(name, _)| secret(name)).for_each(|(_, value)| collect(value, &mut pieces));
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        pieces.dedup();
        Self { pieces }
    }

    /// The text without them.
    pub fn hide(&self, text: &str) -> String {
        self.pieces.iter().fold(text.to_owned(), |text, piece| text.replace(piece, MASK))
    }
}

/// The parts that come through Python's `repr` unchanged: it escapes quotes, backslashes and control characters.
fn collect(value: &Value, pieces: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let parts = text.split(|c: char| c.is_control() || matches!(c, '\'' | '"' | '\\'));
            pieces.extend(parts.map(str::trim).filter(|part| part.len() >= SHORTEST).map(str::to_owned));
        }
        Value::Number(number) => pieces.push(number.to_string()),
        Value::Array(list) => list.iter().for_each(|value| collect(value, pieces)),
        Value::Object(map) => map.values().for_each(|value| collect(value, pieces)),
        Value::Null | Value::Bool(_) => {}
    }
}
