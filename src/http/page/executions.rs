//! `/executions`: what StackStorm ran for alerts.

use super::{
    super::{
        executions::{PARAMETERS, filter},
        problem::Problem,
        query::{self, Query},
    },
    chip::Chip,
    form::{self, Choice, Field, InForce},
    frame::Frame,
    respond,
    rows::{ExecutionRow, compare, missing},
    words::State,
};
use crate::{
    history::{History, cursor::List},
    model::execution_status::ExecutionStatus,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

const PATH: &str = "/executions";
/// Filters that choose few rows by themselves.
const RARE: &[&str] = &["request_id", "alert_id"];
/// The statuses that people look for.
const CHIPS: [ExecutionStatus; 5] = [
    ExecutionStatus::Running,
    ExecutionStatus::Succeeded,
    ExecutionStatus::Failed,
    ExecutionStatus::Timeout,
    ExecutionStatus::Canceled,
];

#[derive(Template)]
#[template(path = "executions.html")]
struct Page {
    frame: Frame,
    ranges: Vec<Choice>,
    in_force: Vec<InForce>,
    fields: Vec<Field>,
    range: String,
    open: bool,
    chips: Vec<Chip>,
    executions: Vec<ExecutionRow>,
    missing: Option<String>,
    everywhere: Option<String>,
    newest: Option<String>,
    older: Option<String>,
}

/// A page of executions.
pub(in crate::http) async fn list(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    respond(&request, view(&request, &history).await)
}

async fn view(request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    let query = Query::parse_form(request, &[PARAMETERS, query::PAGING, &["range"]])?;
    let range = form::range(&query, RARE);
    let mut filter = filter(&query)?;
    filter.links.from = filter.links.from.or(form::since(range)?);
    let page = history.executions_within(filter, query.window(List::Executions)?, form::PATIENCE).await?;
    let in_force = form::in_force(PATH, &query);
    let mut executions: Vec<ExecutionRow> = page.rows.iter().map(ExecutionRow::from).collect();
    compare(&mut executions);
    Ok(Page {
        frame: Frame::of(request, "executions", "Executions"),
        ranges: form::ranges(PATH, &query, range),
        open: in_force.iter().any(|filter| filter.name != "status"),
        in_force,
        fields: fields(&query),
        range: range.to_owned(),
        chips: chips(&query),
        executions,
        missing: page.execution_db.as_ref().and_then(missing),
        everywhere: (range != "all").then(|| form::with(PATH, &query, "range", Some("all"))),
        newest: query.get("next").map(|_| form::with(PATH, &query, "next", None)),
        older: page.cursor().map(|next| form::with(PATH, &query, "next", Some(&next))),
    })
}

fn fields(query: &Query) -> Vec<Field> {
    vec![
        Field::text(query, "action", "Action", "pack.name, exactly"),
        Field::of(query, "status", "Status", ExecutionStatus::ALL.iter().map(|word| word.as_str())),
        Field::text(query, "alert_id", "Alert", "its number"),
        Field::text(query, "request_id", "Request id", "of its webhook"),
        Field::text(query, "from", "From (UTC)", "2026-11-27T03:14:00Z"),
        Field::text(query, "to", "To (UTC)", "now"),
    ]
}

fn chips(query: &Query) -> Vec<Chip> {
    let chosen = query.get("status");
    let chip = |status: Option<ExecutionStatus>| {
        let word = status.map(ExecutionStatus::as_str);
        let href = form::with(PATH, query, "status", word);
        let state = word.map(|word| State::execution(Some(word)));
        Chip::new(state, href, word == chosen)
    };
    std::iter::once(None).chain(CHIPS.into_iter().map(Some)).map(chip).collect()
}
