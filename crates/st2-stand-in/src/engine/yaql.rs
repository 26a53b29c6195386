//! `<% … %>` in a workflow's texts: evaluated until nothing is left to evaluate, as Orquesta does.
//!
//! This is why alert text can run expressions inside StackStorm: a parameter's value is put in and evaluated again.

use serde_json::{Map, Value, json};

use crate::{
    python,
    template::expression::{Expression, Scope},
};

/// How often a result is evaluated again before it is taken as it is.
const DEPTH: usize = 8;

/// What a workflow's expressions can see.
pub(super) struct Surroundings<'a> {
    pub(super) context: &'a Map<String, Value>,
    /// The task that has ended, where one has.
    pub(super) result: Option<&'a Value>,
    pub(super) succeeded: bool,
}

impl Scope for Surroundings<'_> {
    fn name(&self, _name: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (name, arguments) {
            ("ctx", []) => Ok(Value::Object(self.context.clone())),
            ("ctx", [Value::String(key)]) => self.context.get(key).cloned().ok_or_else(|| {
                format!("YaqlEvaluationException: Unable to resolve key '{key}' in expression '<% ctx({key}) %>'.")
            }),
            ("result", []) => Ok(self.result.cloned().unwrap_or_default()),
            ("succeeded", []) => Ok(json!(self.succeeded)),
            ("failed", []) => Ok(json!(!self.succeeded)),
            ("completed", []) => Ok(json!(true)),
            _ => Err(format!("YaqlEvaluationException: Unknown function \"{name}\"")),
        }
    }
}

/// A value with its expressions evaluated, those within maps and lists, too.
pub(super) fn evaluate(value: &Value, scope: &Surroundings<'_>) -> Result<Value, String> {
    match value {
        Value::String(text) => evaluate_text(text, scope),
        Value::Array(items) => {
            items.iter().map(|item| evaluate(item, scope)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(map) => {
            let own = map.iter().map(|(name, value)| Ok((name.clone(), evaluate(value, scope)?)));
            own.collect::<Result<_, String>>().map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

/// A text's value; of a text that is one expression, with its type.
fn evaluate_text(text: &str, scope: &Surroundings<'_>) -> Result<Value, String> {
    let mut value = json!(text);
    for _ in 0..DEPTH {
        match &value {
            Value::String(text) if text.contains("<%") && text.contains("%>") => value = once(text, scope)?,
            _ => break,
        }
    }
    Ok(value)
}

fn once(text: &str, scope: &Surroundings<'_>) -> Result<Value, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<%") {
        let (inner, tail) = after.split_once("%>").ok_or_else(|| format!("unclosed expression in '{text}'"))?;
        let expression = Expression::parse_yaql(inner)
            .ok_or_else(|| format!("YaqlGrammarException: Parse error in expression '<%{inner}%>'"))?;
        let value = expression.value(scope)?;
        if before.is_empty() && tail.is_empty() && parts.is_empty() {
            return Ok(value);
        }
        parts.push(before.to_owned());
        parts.push(python::text(&value));
        rest = tail;
    }
    parts.push(rest.to_owned());
    Ok(json!(parts.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(instance: &str, text: &str) -> Value {
        let context = json!({ "instance": instance, "sleep": 2 }).as_object().cloned().unwrap();
        evaluate(&json!(text), &Surroundings { context: &context, result: None, succeeded: true }).unwrap()
    }

    #[test]
    fn a_values_own_expressions_run() {
        assert_eq!(evaluated("a <% 1 + 41 %> b", "on <% ctx(instance) %>"), json!("on a 42 b"));
        assert_eq!(evaluated("a < % 1 + 41 %> b", "on <% ctx(instance) %>"), json!("on a < % 1 + 41 %> b"));
    }

    #[test]
    fn one_expression_alone_keeps_its_type() {
        assert_eq!(evaluated("x", "<% ctx(sleep) %>"), json!(2));
        assert_eq!(evaluated("x", "<% ctx().instance %>"), json!("x"));
    }

    #[test]
    fn conditions_compare_and_combine() {
        for (text, wanted) in [
            ("<% ctx(instance) = 'x' and ctx(sleep) > 1 %>", true),
            ("<% not (ctx(instance) != x) %>", true),
            ("<% succeeded() and ctx(sleep) >= 3 or failed() %>", false),
            ("<% ctx(sleep) <= 2 and not failed() %>", true),
        ] {
            assert_eq!(evaluated("x", text), json!(wanted), "{text}");
        }
    }
}
