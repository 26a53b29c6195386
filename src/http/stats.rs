//! `GET /api/v1/stats`: statistics of executions, per workflow and per day.

use super::{problem::Problem, query};
use crate::history::{History, Range};
use actix_web::{HttpRequest, HttpResponse, web};

/// All parameters.
pub(super) const PARAMETERS: &[&str] = &["from", "to"];

/// The handler.
pub(super) async fn show(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    let query = query::Query::parse(&request, &[PARAMETERS])?;
    let range = Range::new(query.time("from")?, query.time("to")?);
    let range = range.ok_or_else(|| query::bad("from", "must be earlier than to; without it 7 days are looked at"))?;
    Ok(HttpResponse::Ok().json(history.stats(range).await?))
}
