//! Parses what Alertmanager sends: [`parse`] turns a webhook's body into alerts.
//!
//! Each alert is judged alone: one that cannot be parsed becomes an [`InvalidAlert`] among the others, because
//! Alertmanager sends a refused group again and again. Only a body that is no webhook at all is an error. Unknown fields
//! are skipped at any depth without recursion, duplicate keys take their last value, and no value tree is built.

mod alert;
mod object;
mod time;

pub use time::{BadTime, parse_time};

use crate::model::{
    alert::{IncomingAlert, InvalidAlert},
    identity::{Identity, Sender},
};
use object::{members, string_map, text};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Entries of one webhook at most. 32 MiB of real alerts are about 44,000.
pub const MAX_ALERTS: usize = 100_000;

/// One webhook, as far as PoundCake uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook<A = Result<IncomingAlert, InvalidAlert>> {
    /// The entries of `alerts[]`, in order.
    pub alerts: Vec<A>,
    /// How many alerts Alertmanager's `max_alerts` has cut off: they are lost.
    pub truncated_alerts: u64,
    /// The receiver's name, quoted as a regular expression (`rcv\.single`), the Alertmanager's own address, and the labels of
    /// the route, where they are given.
    pub sender: Sender,
}

/// A body may be anything that `webhook_configs` of Alertmanager 0.32 or newer say.
const CUSTOM_PAYLOAD: &str =
    "; if the webhook_config has a custom payload, remove `payload`: PoundCake reads Alertmanager's own body";

/// Why a body is not a webhook. The text is for the operator of the sender; it holds nothing of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAWebhook {
    /// No bytes, or white space only.
    #[error("the body is empty; send Alertmanager's webhook JSON")]
    Empty,
    /// Bytes that are no text.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first bad byte, counted from 0.
        at: usize,
    },
    /// Text that is no JSON.
    #[error("the body is not JSON: {detail}")]
    NotJson {
        /// The parser's words, with line and column.
        detail: String,
    },
    /// What Prometheus itself posts.
    #[error(
        "the body is a JSON array: Prometheus was pointed straight at PoundCake; point Prometheus at Alertmanager, \
         and a receiver's webhook_configs of Alertmanager here{}",
        CUSTOM_PAYLOAD
    )]
    FromPrometheus,
    /// A JSON scalar.
    #[error("the body is not a JSON object; send Alertmanager's webhook JSON{}", CUSTOM_PAYLOAD)]
    NotAnObject,
    /// An object without `alerts`.
    #[error("the body has no `alerts`; send Alertmanager's webhook JSON{}", CUSTOM_PAYLOAD)]
    AlertsMissing,
    /// `"alerts": null`.
    #[error("`alerts` is null; send a list{}", CUSTOM_PAYLOAD)]
    AlertsNull,
    /// `alerts` is something else.
    #[error("`alerts` is not a list{}", CUSTOM_PAYLOAD)]
    AlertsNotAList,
    /// More entries than any Alertmanager groups: each of them costs a row.
    #[error("`alerts` has {0} entries; at most {MAX_ALERTS} are taken in one webhook: group them by more labels")]
    TooMany(usize),
}

/// Reads a webhook's body; alerts are the same as for Alertmanager.
pub fn parse(body: &[u8]) -> Result<Webhook, NotAWebhook> {
    parse_with(body, &Identity::default(), |alert| alert)
}

/// The same, with settings of identity, and each alert becomes something else as soon as it is read: its maps take
/// several times as much memory as its text, and never all of them are there at once.
pub fn parse_with<A>(
    body: &[u8],
    identity: &Identity,
    mut take: impl FnMut(Result<IncomingAlert, InvalidAlert>) -> A,
) -> Result<Webhook<A>, NotAWebhook> {
    let body = std::str::from_utf8(body).map_err(|error| NotAWebhook::NotUtf8 { at: error.valid_up_to() })?;
    expect_object(body)?;
    let names = ["alerts", "truncatedAlerts", "receiver", "externalURL", "status", "routeLabels"];
    let [alerts, truncated, receiver, external_url, status, route_labels] =
        members(body, "a webhook object", names).map_err(|error| not_json(&error))?;
    let text_of = |member: Option<&RawValue>| member.and_then(text);
    let sender = Sender {
        receiver: text_of(receiver).unwrap_or_default(),
        external_url: text_of(external_url).unwrap_or_default(),
        route_labels: route_labels.and_then(|raw| string_map(raw).ok()).unwrap_or_default(),
    };
    let group = alert::Group { status: text_of(status), identity, sender: &sender };
    let entries = list(alerts.ok_or(NotAWebhook::AlertsMissing)?)?;
    if entries.len() > MAX_ALERTS {
        return Err(NotAWebhook::TooMany(entries.len()));
    }
    Ok(Webhook {
        alerts: entries.into_iter().map(|entry| take(alert::read(entry, &group))).collect(),
        truncated_alerts: truncated.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default(),
        sender,
    })
}

fn expect_object(body: &str) -> Result<(), NotAWebhook> {
    let first = body.trim_start_matches([' ', '\t', '\r', '\n']).chars().next().ok_or(NotAWebhook::Empty)?;
    if first == '{' {
        return Ok(());
    }
    serde_json::from_str::<IgnoredAny>(body).map_err(|error| not_json(&error))?;
    Err(if first == '[' { NotAWebhook::FromPrometheus } else { NotAWebhook::NotAnObject })
}

fn list(alerts: &RawValue) -> Result<Vec<&RawValue>, NotAWebhook> {
    match alerts.get() {
        "null" => Err(NotAWebhook::AlertsNull),
        raw if raw.starts_with('[') => serde_json::from_str(raw).map_err(|error| not_json(&error)),
        _ => Err(NotAWebhook::AlertsNotAList),
    }
}

fn not_json(error: &serde_json::Error) -> NotAWebhook {
    NotAWebhook::NotJson { detail: error.to_string() }
}

#[cfg(test)]
mod tests;
