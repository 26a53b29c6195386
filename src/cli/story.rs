//! A story for the terminal, in plain lines: what came, what was decided and why, what was tried, what StackStorm ran, and
//! how long each step took. Whatever an alert wrote is made harmless first.

use super::{
    local_time,
    table::{cut, harmless},
};
use crate::{
    history::{AlertStory, ExecutionShown, ExecutionStory, LinkStory, RequestStory, Step, TablesState, explain},
    store::dispatch::dispatch_log::{Entry, SHOWN},
};
use chrono::{DateTime, NaiveDateTime};

/// Characters of a result shown.
const RESULT: usize = 300;
/// Characters of an error or a detail shown.
const DETAIL: usize = 500;

/// A webhook and all that came of it.
pub(super) fn request(story: &RequestStory) -> String {
    let call = &story.call.summary;
    let mut text = format!(
        "request {}  answered {}  received {}",
        harmless(&call.request_id),
        call.status_code,
        local_time::millisecond(call.created_at)
    );
    for (word, value) in [("from", &call.client_address), ("its X-Request-ID", &call.client_request_id)] {
        if let Some(value) = value {
            text.extend([format!("  {word} {}", harmless(value))]);
        }
    }
    text.push('\n');
    if story.alerts.is_empty() {
        text += "  without alerts; its body is in --output json\n";
    }
    text.extend(story.alerts.iter().map(alert));
    text + &note(&story.execution_db)
}

/// One alert.
pub(super) fn alert(story: &AlertStory) -> String {
    let row = &story.alert.summary;
    let mut text = format!("  alert {}", row.id);
    for part in [&row.alert_name, &row.severity, &row.instance, &row.status.to_string()] {
        if !part.is_empty() {
            text.extend([format!("  {}", harmless(part))]);
        }
    }
    text.extend([format!("  fingerprint {}\n", if row.fingerprint.is_empty() { "-" } else { &row.fingerprint })]);
    text += &decision(story);
    text += &timeline(story);
    text += &would_run(story);
    text.extend(story.links.iter().map(link));
    text
}

/// Alerts by themselves, each under its webhook's id.
pub(super) fn alerts(stories: &[AlertStory], state: &TablesState) -> String {
    let one = |story: &AlertStory| format!("request {}\n{}", harmless(&story.request_id), alert(story));
    stories.iter().map(one).collect::<String>() + &note(state)
}

/// An execution, its tasks and the alerts that led to it.
pub(super) fn execution(story: &ExecutionStory) -> String {
    let mut text = format!("execution {}", story.st2_execution_id);
    match &story.execution {
        Some(execution) => text += &outcome(execution),
        None => text += "  StackStorm's tables do not have it",
    }
    text.push('\n');
    match story.root_execution_id.as_deref() {
        Some(root) if root != story.st2_execution_id => text.extend([format!("  a task of execution {root}\n")]),
        None => text += "  no alert led to it\n",
        Some(_) => {}
    }
    for task in &story.children {
        text.extend([format!("  task {}{}\n", task.id(), outcome(task))]);
    }
    text + &alerts(&story.alerts, &story.execution_db)
}

/// What is missing, if something is.
fn note(state: &TablesState) -> String {
    match &state.detail {
        Some(detail) if !state.available => {
            format!("note: executions are shown without their status: {}\n", harmless(detail))
        }
        _ => String::new(),
    }
}

/// Where its dispatch stands, and why.
fn decision(story: &AlertStory) -> String {
    let row = &story.alert.summary;
    let mut text = match row.dispatch_reason {
        Some(reason) => format!("    {}/{reason}: {}", row.dispatch_status, explain::of_reason(reason)),
        None => format!("    {}: {}", row.dispatch_status, explain::of_status(row.dispatch_status)),
    };
    if let Some(target) = &row.dispatch_target {
        text.extend([format!("  [{}]", harmless(target))]);
    }
    if let Some(route) = &row.dispatch_route {
        text.extend([format!("  route {}", harmless(route))]);
    }
    if let Some(opener) = row.opened_by {
        text.extend([format!("  (the firing that opened it: alert {opener})")]);
    }
    text.push('\n');
    if let Some(error) = &row.dispatch_error {
        text.extend([format!("    last error: {}\n", cut(&harmless(error), DETAIL))]);
    }
    if let Some(next) = row.dispatch_reason.and_then(explain::next_step) {
        text.extend([format!("    next: {next}\n")]);
    }
    if story.alert.dispatch_uncertain {
        text += "    uncertain: it is looked up in StackStorm before anything is posted\n";
    }
    if let Some(due) = row.next_attempt_at {
        let (before, after) = explain::of_due(row.dispatch_status, row.dispatch_reason);
        text.extend([format!("    {before} {}{after}\n", local_time::millisecond(due))]);
    }
    text
}

/// Steps and attempts in the order of their times.
fn timeline(story: &AlertStory) -> String {
    let mut lines: Vec<(NaiveDateTime, String)> = story.steps.iter().map(|step| (step.at, words_of(step))).collect();
    // An entry whose time cannot be read is shown at the beginning.
    let attempts = story.attempts.iter().map(|entry| {
        let at = DateTime::parse_from_rfc3339(&entry.at).map(|at| at.naive_utc());
        (at.unwrap_or(story.alert.summary.created_at), attempt(entry))
    });
    lines.extend(attempts);
    lines.sort_by_key(|(at, _)| *at);
    let mut previous = story.alert.summary.created_at;
    let line = |(at, words): (NaiveDateTime, String)| {
        let since = (at - std::mem::replace(&mut previous, at)).as_seconds_f64();
        format!("    {}  {since:>+9.3} s  {words}\n", local_time::of_day(at))
    };
    lines.into_iter().map(line).collect()
}

/// What an approval would start, or what `mode: shadow` would have sent: all of it, secrets masked.
fn would_run(story: &AlertStory) -> String {
    let Some(entry) = story.attempts.iter().rfind(|entry| entry.event == SHOWN) else { return String::new() };
    let Some(serde_json::Value::Object(parameters)) = &entry.parameters else { return String::new() };
    let head = format!("    would run {}\n", harmless(entry.detail.as_deref().unwrap_or("-")));
    let lines =
        parameters.iter().map(|(name, value)| format!("      {}: {}\n", harmless(name), harmless(&value.to_string())));
    lines.fold(head, |text, line| text + &line)
}

fn words_of(step: &Step) -> String {
    let execution = step.st2_execution_id.as_deref().unwrap_or_default();
    match step.step {
        "received" => "received".to_owned(),
        "pending_again" => "to be run again".to_owned(),
        "attempted" => "StackStorm was called".to_owned(),
        "dispatched" => "dispatched: its execution is written down".to_owned(),
        "execution_started" => format!("execution {execution} started"),
        _ => format!("execution {execution} ended"),
    }
}

fn attempt(entry: &Entry) -> String {
    let mut text = entry.event.replace('_', " ");
    let more = [
        ("", &entry.execution_id),
        (": ", &entry.detail),
        (" from ", &entry.from),
        (" by ", &entry.by),
        (": ", &entry.reason),
    ];
    for (word, value) in more {
        if let Some(value) = value {
            text += if word.is_empty() { " " } else { word };
            text += value;
        }
    }
    cut(&harmless(&text), DETAIL)
}

fn link(link: &LinkStory) -> String {
    let row = &link.link;
    let mut text = format!("    execution {}", harmless(&row.st2_execution_id));
    match &link.execution {
        Some(execution) => text += &outcome(execution),
        None => text.extend([format!("  {}", harmless(row.st2_action_ref.as_deref().unwrap_or("-")))]),
    }
    if let Some(rule) = &row.st2_rule_ref {
        text.extend([format!("  by rule {}", harmless(rule))]);
    }
    text.push('\n');
    let execution = link.execution.as_ref();
    if let Some(result) = execution.and_then(ExecutionShown::result) {
        text.extend([format!("      result {}\n", cut(&harmless(result), RESULT))]);
    }
    if let Some(url) = execution.and_then(|execution| execution.web_url.as_deref()) {
        text.extend([format!("      {}\n", harmless(url))]);
    }
    text
}

/// `  core.noop  succeeded  in 0.051 s`
fn outcome(execution: &ExecutionShown) -> String {
    let word = |text: Option<&str>| harmless(text.unwrap_or("-"));
    let mut text = format!("  {}  {}", word(execution.action()), word(execution.status()));
    if let Some(seconds) = execution.duration_seconds {
        text.extend([format!("  in {seconds:.3} s")]);
    }
    text
}
