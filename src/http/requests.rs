//! `GET /api/v1/requests` and `/api/v1/requests/{request_id}`: webhooks, newest first, and one with its whole story.

use super::{problem::Problem, query};
use crate::{
    history::{History, cursor::List},
    model::ids::RequestId,
    store::read::CallFilter,
};
use actix_web::{HttpRequest, HttpResponse, web};

/// The list's parameters, besides `limit` and `next`.
pub(super) const PARAMETERS: &[&str] = &["request_id", "client_request_id", "status_code", "from", "to"];

/// A page of webhooks.
pub(super) async fn list(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    let query = query::Query::parse(&request, &[PARAMETERS, query::PAGING])?;
    let filter = CallFilter {
        request_id: query.request_id()?,
        client_request_id: query.text("client_request_id"),
        status_code: query.read("status_code", |text| {
            let code: Option<u16> = text.parse().ok();
            code.filter(|code| (100..600).contains(code)).map(i32::from).ok_or("an HTTP status, such as 202")
        })?,
        from: query.time("from")?,
        to: query.time("to")?,
    };
    Ok(query::answer(&request, &history.requests(filter, query.window(List::Requests)?).await?))
}

/// A webhook's whole story.
pub(super) async fn one(
    path: web::Path<String>,
    request: HttpRequest,
    history: web::Data<History>,
) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    let id = RequestId::parse(&path).map_err(|_not_an_id| query::bad("request_id", query::REQUEST_ID))?;
    let found = history.request(id).await?;
    let story = found.ok_or_else(|| Problem::NoSuch { what: "request", id: id.to_string() })?;
    Ok(HttpResponse::Ok().json(story))
}
