//! An order as people read it: what was ordered, for which alerts, why, and its result. Everything comes from the order's row.

use crate::{
    model::pause::{Scope, ScopeInBody},
    store::{operate::orders::UNDER_WAY, read::OrderRow},
};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// An order in words.
pub(super) struct Ordered {
    /// `Replay`, `Pause`, …
    pub(super) what: &'static str,
    /// What it was about.
    pub(super) which: String,
    pub(super) reason: String,
    pub(super) result: String,
    pub(super) by: String,
    /// Carried out to its end.
    pub(super) is_done: bool,
}

impl Ordered {
    pub(super) fn of(row: &OrderRow) -> Self {
        let body: Value = serde_json::from_str(&row.body).unwrap_or_default();
        let result: Value = row.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let what = what(row, &body);
        Self {
            what,
            which: which(row, &body),
            reason: body["reason"].as_str().unwrap_or_default().to_owned(),
            result: results(row.status_code, &result),
            by: row.operator.clone().unwrap_or_default(),
            is_done: matches!(row.status_code, 200 | 201),
        }
    }
}

fn what(row: &OrderRow, body: &Value) -> &'static str {
    let path = row.path.strip_prefix("/api/v1/").unwrap_or(&row.path);
    match path.split('/').next().unwrap_or_default() {
        "replays" => "Replay",
        "discards" => "Discard",
        "releases" => "Release",
        "approvals" if body["approve"] == true => "Approve",
        "approvals" => "Reject",
        // A pause's own path, or that of one pause: its end.
        "pauses" if path == "pauses" => "Pause",
        "pauses" => "Resume",
        _ => "Order",
    }
}

fn which(row: &OrderRow, body: &Value) -> String {
    if let Some(id) = row.path.strip_prefix("/api/v1/pauses/") {
        return format!("pause {id}");
    }
    if row.path == "/api/v1/pauses" {
        let scope: ScopeInBody = serde_json::from_value(body.clone()).unwrap_or_default();
        return Scope::try_from(scope).map_or_else(|_| "everything".to_owned(), |scope| scope.to_string());
    }
    let Some(filter) = body["filter"].as_object() else { return String::new() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let part = |(name, value): (&String, &Value)| match (name.as_str(), value.as_array()) {
        ("ids", Some(ids)) if ids.len() == 1 => format!("alert {}", text(&ids[0])),
        ("ids", Some(ids)) => format!("{} alerts by their ids", ids.len()),
        _ => format!("{} {}", name.replace('_', " "), text(value)),
    };
    let mut parts: Vec<String> = filter.iter().map(part).collect();
    for flag in ["include_dispatched", "accept_unknown"].iter().filter(|flag| body[**flag] == true) {
        parts.push(flag.replace('_', " "));
    }
    parts.extend(body["oldest"].as_u64().map(|n| format!("the oldest {n}")));
    parts.join(", ")
}

fn results(status: i32, result: &Value) -> String {
    if let Some(until) = result["until"].as_str() {
        let until = until
            .parse::<DateTime<Utc>>()
            .map_or_else(|_| until.to_owned(), |at| at.format("%-d %b %H:%M UTC").to_string());
        return format!("until {until}");
    }
    if status == UNDER_WAY {
        return "not finished: it is being carried out, or was cut off".to_owned();
    }
    let Some(members) = result.as_object() else { return format!("status {status}") };
    let part = |(name, value): (&String, &Value)| match value.as_array() {
        Some(all) => {
            format!("{} {}", name.replace('_', " "), all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }
        None => format!("{value} {name}"),
    };
    let (first, rest): (Vec<_>, Vec<_>) = members.iter().partition(|(name, _)| *name == "matched");
    first.into_iter().chain(rest).map(part).collect::<Vec<_>>().join(", ")
}
