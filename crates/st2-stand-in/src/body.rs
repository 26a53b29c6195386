//! Reading request bodies as StackStorm's router does, with its words for what it cannot read.

use serde_json::{Map, Value};

use super::{
    answer::{Call, Refusal},
    python,
};

/// The parsed body: JSON, form fields, or plain text as a string; an empty JSON body is `{}`.
pub(super) fn parse(call: &Call) -> Result<Value, Refusal> {
    let declared = call.header("content-type").unwrap_or("application/json");
    let kind = declared.split(';').next().unwrap_or_default().trim();
    match kind {
        "application/json" if call.body.is_empty() => Ok(Value::Object(Map::new())),
        "application/json" => serde_json::from_slice(&call.body).map_err(|error| unreadable(&call.body, &error)),
        "text/plain" => Ok(Value::String(String::from_utf8_lossy(&call.body).into_owned())),
        "application/x-www-form-urlencoded" | "multipart/form-data" => Ok(form(&call.body)),
        other => Err(Refusal::bad(format!("Failed to parse request body: Unsupported Content-Type: \"{other}\""))),
    }
}

/// The parsed body, which has to be an object.
pub(super) fn object(call: &Call) -> Result<Map<String, Value>, Refusal> {
    match parse(call)? {
        Value::Object(map) => Ok(map),
        other => Err(Refusal::bad(format!("{} is not of type 'object'", python::repr(&other)))),
    }
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let (what, line, column, offset) = if error.is_eof() {
        let last = text.rsplit('\n').next().unwrap_or_default().chars().count();
        ("unexpected end of data", text.split('\n').count(), last + 1, text.chars().count())
    } else {
        let before: usize = text.split_inclusive('\n').take(error.line() - 1).map(|line| line.chars().count()).sum();
        let column = error.column().max(1);
        ("unexpected character", error.line(), column, before + column - 1)
    };
    Refusal::bad(format!("Failed to parse request body: {what}: line {line} column {column} (char {offset})"))
}

/// `parse_qs`: every field is a list.
fn form(body: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
        let list = fields.entry(name.into_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::String(value.into_owned()));
        }
    }
    Value::Object(fields)
}
