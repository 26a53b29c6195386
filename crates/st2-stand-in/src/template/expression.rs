//! Expressions as Jinja and YAQL share them: literals, names, attributes, arithmetic, calls, filters.

mod parser;

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::{Map, Number, Value, json};

use crate::python;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Literal(Value),
    Name(String),
    Attribute(Box<Expression>, String),
    Index(Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
    Filter(Box<Expression>, String, Vec<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
}

/// The operators of [`Expression::Binary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Concatenate,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// Whose expressions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Jinja,
    Yaql,
}

/// Where names and functions come from.
pub(crate) trait Scope {
    /// The value of a name.
    fn name(&self, name: &str) -> Option<Value>;
    /// The value of a call.
    fn call(&self, name: &str, _arguments: &[Value]) -> Result<Value, String> {
        Err(format!("'{name}' is undefined"))
    }
    /// What a dictionary is called in an error.
    fn dictionary(&self) -> &'static str {
        "dict object"
    }
}

/// A scope of plain values.
pub(crate) struct Names {
    values: Map<String, Value>,
    dictionary: &'static str,
}

impl Names {
    pub(crate) fn new(values: Value, dictionary: &'static str) -> Self {
        let values = if let Value::Object(values) = values { values } else { Map::new() };
        Self { values, dictionary }
    }
}

impl Scope for Names {
    fn name(&self, name: &str) -> Option<Value> {
        self.values.get(name).cloned()
    }

    fn dictionary(&self) -> &'static str {
        self.dictionary
    }
}

impl Expression {
    /// Reads an expression; none if the text is no expression.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        parser::parse(text, Dialect::Jinja)
    }

    /// The same in YAQL, which here also compares and combines conditions.
    pub(crate) fn parse_yaql(text: &str) -> Option<Self> {
        parser::parse(text, Dialect::Yaql)
    }

    /// The names it needs.
    pub(crate) fn names(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Literal(_) => {}
            Self::Name(name) => {
                into.insert(name.clone());
            }
            Self::Attribute(of, _) | Self::Not(of) => of.names(into),
            Self::Index(of, by) | Self::Binary(_, of, by) => {
                of.names(into);
                by.names(into);
            }
            Self::Call(name, arguments) => {
                into.insert(name.clone());
                for argument in arguments {
                    argument.names(into);
                }
            }
            Self::Filter(of, _, arguments) => {
                of.names(into);
                for argument in arguments {
                    argument.names(into);
                }
            }
        }
    }

    pub(crate) fn value(&self, scope: &dyn Scope) -> Result<Value, String> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            _ if self.is_datastore() => Ok(json!("")),
            Self::Name(name) => scope.name(name).ok_or_else(|| format!("'{name}' is undefined")),
            Self::Attribute(of, name) => member(&of.value(scope)?, &json!(name), scope),
            Self::Index(of, by) => member(&of.value(scope)?, &by.value(scope)?, scope),
            Self::Call(name, arguments) => {
                let arguments =
                    arguments.iter().map(|argument| argument.value(scope)).collect::<Result<Vec<_>, _>>()?;
                scope.call(name, &arguments)
            }
            Self::Filter(of, name, arguments) => {
                let arguments =
                    arguments.iter().map(|argument| argument.value(scope)).collect::<Result<Vec<_>, _>>()?;
                filter(name, of.value(scope), &arguments)
            }
            Self::Not(of) => of.value(scope).map(|value| json!(!python::truth(&value))),
            Self::Binary(Operator::And, left, right) => match left.value(scope)? {
                value if python::truth(&value) => right.value(scope),
                value => Ok(value),
            },
            Self::Binary(Operator::Or, left, right) => match left.value(scope)? {
                value if python::truth(&value) => Ok(value),
                _ => right.value(scope),
            },
            Self::Binary(operator, left, right) => binary(*operator, &left.value(scope)?, &right.value(scope)?),
        }
    }

    /// `st2kv.…`: the stand-in's datastore is empty, and a missing key reads as an empty text.
    fn is_datastore(&self) -> bool {
        match self {
            Self::Name(name) => name == "st2kv",
            Self::Attribute(of, _) | Self::Index(of, _) => of.is_datastore(),
            _ => false,
        }
    }
}

fn member(of: &Value, key: &Value, scope: &dyn Scope) -> Result<Value, String> {
    let found = match (of, key) {
        (Value::Object(map), Value::String(key)) => map.get(key),
        (Value::Array(items), Value::Number(at)) => {
            at.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| items.get(at))
        }
        _ => None,
    };
    let kind = || match of {
        Value::Object(_) => scope.dictionary().to_owned(),
        other => format!("{} object", python::type_name(other)),
    };
    found.cloned().ok_or_else(|| format!("'{}' has no attribute {}", kind(), python::repr(key)))
}

fn filter(name: &str, value: Result<Value, String>, arguments: &[Value]) -> Result<Value, String> {
    match (name, value) {
        ("default" | "d", Err(_)) => Ok(arguments.first().cloned().unwrap_or_else(|| json!(""))),
        ("default" | "d", Ok(value)) => Ok(value),
        (_, Err(error)) => Err(error),
        ("upper", Ok(value)) => Ok(json!(python::text(&value).to_uppercase())),
        ("lower", Ok(value)) => Ok(json!(python::text(&value).to_lowercase())),
        ("trim", Ok(value)) => Ok(json!(python::text(&value).trim())),
        ("string", Ok(value)) => Ok(json!(python::text(&value))),
        ("to_json_string" | "tojson" | "to_complex", Ok(value)) => Ok(json!(value.to_string())),
        ("length" | "count", Ok(Value::String(text))) => Ok(json!(text.chars().count())),
        ("length" | "count", Ok(Value::Array(items))) => Ok(json!(items.len())),
        ("length" | "count", Ok(Value::Object(map))) => Ok(json!(map.len())),
        ("length" | "count", Ok(other)) => Err(format!("object of type '{}' has no len()", python::type_name(&other))),
        (name, Ok(_)) => Err(format!("No filter named '{name}'.")),
    }
}

/// What a comparison says; nothing for an operator that compares nothing.
fn compared(operator: Operator, left: &Value, right: &Value) -> Option<bool> {
    let numbers = left.as_f64().zip(right.as_f64());
    let texts = left.as_str().zip(right.as_str());
    let ordering = || match (numbers, texts) {
        (Some((left, right)), _) => left.partial_cmp(&right),
        (None, Some((left, right))) => Some(left.cmp(right)),
        _ => None,
    };
    let equal = || numbers.map_or_else(|| left == right, |(left, right)| left.total_cmp(&right).is_eq());
    match operator {
        Operator::Equal => Some(equal()),
        Operator::NotEqual => Some(!equal()),
        Operator::Less => ordering().map(Ordering::is_lt),
        Operator::LessOrEqual => ordering().map(Ordering::is_le),
        Operator::Greater => ordering().map(Ordering::is_gt),
        Operator::GreaterOrEqual => ordering().map(Ordering::is_ge),
        _ => None,
    }
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, String> {
    if let Some(verdict) = compared(operator, left, right) {
        return Ok(json!(verdict));
    }
    if operator == Operator::Concatenate {
        return Ok(json!(format!("{}{}", python::text(left), python::text(right))));
    }
    if let (Operator::Add, Value::String(left), Value::String(right)) = (operator, left, right) {
        return Ok(json!(format!("{left}{right}")));
    }
    let unsupported =
        || format!("unsupported operand type(s): '{}' and '{}'", python::type_name(left), python::type_name(right));
    let whole = match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => whole_numbers(operator, left, right),
        _ => None,
    };
    if let Some(value) = whole {
        return Ok(json!(value));
    }
    let (left_number, right_number) = (left.as_f64().ok_or_else(unsupported)?, right.as_f64().ok_or_else(unsupported)?);
    let value = match operator {
        Operator::Add | Operator::Concatenate => left_number + right_number,
        Operator::Subtract => left_number - right_number,
        Operator::Multiply => left_number * right_number,
        Operator::Divide => left_number / right_number,
        Operator::FloorDivide => (left_number / right_number).floor(),
        Operator::Remainder => left_number.rem_euclid(right_number),
        _ => return Err(unsupported()),
    };
    Number::from_f64(value).map(Value::Number).ok_or_else(|| "division by zero".to_owned())
}

fn whole_numbers(operator: Operator, left: i64, right: i64) -> Option<i64> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::FloorDivide => left.checked_div_euclid(right),
        Operator::Remainder => left.checked_rem_euclid(right),
        _ => None,
    }
}
