//! `/approvals`: what would run, exactly, and how long there is to say yes.

use super::{
    super::{problem::Problem, query::Query},
    frame::Frame,
    notice, respond,
    rows::name,
    words::{Moment, count},
};
use crate::{
    history::{Asked, History},
    store::dispatch::dispatch_log::Entry,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::Value;

/// Alerts on the page.
const MOST: u16 = 50;

#[derive(Template)]
#[template(path = "approvals.html")]
struct Page {
    frame: Frame,
    waits: String,
    all: i64,
    asks: Vec<Ask>,
}

/// An alert that waits.
struct Ask {
    id: String,
    name: String,
    instance: String,
    severity: String,
    route: String,
    summary: String,
    since: Option<Moment>,
    until: Option<Moment>,
    /// The target, and how often it was remediated lately.
    lately: String,
    /// Nothing is shown yet: it cannot be approved.
    runs: Option<String>,
    parameters: Vec<(String, String)>,
}

/// Those that wait.
pub(in crate::http) async fn list(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    respond(&request, view(&request, &history).await)
}

async fn view(request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    Query::parse(request, &[&[notice::DONE]])?;
    let (all, asked) = history.approvals(MOST).await?;
    Ok(Page {
        frame: Frame::of(request, "approvals", "Approvals").with(notice::of(request, history).await),
        waits: format!("{} {}", count(all, "alert"), if all == 1 { "waits" } else { "wait" }),
        all,
        asks: asked.into_iter().map(ask).collect(),
    })
}

fn ask(asked: Asked) -> Ask {
    let Asked { waiting, shown } = asked;
    let row = &waiting.alert.summary;
    let runs = match waiting.runs_of_target {
        0 => "not remediated".to_owned(),
        1 => "remediated once".to_owned(),
        n => format!("remediated {n} times"),
    };
    let lately = waiting.target.map(|target| format!("{target} in the last 24 h: {runs}")).unwrap_or_default();
    let annotations: Value = serde_json::from_str(&waiting.alert.annotations).unwrap_or_default();
    Ask {
        id: row.id.to_string(),
        name: name(row),
        instance: row.instance.clone(),
        severity: row.severity.clone(),
        route: row.dispatch_route.clone().unwrap_or_default(),
        summary: annotations["summary"].as_str().or(annotations["description"].as_str()).unwrap_or_default().to_owned(),
        since: waiting.alert.pending_at.map(Moment::clock),
        until: row.next_attempt_at.map(Moment::clock),
        lately,
        runs: shown.as_ref().map(|entry| entry.detail.clone().unwrap_or_default()),
        parameters: parameters(shown),
    }
}

/// As they were shown: secrets are masked in them.
fn parameters(shown: Option<Entry>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match shown.and_then(|entry| entry.parameters) {
        Some(Value::Object(all)) => all.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Some(other) => vec![(String::new(), text(&other))],
        None => Vec::new(),
    }
}
