//! StackStorm's executions as dispatches of alerts: what of them ran, and what they say of the alert. Pure.

use crate::{
    alertmanager::parse_time,
    clock::comparable,
    model::{
        ids::{AlertId, Fingerprint, RequestId},
        target::Target,
        trace_tag::TraceTag,
        truncate::column,
    },
    stackstorm::{Execution, ExecutionStatus, Started},
    store::{
        dispatch::links::Link,
        restore::read_back::{Dispatched, SentAlert},
    },
};
use chrono::NaiveDateTime;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Widths of the columns, in characters.
const NAME: usize = 255;
const SEVERITY: usize = 64;

/// One alert with all its executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispatch {
    pub(super) dispatched: Dispatched,
    /// What has left `requested` at no time: it is on its way, or StackStorm has forgotten it.
    pub(super) not_begun: Vec<String>,
    /// What was cancelled, or failed, before any runner had it.
    pub(super) never_ran: Vec<String>,
}

/// By alert, in the order in which they ran: what opened an episode later closes the one before.
pub(super) fn group(started: Vec<Started>) -> Vec<Dispatch> {
    let mut alerts: BTreeMap<(RequestId, AlertId), Vec<Started>> = BTreeMap::new();
    for execution in started {
        alerts.entry((execution.tag.request_id, execution.tag.alert_id)).or_default().push(execution);
    }
    let mut dispatches: Vec<Dispatch> = alerts.into_values().filter_map(dispatch).collect();
    dispatches.sort_by_key(|dispatch| (dispatch.dispatched.begun, dispatch.dispatched.tag));
    dispatches
}

/// An execution that ended before a runner started it did not run: it was a cancelled orphan, or a parameter could not be rendered.
fn may_have_run(execution: &Execution) -> bool {
    execution.has_run() || !execution.is_terminal()
}

fn dispatch(mut all: Vec<Started>) -> Option<Dispatch> {
    all.sort_by_key(|started| (started.tag.generation, started.execution.start_timestamp));
    let seen = all.last()?.tag.generation;
    let ids = |keep: &dyn Fn(&Execution) -> bool| -> Vec<String> {
        all.iter().filter(|started| keep(&started.execution)).map(|started| started.execution.id.to_string()).collect()
    };
    let not_begun = ids(&|execution| execution.known_status() == Some(ExecutionStatus::Requested));
    let never_ran = ids(&|execution| !may_have_run(execution));
    let ran: Vec<&Started> = all.iter().filter(|started| may_have_run(&started.execution)).collect();
    let newest: TraceTag = ran.last().copied().unwrap_or(all.last()?).tag;
    let of_newest = || all.iter().filter(|started| started.tag == newest);
    let begun = of_newest().filter_map(|started| started.execution.start_timestamp).min()?;
    let sent = of_newest().find_map(alert);
    let target = of_newest().find_map(target);
    // The newest dispatch first: it is the one that the row's log names.
    let links = ran.iter().rev().copied().map(link).collect();
    let dispatched = Dispatched { tag: newest, seen, begun: comparable(begun), links, alert: sent, target };
    Some(Dispatch { dispatched, not_begun, never_ran })
}

fn link(started: &Started) -> Link {
    let Execution { id, rule_ref, action_ref, .. } = &started.execution;
    Link { execution_id: id.to_string(), rule_ref: rule_ref.clone(), action_ref: action_ref.clone() }
}

fn target(started: &Started) -> Option<String> {
    let text = match (&started.webhook, &started.execution.action_ref) {
        (Some(webhook), _) => format!("webhook:{webhook}"),
        (None, Some(action)) if started.execution.rule_ref.is_none() => format!("action:{action}"),
        _ => return None,
    };
    text.parse::<Target>().ok().map(|target| target.to_string())
}

/// Without its fingerprint an alert cannot be told from others.
fn alert(started: &Started) -> Option<SentAlert> {
    let fingerprint = Fingerprint::parse(started.fingerprint.as_deref()?)?;
    let text = |name: &str| started.sent.get(name).and_then(Value::as_str).unwrap_or_default();
    let cut = |name: &str, width| column(text(name), width).into_owned();
    Some(SentAlert {
        fingerprint: fingerprint.to_string(),
        alert_name: cut("alert_name", NAME),
        severity: cut("severity", SEVERITY),
        instance: cut("instance", NAME),
        labels: texts(started.sent.get("labels")),
        annotations: texts(started.sent.get("annotations")),
        starts_at: starts_at(text("starts_at")),
    })
}

/// A map of texts as JSON: as sent, or where the action declares a text. Nothing else is made up.
fn texts(sent: Option<&Value>) -> String {
    let parsed;
    let map = match sent {
        Some(Value::String(text)) => {
            parsed = serde_json::from_str::<Value>(text).unwrap_or_default();
            parsed.as_object()
        }
        other => other.and_then(Value::as_object),
    };
    let texts: Map<String, Value> = map
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(texts).to_string()
}

fn starts_at(text: &str) -> Option<NaiveDateTime> {
    parse_time(text).ok().flatten()
}

#[cfg(test)]
mod tests;
