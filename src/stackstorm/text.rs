//! Keeps StackStorm from evaluating alert text: breaks its template markers apart before it is sent.
//!
//! Parameters are Jinja templates, and Orquesta evaluates Jinja and YAQL in their values again, so neither escaping nor
//! one `{% raw %}` helps (docs/contracts/stackstorm.md#post-v1executions-direct-mode). A marker with a space in it stays
//! text through every layer: `{{` becomes `{ {`, and so do `{%`, `{#` and `<%`. The closing markers alone do nothing.
//! The original stays in our rows.
//!
//! A `{` or `<` at the end gets the space too: a workflow may join two values.

use crate::text_enum;
use serde_json::{Map, Value};
use std::borrow::Cow;

text_enum! {
    /// What happens to alert text that holds template markers (`POUNDCAKE_TEMPLATE_TEXT`).
    pub enum TemplateText {
        /// The markers are broken apart.
        Break = "break",
        /// The dispatch is rejected.
        Reject = "reject",
    }
}

/// A parameter holds a template marker, and `POUNDCAKE_TEMPLATE_TEXT` is `reject`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the alert's text for parameter {parameter:?} holds a template marker ({{{{ {{% {{# or <%), \
     and POUNDCAKE_TEMPLATE_TEXT=reject"
)]
pub struct MarkerFound {
    /// The parameter's name.
    pub parameter: String,
}

/// Makes a parameter's value inert, down to the names and strings inside of maps and lists; or refuses it.
///
/// To be applied to the finished value: what two harmless halves were put together to is seen only then.
pub fn disarm(parameter: &str, value: Value, mode: TemplateText) -> Result<Value, MarkerFound> {
    if mode == TemplateText::Reject && holds_marker(&value) {
        return Err(MarkerFound { parameter: parameter.to_owned() });
    }
    Ok(break_value(value))
}

/// Breaks the markers in one text apart.
pub fn break_markers(text: &str) -> Cow<'_, str> {
    if !has_marker(text) && !text.ends_with(['{', '<']) {
        return Cow::Borrowed(text);
    }
    let mut broken = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        broken.push(c);
        if chars.peek().map_or(c == '{' || c == '<', |next| is_marker(c, *next)) {
            broken.push(' ');
        }
    }
    Cow::Owned(broken)
}

const fn is_marker(first: char, second: char) -> bool {
    matches!((first, second), ('{', '{' | '%' | '#') | ('<', '%'))
}

fn has_marker(text: &str) -> bool {
    text.chars().zip(text.chars().skip(1)).any(|(first, second)| is_marker(first, second))
}

fn holds_marker(value: &Value) -> bool {
    match value {
        Value::String(text) => has_marker(text),
        Value::Array(list) => list.iter().any(holds_marker),
        Value::Object(map) => map.iter().any(|(name, value)| has_marker(name) || holds_marker(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn break_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(break_markers(&text).into_owned()),
        Value::Array(list) => Value::Array(list.into_iter().map(break_value).collect()),
        Value::Object(map) => Value::Object(break_map(map)),
        scalar => scalar,
    }
}

fn break_map(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().map(|(name, value)| (break_markers(&name).into_owned(), break_value(value))).collect()
}

#[cfg(test)]
mod tests;
