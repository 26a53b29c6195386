//! An execution's parameters: rendered as templates, cast to their types, held to the action's schema.
//!
//! The order is StackStorm's: render, cast, then (in [`super::create`]) disabled, schema, immutable.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    cast::cast,
    parameter_error::ParameterError,
    python,
    template::{Template, expression::Names},
};

/// What templates can read in addition to the other parameters.
pub(super) struct Surroundings<'a> {
    /// `action_context`.
    pub(super) context: &'a Map<String, Value>,
    /// A rule's `trigger`.
    pub(super) trigger: Option<&'a Value>,
}

/// Parameters merged from a runner's and an action's declarations; the action's attributes win.
pub(super) fn declared(action: &Value, runner: &Value) -> Map<String, Value> {
    let mut all = object(&runner["runner_parameters"]);
    for (name, schema) in object(&action["parameters"]) {
        let merged = all.entry(name).or_insert_with(|| json!({}));
        if let (Value::Object(merged), Value::Object(schema)) = (merged, schema) {
            merged.extend(schema);
        }
    }
    all
}

/// A value's map, or an empty one.
pub(super) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

enum Node {
    Value(Value),
    Template { template: Template, is_json: bool },
}

/// Renders and casts what was given (`render_live_params`).
pub(super) fn render(
    declared: &Map<String, Value>,
    given: &Map<String, Value>,
    surroundings: &Surroundings<'_>,
) -> Result<Map<String, Value>, ParameterError> {
    let values = resolve(nodes(declared, given, surroundings), surroundings.trigger.is_some())?;
    let mut out = Map::new();
    for name in given.keys() {
        let value = values.get(name).cloned().unwrap_or_default();
        out.insert(name.clone(), cast(value, declared.get(name))?);
    }
    Ok(out)
}

/// Given parameters and rendered defaults together: what the runner gets (`render_final_params`).
pub(super) fn complete(declared: &Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    let surroundings = Surroundings { context: &Map::new(), trigger: None };
    let mut all = nodes(declared, &Map::new(), &surroundings);
    all.extend(given.iter().map(|(name, value)| (name.clone(), Node::Value(value.clone()))));
    resolve(all, false).unwrap_or_else(|_| given.clone())
}

fn nodes(
    declared: &Map<String, Value>,
    given: &Map<String, Value>,
    surroundings: &Surroundings<'_>,
) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    nodes.insert("st2kv".to_owned(), Node::Value(json!({})));
    nodes.insert("action_context".to_owned(), Node::Value(Value::Object(surroundings.context.clone())));
    nodes.insert("config_context".to_owned(), Node::Value(json!({})));
    if let Some(trigger) = surroundings.trigger {
        nodes.insert("trigger".to_owned(), Node::Value(trigger.clone()));
    }
    for (name, value) in given {
        nodes.insert(name.clone(), node(value));
    }
    for (name, schema) in declared {
        let none = matches!(nodes.get(name), None | Some(Node::Value(Value::Null)));
        if none || schema["immutable"] == json!(true) {
            nodes.insert(name.clone(), node(&schema["default"]));
        }
    }
    nodes
}

fn node(value: &Value) -> Node {
    let (text, is_json) = match value {
        Value::String(text) => (text.clone(), false),
        Value::Array(_) | Value::Object(_) => (value.to_string(), true),
        _ => return Node::Value(value.clone()),
    };
    match Template::is_one(&text).then(|| Template::parse(&text)) {
        Some(Ok(template)) => Node::Template { template, is_json },
        _ => Node::Value(value.clone()),
    }
}

fn resolve(mut nodes: BTreeMap<String, Node>, of_a_rule: bool) -> Result<Map<String, Value>, ParameterError> {
    missing(&nodes)?;
    let dictionary = if of_a_rule { "st2common.fields.BaseDict object" } else { "dict object" };
    let mut values = Map::new();
    while !nodes.is_empty() {
        let ready = nodes.iter().find_map(|(name, node)| match node {
            Node::Value(_) => Some(name.clone()),
            Node::Template { template, .. } => {
                template.names().iter().all(|needs| values.contains_key(needs)).then(|| name.clone())
            }
        });
        let Some((name, node)) = ready.and_then(|name| nodes.remove_entry(&name)) else {
            return Err(cycle(&nodes));
        };
        let value = match node {
            Node::Value(value) => value,
            Node::Template { template, is_json } => {
                let scope = Names::new(Value::Object(values.clone()), dictionary);
                rendered(&name, &template, is_json, &scope)?
            }
        };
        values.insert(name, value);
    }
    Ok(values)
}

fn rendered(name: &str, template: &Template, is_json: bool, scope: &Names) -> Result<Value, ParameterError> {
    let failed = |why: String| ParameterError::Unrenderable(format!("Failed to render parameter \"{name}\": {why}"));
    let text = template.render(scope).map_err(failed)?;
    if is_json { serde_json::from_str(&text).map_err(|error| failed(error.to_string())) } else { Ok(json!(text)) }
}

fn missing(nodes: &BTreeMap<String, Node>) -> Result<(), ParameterError> {
    for node in nodes.values() {
        let Node::Template { template, .. } = node else { continue };
        if let Some(name) = template.names().iter().find(|name| !nodes.contains_key(*name)) {
            return Err(ParameterError::Unrenderable(format!("Dependency unsatisfied in variable \"{name}\"")));
        }
    }
    Ok(())
}

fn cycle(nodes: &BTreeMap<String, Node>) -> ParameterError {
    let names: Vec<_> = nodes.keys().map(String::as_str).collect();
    let names = names.join(", ");
    ParameterError::Unrenderable(format!(
        "Cyclic dependency found in the following variables: {names}. Likely the variable is referencing itself"
    ))
}

/// Holds parameters to the merged schema, in the words of `jsonschema`.
pub(super) fn validate(
    declared: &Map<String, Value>,
    parameters: &Map<String, Value>,
    immutables: &[String],
) -> Result<(), ParameterError> {
    unexpected(declared, parameters)?;
    for (name, schema) in declared {
        let value = parameters.get(name).filter(|value| !value.is_null()).or_else(|| schema.get("default"));
        match value {
            None if schema["required"] == json!(true) && !parameters.contains_key(name) => {
                return Err(ParameterError::Value(format!("{} is a required property", python::repr(&json!(name)))));
            }
            Some(value) => well_typed(schema, value)?,
            None => {}
        }
    }
    let overridden: Vec<_> =
        parameters.keys().filter(|name| immutables.contains(name)).map(|name| json!(name)).collect();
    if overridden.is_empty() {
        return Ok(());
    }
    let overridden = python::repr(&Value::Array(overridden));
    Err(ParameterError::Value(format!("Override of immutable parameter(s) {overridden} is unsupported.")))
}

fn unexpected(declared: &Map<String, Value>, parameters: &Map<String, Value>) -> Result<(), ParameterError> {
    let extra: Vec<_> =
        parameters.keys().filter(|name| !declared.contains_key(*name)).map(|name| python::repr(&json!(name))).collect();
    if extra.is_empty() {
        return Ok(());
    }
    let verb = if extra.len() == 1 { "was" } else { "were" };
    let extra = extra.join(", ");
    Err(ParameterError::Value(format!("Additional properties are not allowed ({extra} {verb} unexpected)")))
}

fn well_typed(schema: &Value, value: &Value) -> Result<(), ParameterError> {
    let Some(kind) = schema["type"].as_str() else { return Ok(()) };
    let optional = schema["required"] != json!(true) && schema["default"].is_null();
    if value.is_null() && optional {
        return Ok(());
    }
    let fits = match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    let kinds = if optional { format!("'{kind}', 'null'") } else { format!("'{kind}'") };
    if !fits {
        return Err(ParameterError::Value(format!("{} is not of type {kinds}", python::repr(value))));
    }
    match schema["enum"].as_array() {
        Some(allowed) if !allowed.contains(value) => Err(ParameterError::Value(format!(
            "{} is not one of {}",
            python::repr(value),
            python::repr(&schema["enum"])
        ))),
        _ => Ok(()),
    }
}
