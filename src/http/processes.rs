//! `GET /api/v1/processes`: the running processes, and what they tell of themselves.

use super::{problem::Problem, query};
use crate::history::History;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

/// The handler.
pub(super) async fn list(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    Ok(HttpResponse::Ok().json(json!({ "processes": history.processes().await? })))
}
