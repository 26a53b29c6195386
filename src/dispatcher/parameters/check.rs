//! A route held to what its action and its runner declare, before any alert comes.

use super::{Template, direct};
use crate::{dispatcher::routing::route::Route, stackstorm::Parameter};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Why every alert of a route would be `failed/rejected`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The route gives what neither the action nor its runner takes.
    Unknown(String),
    /// The route gives what the action's author has fixed.
    Immutable(String),
    /// The action or its runner requires it, and neither the route nor PoundCake gives it.
    Missing(String),
    /// The route's value is of another type.
    Type {
        /// The parameter.
        name: String,
        /// The declared type.
        declared: String,
        /// The type of the route's value.
        given: &'static str,
    },
    /// The route's value is none of those that are allowed.
    Choice {
        /// The parameter.
        name: String,
        /// What is allowed, as JSON.
        allowed: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(
                f,
                "parameter {name:?} is unknown to the action and its runner; StackStorm answers 400 \"Additional \
                 properties are not allowed\""
            ),
            Self::Immutable(name) => {
                write!(f, "parameter {name:?} is immutable; StackStorm answers 400 to a call that gives it")
            }
            Self::Missing(name) => {
                write!(f, "parameter {name:?} is required, and neither the route nor the default parameters give it")
            }
            Self::Type { name, declared, given } => {
                write!(f, "parameter {name:?} must be of type {declared}, and the route gives {given}")
            }
            Self::Choice { name, allowed } => write!(f, "parameter {name:?} must be one of {allowed}"),
        }
    }
}

/// What is wrong with a route whatever the alert, in the order of the parameters' names. A value that an alert gets into
/// is not looked at, nor one that StackStorm renders first.
pub fn problems(route: &Route, declared: &BTreeMap<String, Parameter>) -> Vec<Problem> {
    let own = route.parameters.iter().filter_map(|(name, template)| match declared.get(name) {
        None => Some(Problem::Unknown(name.clone())),
        Some(parameter) if parameter.immutable => Some(Problem::Immutable(name.clone())),
        Some(parameter) => match template {
            Template::Literal(value) => of_value(name, value, parameter),
            _ => None,
        },
    });
    let given = |name: &str| route.parameters.contains_key(name) || direct().any(|(known, _)| *known == name);
    let missing = declared.iter().filter(|(name, parameter)| parameter.must_be_filled() && !given(name));
    own.chain(missing.map(|(name, _)| Problem::Missing(name.clone()))).collect()
}

fn of_value(name: &str, value: &Value, parameter: &Parameter) -> Option<Problem> {
    let is_template = value.as_str().is_some_and(|text| text.contains("{{") || text.contains("{%"));
    if is_template || value.is_null() {
        return None;
    }
    if let Some(declared) = parameter.kind.as_deref().filter(|kind| !fits(kind, value)) {
        let (name, declared) = (name.to_owned(), declared.to_owned());
        return Some(Problem::Type { name, declared, given: type_of(value) });
    }
    let allowed = parameter.choices.as_ref().filter(|choices| !choices.contains(value))?;
    // A text that StackStorm casts first may become one of them.
    let cast = value.is_string() && !matches!(parameter.kind.as_deref(), None | Some("string"));
    let allowed = Value::from(allowed.clone()).to_string();
    (!cast).then(|| Problem::Choice { name: name.to_owned(), allowed })
}

/// False only where StackStorm cannot cast it.
fn fits(kind: &str, value: &Value) -> bool {
    let text = value.as_str().map(str::trim);
    match kind {
        "string" => text.is_some(),
        "integer" => !is_nested(value) && text.is_none_or(|text| text.replace('_', "").parse::<i128>().is_ok()),
        "number" => !is_nested(value) && text.is_none_or(|text| text.parse::<f64>().is_ok()),
        "boolean" => value.is_boolean() || text.is_some_and(|text| !text.is_empty()),
        // StackStorm reads both out of texts in several notations.
        "array" => value.is_array() || text.is_some(),
        "object" => value.is_object() || text.is_some(),
        _ => true,
    }
}

fn is_nested(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text that is none",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
