//! What is sent with a trigger: the route's own parameters, always, and those of the default ones that the action or its
//! runner declares.
//!
//! A route's own parameter that neither declares is sent all the same: StackStorm refuses it by name, and the alert is
//! `failed/rejected`. Left out without a word, the remediation would run with other parameters than its operator wrote.
//! [`problems`] says so before any alert comes.
//!
//! Everything that an alert got into is made inert ([`text`]); a route's value without any placeholder is
//! the operator's own and is sent as it stands, so that it may use StackStorm's templates on purpose.

mod check;
mod placeholders;
mod secret;

pub use check::{Problem, problems};
pub use placeholders::{check_placeholders, may_be_empty};
pub use secret::{Secrets, masked, masked_by_name};

use super::{
    routing::route::Route,
    template::{AlertView, Field, Template},
};
use crate::stackstorm::{
    Parameter,
    text::{self, MarkerFound, TemplateText},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is offered to an action, with `poundcake_request_id`, and what a rule sees in `trigger.body`, in addition to `request_id`
/// and `alert_id`.
const FIELDS: [(&str, Field); 8] = [
    ("alert_name", Field::AlertName),
    ("instance", Field::Instance),
    ("severity", Field::Severity),
    ("fingerprint", Field::Fingerprint),
    ("status", Field::Status),
    ("labels", Field::Labels),
    ("annotations", Field::Annotations),
    ("starts_at", Field::StartsAt),
];

/// The default parameters of direct mode.
fn direct() -> impl Iterator<Item = &'static (&'static str, Field)> {
    FIELDS.iter().chain(&[("poundcake_request_id", Field::RequestId)])
}

/// The default body of rule mode.
fn body() -> impl Iterator<Item = &'static (&'static str, Field)> {
    FIELDS.iter().chain(&[("request_id", Field::RequestId)])
}

/// Why an alert cannot be dispatched by its route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The action wants what the alert does not give.
    #[error(
        "{target} requires parameter {name:?}, which the alert leaves empty; \
         in the routes file, give {route} parameters: {{{name}: …}}, a value or a placeholder as ${{labels.NAME}}"
    )]
    Missing {
        /// The parameter.
        name: String,
        /// The route's target.
        target: String,
        /// The route's name.
        route: String,
    },
    /// A placeholder of the route came out empty.
    #[error(
        "{placeholder} is empty in this alert, so parameter {name:?} of {route} would be incomplete, which an action may take for \
         \"everything\"; nothing is sent. Add the label to the alert, or to the route's match (as NAME!=\"\"); or write a question mark at \
         the end of the placeholder, as ${{labels.NAME?}}, if an empty value is right"
    )]
    Empty {
        /// The parameter.
        name: String,
        /// As in the routes file.
        placeholder: String,
        /// The route's name.
        route: String,
    },
    /// Template markers, and they are not to be broken.
    #[error(transparent)]
    Marker(#[from] MarkerFound),
}

/// The parameters of an execution: the route's own, and the default ones as far as they are declared.
pub fn fill(
    route: &Route,
    alert: &AlertView<'_>,
    declared: &BTreeMap<String, Parameter>,
    mode: TemplateText,
) -> Result<Map<String, Value>, ParameterError> {
    check_placeholders(route, alert)?;
    let mut filled = Map::new();
    let undeclared = Parameter::default();
    for (name, template) in &route.parameters {
        let parameter = declared.get(name).unwrap_or(&undeclared);
        if let Some(value) = own(name, template, parameter, alert, mode)? {
            filled.insert(name.clone(), value);
        }
    }
    for (name, field) in direct().filter(|(name, _)| !route.parameters.contains_key(*name)) {
        let Some(parameter) = declared.get(*name).filter(|parameter| !parameter.immutable) else { continue };
        let value = field.of(alert);
        // What the alert lacks is left out: the action's own default holds.
        if value != ""
            && let Some(value) = from_alert(name, value, parameter, mode)?
        {
            filled.insert((*name).to_owned(), value);
        }
    }
    let missing = declared.iter().find(|(name, parameter)| parameter.must_be_filled() && !filled.contains_key(*name));
    match missing {
        None => Ok(filled),
        Some((name, _)) => Err(ParameterError::Missing {
            name: name.clone(),
            target: route.target.to_string(),
            route: route.name.clone(),
        }),
    }
}

/// The value of a route's own parameter.
fn own(
    name: &str,
    template: &Template,
    parameter: &Parameter,
    alert: &AlertView<'_>,
    mode: TemplateText,
) -> Result<Option<Value>, MarkerFound> {
    match template {
        Template::Literal(value) => Ok(Some(value.clone())),
        template => from_alert(name, template.render(alert), parameter, mode),
    }
}

/// What an alert got into, in the declared type; `None` where the parameter is better left out.
fn from_alert(
    name: &str,
    value: Value,
    parameter: &Parameter,
    mode: TemplateText,
) -> Result<Option<Value>, MarkerFound> {
    let kind = parameter.kind.as_deref();
    // Drop an empty string if the parameter is required, has a default, or is not a string.
    let is_text = matches!(kind, None | Some("string"));
    if value == "" && (parameter.required || parameter.has_default || !is_text) {
        return Ok(None);
    }
    // Broken last: a map may become a text before.
    text::disarm(name, coerce(value, kind), mode).map(Some)
}

/// The value in the declared type where that is beyond doubt; else as it is, and StackStorm says what it wants.
fn coerce(value: Value, kind: Option<&str>) -> Value {
    match (kind, value) {
        (Some("string"), value @ (Value::Array(_) | Value::Object(_) | Value::Bool(_) | Value::Number(_))) => {
            Value::String(value.to_string())
        }
        (Some(kind @ ("integer" | "number" | "boolean")), Value::String(text)) => {
            scalar(text.trim(), kind).unwrap_or(Value::String(text))
        }
        (_, value) => value,
    }
}

fn scalar(text: &str, kind: &str) -> Option<Value> {
    let integer = || text.parse::<i64>().ok().map(Value::from);
    match kind {
        "integer" => integer(),
        "number" => integer().or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)),
        _ => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
    }
}

/// Everything that an action would get which declares it all, for showing to people where StackStorm is not asked.
pub fn offered(route: &Route, alert: &AlertView<'_>, mode: TemplateText) -> Result<Map<String, Value>, ParameterError> {
    let names = direct().map(|(name, _)| *name).chain(route.parameters.keys().map(String::as_str));
    let declared = names.map(|name| (name.to_owned(), Parameter::default())).collect();
    fill(route, alert, &declared, mode)
}

/// The body for a StackStorm webhook: the fixed fields, and the route's parameters over them.
pub fn webhook_body(
    route: &Route,
    alert: &AlertView<'_>,
    mode: TemplateText,
) -> Result<Map<String, Value>, ParameterError> {
    check_placeholders(route, alert)?;
    let mut filled = Map::from_iter([("alert_id".to_owned(), Value::from(alert.alert_id.0))]);
    for (name, field) in body().filter(|(name, _)| !route.parameters.contains_key(*name)) {
        filled.insert((*name).to_owned(), text::disarm(name, field.of(alert), mode)?);
    }
    for (name, template) in &route.parameters {
        let value = match template {
            Template::Literal(value) => value.clone(),
            filled => text::disarm(name, filled.render(alert), mode)?,
        };
        filled.insert(name.clone(), value);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
