//! `GET /api/v1/executions` and `/api/v1/executions/{st2_execution_id}`: what StackStorm ran for alerts.

use super::{problem::Problem, query};
use crate::{
    history::{ExecutionFilter, History, cursor::List},
    stackstorm::ExecutionId,
    store::read::LinkFilter,
};
use actix_web::{HttpRequest, HttpResponse, web};

/// The list's parameters, besides `limit` and `next`.
pub(super) const PARAMETERS: &[&str] = &["request_id", "alert_id", "action", "status", "from", "to"];

/// A page of executions.
pub(super) async fn list(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    let query = query::Query::parse(&request, &[PARAMETERS, query::PAGING])?;
    let filter = filter(&query)?;
    Ok(query::answer(&request, &history.executions(filter, query.window(List::Executions)?).await?))
}

/// What the parameters choose.
pub(super) fn filter(query: &query::Query) -> Result<ExecutionFilter, Problem> {
    let links = LinkFilter {
        request_id: query.request_id()?,
        alert_id: query.text("alert_id").map(|text| query::alert_id("alert_id", &text)).transpose()?,
        action: query.text("action"),
        from: query.time("from")?,
        to: query.time("to")?,
    };
    Ok(ExecutionFilter { links, status: query.parsed("status")? })
}

/// An execution and what it belongs to.
pub(super) async fn one(
    path: web::Path<String>,
    request: HttpRequest,
    history: web::Data<History>,
) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    let id = ExecutionId::parse(&path).map_err(|error| query::bad("st2_execution_id", error))?;
    let found = history.execution(id.as_str()).await?;
    let story = found.ok_or_else(|| Problem::NoSuch { what: "execution", id: id.to_string() })?;
    Ok(HttpResponse::Ok().json(story))
}
