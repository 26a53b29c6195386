//! `GET /api/v1/openapi.json`: the description of this API, for people and for generators of clients.
//!
//! The document is written by hand, one file for each group of routes; a test holds it to the table of routes and
//! to the parameters that the handlers read, and schemathesis tries every answer against it.

use super::problem::Problem;
use actix_web::{HttpRequest, HttpResponse, http::header};
use serde_json::{Map, Value};
use std::sync::OnceLock;

const PARTS: [&str; 10] = [
    include_str!("openapi/base.json"),
    include_str!("openapi/webhook.json"),
    include_str!("openapi/requests.json"),
    include_str!("openapi/alerts.json"),
    include_str!("openapi/executions.json"),
    include_str!("openapi/stats.json"),
    include_str!("openapi/orders.json"),
    include_str!("openapi/guards.json"),
    include_str!("openapi/processes.json"),
    include_str!("openapi/probes.json"),
];

/// The handler.
pub(super) async fn document(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static TEXT: OnceLock<String> = OnceLock::new();
    super::query::Query::parse(&request, &[])?;
    let text = if let Some(text) = TEXT.get() {
        text
    } else {
        let text = whole().map_err(|error| Problem::Internal(error.into()))?.to_string();
        TEXT.get_or_init(|| text)
    };
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(text.as_str()))
}

/// The parts as one document.
fn whole() -> serde_json::Result<Value> {
    let mut document = Value::Object(Map::new());
    for part in PARTS {
        merge(&mut document, serde_json::from_str(part)?);
    }
    Ok(document)
}

/// Objects are merged member by member; anything else is taken as it is.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests;
