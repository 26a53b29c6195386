//! `/alerts/{id}`: what happened to one alert and why, what was sent, what ran, and a text for a ticket.

use super::{
    super::{problem::Problem, query},
    acts::{self, Act},
    alert_guards::{self, Guards},
    frame::Frame,
    notice, respond,
    rows::{AlertRow, ExecutionRow, missing, name},
    shown::Shown,
    timeline::{self, Line},
    words::{Moment, State, link, pretty, sentence},
};
use crate::{
    database::page::Window,
    history::{AlertAlone, AlertStory, ExecutionShown, History, LinkStory, explain},
    model::status::DispatchStatus,
    operator::Filter,
    store::{dispatch::dispatch_log, read::AlertSummary},
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::NaiveDateTime;
use serde_json::{Map, Value};

/// Other alerts of the fingerprint that are shown.
const OTHERS: u16 = 10;

#[derive(Template)]
#[template(path = "alert.html")]
struct Page {
    frame: Frame,
    acts: Vec<Act>,
    row: AlertRow,
    status: State,
    class: &'static str,
    decision: String,
    error: Option<String>,
    uncertain: bool,
    /// What a person can do.
    next: Option<&'static str>,
    /// Words before the time and after it.
    due: Option<(String, Moment, &'static str)>,
    opened_by: Option<String>,
    timeline: Vec<Line>,
    executions: Vec<ExecutionRow>,
    guards: Option<Guards>,
    shown: Option<Preview>,
    sent: Vec<Sent>,
    missing: Option<String>,
    rows: Vec<AlertRow>,
    request_id: String,
    fingerprint: String,
    times: Vec<(&'static str, Moment)>,
    attempts: i32,
    generation: i32,
    source: Option<String>,
    labels: Vec<Pair>,
    annotations: Vec<Pair>,
    text: String,
}

/// What an execution was given, and what it gave.
struct Sent {
    id: String,
    parameters: Option<String>,
    result: Option<String>,
}

/// What would be sent, or would have been: of an approval, or in `mode: shadow`. Secrets are masked in it.
struct Preview {
    target: String,
    parameters: Vec<Pair>,
}

/// A label or an annotation.
struct Pair {
    name: String,
    value: String,
    href: Option<String>,
}

/// One alert.
pub(in crate::http) async fn one(
    path: web::Path<String>,
    request: HttpRequest,
    history: web::Data<History>,
    shown: web::Data<Shown>,
) -> HttpResponse {
    respond(&request, view(&path, &request, &history, &shown).await)
}

async fn view(path: &str, request: &HttpRequest, history: &History, shown: &Shown) -> Result<Page, Problem> {
    query::Query::parse(request, &[&[notice::DONE]])?;
    let id = query::alert_id("id", path)?;
    let found = history.alert(id).await?.ok_or_else(|| Problem::NoSuch { what: "alert", id: id.to_string() })?;
    let summary = &found.story.alert.summary;
    let fingerprint = Some(summary.fingerprint.clone()).filter(|fingerprint| !fingerprint.is_empty());
    let mut rows = Vec::new();
    if fingerprint.is_some() {
        let same = Filter { fingerprint, ..Filter::default() };
        let others = history.alerts(same, Window { limit: OTHERS + 1, after: None }).await?;
        rows.extend(others.rows.iter().filter(|other| other.alert.id != id).map(AlertRow::from));
    }
    let frame = Frame::of(request, "alerts", title(summary)).with(notice::of(request, history).await);
    let guards = alert_guards::of(summary, history, shown).await?;
    Ok(page(frame, &found, rows, guards))
}

fn page(frame: Frame, found: &AlertAlone, rows: Vec<AlertRow>, guards: Option<Guards>) -> Page {
    let AlertAlone { story, execution_db } = found;
    let (alert, summary) = (&story.alert, &story.alert.summary);
    let row = AlertRow::from(story);
    let timeline = timeline::lines(story);
    Page {
        acts: if frame.may_order { acts::of(&story.alert) } else { Vec::new() },
        frame,
        status: State::alert(summary.status),
        class: class(summary.dispatch_status),
        decision: decision(story),
        error: summary.dispatch_error.clone(),
        uncertain: alert.dispatch_uncertain,
        next: summary.dispatch_reason.and_then(explain::next_step),
        due: due(summary),
        opened_by: summary.opened_by.map(|id| id.to_string()),
        executions: story.links.iter().map(ExecutionRow::linked).collect(),
        sent: story.links.iter().filter_map(|link| link.execution.as_ref()).filter_map(sent).collect(),
        guards,
        shown: preview(story),
        missing: missing(execution_db),
        rows,
        request_id: story.request_id.clone(),
        fingerprint: summary.fingerprint.clone(),
        times: times(story),
        attempts: summary.dispatch_attempts,
        generation: summary.dispatch_generation,
        source: alert.generator_url.as_deref().and_then(link),
        labels: pairs(&alert.labels),
        annotations: pairs(&alert.annotations),
        text: text(story, &row, &timeline),
        timeline,
        row,
    }
}

fn title(alert: &AlertSummary) -> String {
    format!("{} {}", name(alert), alert.instance).trim().to_owned()
}

/// The colour of the decision.
fn class(status: DispatchStatus) -> &'static str {
    use DispatchStatus::{Dispatched, Failed, Held, Skipped};
    match status {
        Dispatched => "ok",
        Failed => "bad",
        Held => "hold",
        Skipped => "idle",
        _ => "busy",
    }
}

/// In a sentence. Whether the workflow helped is another question than whether it ran.
fn decision(story: &AlertStory) -> String {
    let row = &story.alert.summary;
    let words = row.dispatch_reason.map_or_else(|| explain::of_status(row.dispatch_status), explain::of_reason);
    let ended_badly = |link: &LinkStory| {
        let status = link.execution.as_ref().and_then(ExecutionShown::status);
        State::execution(status).class() == "bad"
    };
    let bad = story.links.iter().filter(|link| ended_badly(link)).count();
    match (row.dispatch_status, bad) {
        (DispatchStatus::Dispatched, 1..) if bad == story.links.len() => format!("{words}, and the execution failed"),
        (DispatchStatus::Dispatched, 1..) => format!("{words}, and {bad} of {} executions failed", story.links.len()),
        _ => words.to_owned(),
    }
}

/// What happens at its due time.
fn due(row: &AlertSummary) -> Option<(String, Moment, &'static str)> {
    let (before, after) = explain::of_due(row.dispatch_status, row.dispatch_reason);
    Some((sentence(before), Moment::clock(row.next_attempt_at?), after))
}

fn times(story: &AlertStory) -> Vec<(&'static str, Moment)> {
    let (alert, summary) = (&story.alert, &story.alert.summary);
    let given: [(&str, Option<NaiveDateTime>); 5] = [
        ("Started", summary.starts_at),
        ("Ended", summary.ends_at),
        ("Received", Some(summary.created_at)),
        ("Last seen", alert.last_seen_at),
        ("Closed", alert.closed_at),
    ];
    given.into_iter().filter_map(|(word, at)| Some((word, Moment::clock(at?)))).collect()
}

fn preview(story: &AlertStory) -> Option<Preview> {
    let entry = story.attempts.iter().rfind(|entry| entry.event == dispatch_log::SHOWN)?;
    let parameters = entry.parameters.as_ref().map(|all| pairs(&all.to_string())).unwrap_or_default();
    Some(Preview { target: entry.detail.clone().unwrap_or_default(), parameters })
}

fn sent(execution: &ExecutionShown) -> Option<Sent> {
    let (parameters, result) = (execution.parameters().map(pretty), execution.result().map(pretty));
    let id = execution.id().to_owned();
    (parameters.is_some() || result.is_some()).then_some(Sent { id, parameters, result })
}

fn pairs(json: &str) -> Vec<Pair> {
    let map: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let pair = |(name, value): (String, Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Pair { name, href: link(&value), value }
    };
    map.into_iter().map(pair).collect()
}

/// For a ticket.
fn text(story: &AlertStory, row: &AlertRow, timeline: &[Line]) -> String {
    let summary = &story.alert.summary;
    let head = [&row.name, &row.instance, &row.severity].into_iter().filter(|part| !part.is_empty());
    let head = head.map(String::as_str).collect::<Vec<_>>().join(" ");
    let reason = summary.dispatch_reason.map(|reason| format!("/{reason}")).unwrap_or_default();
    let mut lines = vec![
        format!("{head}, {}", summary.status),
        format!("alert {}, fingerprint {}, request {}", summary.id, summary.fingerprint, story.request_id),
        format!("{}{reason}: {}", summary.dispatch_status, decision(story)),
    ];
    lines.extend(summary.dispatch_reason.and_then(explain::next_step).map(str::to_owned));
    lines.extend(summary.dispatch_error.as_ref().map(|error| format!("last error: {error}")));
    lines.extend(timeline.iter().map(|line| line.plain.clone()));
    lines.join("\n")
}
