//! `GET /api/v1/guards`: what guards hold and count at this moment.

use super::{problem::Problem, query};
use crate::history::History;
use actix_web::{HttpRequest, HttpResponse, web};

/// The handler.
pub(super) async fn show(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    Ok(HttpResponse::Ok().json(history.guards().await?))
}
