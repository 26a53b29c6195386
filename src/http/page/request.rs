//! `/requests/{request_id}`: one webhook as it came, and its alerts.

use super::{
    super::{problem::Problem, query},
    frame::Frame,
    respond,
    rows::{AlertRow, missing},
    words::{Moment, pretty},
};
use crate::{history::History, model::ids::RequestId};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

#[derive(Template)]
#[template(path = "request.html")]
struct Page {
    frame: Frame,
    request_id: String,
    answered: i32,
    received: Moment,
    facts: Vec<(&'static str, String)>,
    headers: String,
    /// As it came.
    body: String,
    missing: Option<String>,
    rows: Vec<AlertRow>,
}

/// One webhook.
pub(in crate::http) async fn one(
    path: web::Path<String>,
    request: HttpRequest,
    history: web::Data<History>,
) -> HttpResponse {
    respond(&request, view(&path, &request, &history).await)
}

async fn view(path: &str, request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    query::Query::parse(request, &[])?;
    let id = RequestId::parse(path).map_err(|_not_an_id| query::bad("request_id", query::REQUEST_ID))?;
    let found = history.request(id).await?;
    let story = found.ok_or_else(|| Problem::NoSuch { what: "request", id: id.to_string() })?;
    let call = story.call.summary;
    let facts = [
        ("Path", Some(format!("{} {}", call.method, call.path))),
        ("From", call.client_address),
        ("X-Request-ID", call.client_request_id),
    ];
    Ok(Page {
        frame: Frame::of(request, "alerts", format!("Request {}", call.request_id)),
        request_id: call.request_id,
        answered: call.status_code,
        received: Moment::exact(call.created_at),
        facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        headers: pretty(&story.call.headers),
        body: story.call.body,
        missing: missing(&story.execution_db),
        rows: story.alerts.iter().map(AlertRow::from).collect(),
    })
}
