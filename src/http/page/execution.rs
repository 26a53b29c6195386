//! `/executions/{st2_execution_id}`: one execution, its tasks, and the alerts that led to it.

use super::{
    super::{problem::Problem, query},
    frame::Frame,
    respond,
    rows::{AlertRow, ExecutionRow, compare, missing},
    words::{Moment, State, duration, pretty},
};
use crate::{
    history::{ExecutionShown, History},
    stackstorm::ExecutionId,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

#[derive(Template)]
#[template(path = "execution.html")]
struct Page {
    frame: Frame,
    id: String,
    action: String,
    state: State,
    /// The execution whose task it is.
    root: Option<String>,
    times: Vec<(&'static str, Moment)>,
    took: Option<String>,
    web_url: Option<String>,
    parameters: Option<String>,
    result: Option<String>,
    executions: Vec<ExecutionRow>,
    rows: Vec<AlertRow>,
    missing: Option<String>,
}

/// One execution.
pub(in crate::http) async fn one(
    path: web::Path<String>,
    request: HttpRequest,
    history: web::Data<History>,
) -> HttpResponse {
    respond(&request, view(&path, &request, &history).await)
}

async fn view(path: &str, request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    query::Query::parse(request, &[])?;
    let id = ExecutionId::parse(path).map_err(|error| query::bad("st2_execution_id", error))?;
    let found = history.execution(id.as_str()).await?;
    let story = found.ok_or_else(|| Problem::NoSuch { what: "execution", id: id.to_string() })?;
    let execution = story.execution.as_ref();
    let (started, ended) = execution.map(ExecutionShown::times).unwrap_or_default();
    let times = [("Started", started), ("Ended", ended)];
    let action = execution.and_then(ExecutionShown::action).unwrap_or("Execution").to_owned();
    let mut executions: Vec<ExecutionRow> = story.children.iter().map(ExecutionRow::task).collect();
    compare(&mut executions);
    Ok(Page {
        frame: Frame::of(request, "executions", &action),
        root: story.root_execution_id.filter(|root| *root != story.st2_execution_id),
        id: story.st2_execution_id,
        action,
        state: State::execution(execution.and_then(ExecutionShown::status)),
        times: times.into_iter().filter_map(|(word, at)| Some((word, Moment::clock(at?)))).collect(),
        took: execution.and_then(|execution| execution.duration_seconds).map(duration),
        web_url: execution.and_then(|execution| execution.web_url.clone()),
        parameters: execution.and_then(ExecutionShown::parameters).map(pretty),
        result: execution.and_then(ExecutionShown::result).map(pretty),
        executions,
        rows: story.alerts.iter().map(AlertRow::from).collect(),
        missing: missing(&story.execution_db),
    })
}
