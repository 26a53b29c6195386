//! Casting a rendered parameter to its declared type, with Python's words when that fails.

use serde_json::{Number, Value, json};

use super::{parameter_error::ParameterError, python};

/// The value as the declared type; without a declared type as it is.
pub(super) fn cast(value: Value, schema: Option<&Value>) -> Result<Value, ParameterError> {
    if value.is_null() {
        return Ok(value);
    }
    match schema.and_then(|schema| schema["type"].as_str()) {
        Some("string") => string(value),
        Some("integer") => integer(&value),
        Some("number") => number(&value),
        Some("boolean") => boolean(value),
        Some("array" | "object") => collection(value),
        _ => Ok(value),
    }
}

fn string(value: Value) -> Result<Value, ParameterError> {
    if value.is_string() {
        return Ok(value);
    }
    let (shown, kind) = (python::text(&value), python::type_name(&value));
    Err(ParameterError::Value(format!("Value \"{shown}\" must either be a string or None. Got \"{kind}\".")))
}

fn integer(value: &Value) -> Result<Value, ParameterError> {
    match value {
        Value::Bool(value) => Ok(json!(i64::from(*value))),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().map(|number| format!("{:.0}", number.trunc())).unwrap_or_default();
            Ok(json!(whole.parse::<i64>().unwrap_or_default()))
        }
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => {
            text.trim().replace('_', "").parse::<i64>().ok().map(|number| json!(number)).ok_or_else(|| {
                ParameterError::Value(format!("invalid literal for int() with base 10: {}", python::repr(value)))
            })
        }
        other => Err(ParameterError::Other(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            python::type_name(other)
        ))),
    }
}

fn number(value: &Value) -> Result<Value, ParameterError> {
    match value {
        Value::Bool(value) => Ok(json!(f64::from(u8::from(*value)))),
        Value::Number(number) => Ok(json!(number.as_f64())),
        Value::String(text) => {
            let parsed = text.trim().parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number);
            parsed.ok_or_else(|| {
                ParameterError::Value(format!("could not convert string to float: {}", python::repr(value)))
            })
        }
        other => Err(ParameterError::Other(format!(
            "float() argument must be a string or a real number, not '{}'",
            python::type_name(other)
        ))),
    }
}

fn boolean(value: Value) -> Result<Value, ParameterError> {
    match &value {
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err(malformed(&value)),
        },
        _ => Ok(value),
    }
}

fn collection(value: Value) -> Result<Value, ParameterError> {
    match &value {
        Value::String(text) => serde_json::from_str(text).ok().ok_or_else(|| malformed(&value)),
        _ => Ok(value),
    }
}

/// What `ast.literal_eval` says.
fn malformed(value: &Value) -> ParameterError {
    ParameterError::Value(format!("malformed node or string: {}", python::repr(value)))
}
