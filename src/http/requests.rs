//! `GET /api/v1/requests/{request_id}`: a webhook's whole story.

use super::{problem::Problem, server::Shared};
use crate::{model::ids::RequestId, store::history};
use actix_web::{HttpResponse, web};

/// The handler.
pub(super) async fn one(path: web::Path<String>, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let request_id = RequestId::parse(&path).map_err(|_not_a_uuid| Problem::BadRequestId)?;
    let found = shared.store.run(move |conn| history::request(conn, request_id)).await?;
    let request = found.ok_or(Problem::NoSuchRequest(request_id))?;
    Ok(HttpResponse::Ok().json(request))
}
