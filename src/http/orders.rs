//! What all orders share, and `GET /api/v1/orders`: the audit log.
//!
//! The answer comes when the order is carried out. A caller who goes away in between changes nothing of it.

use super::{
    body::{Body, Limits},
    context::{Caller, Shared},
    encoding::Encoding,
    problem::Problem,
    query,
};
use crate::{
    history::{History, cursor::List},
    model::truncate::column,
    operator::{self, Done, Order, OrderError, Source},
    store::read::OrderFilter,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;

/// Characters of a message about a body: it may quote what was sent.
const MESSAGE: usize = 400;

/// The list's parameters, besides `limit` and `next`.
pub(super) const PARAMETERS: &[&str] = &["operator", "from", "to"];

/// A page of orders, newest first.
pub(super) async fn list(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    let query = query::Query::parse(&request, &[PARAMETERS, query::PAGING])?;
    let orders = history.orders(order_filter(&query)?, query.window(List::Orders)?).await?;
    Ok(query::answer(&request, &orders))
}

/// What the parameters choose.
pub(super) fn order_filter(query: &query::Query) -> Result<OrderFilter, Problem> {
    Ok(OrderFilter { operator: query.text("operator"), from: query.time("from")?, to: query.time("to")? })
}

/// The body of an order.
pub(super) async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    limits: &Limits,
) -> Result<T, Problem> {
    let body = whole(request, payload, limits).await?;
    serde_json::from_slice(&body).map_err(|error| Problem::BadOrder(column(&error.to_string(), MESSAGE).into_owned()))
}

/// All bytes of a body.
pub(super) async fn whole(request: &HttpRequest, payload: web::Payload, limits: &Limits) -> Result<Vec<u8>, Problem> {
    match limits.read(Encoding::of(request)?, payload).await {
        Body::Whole(body, _held) => Ok(body),
        Body::TooLarge { .. } => Err(Problem::TooLarge { limit: limits.body_bytes() }),
        Body::Overloaded | Body::Slow => Err(Problem::Unavailable("the body could not be read; send again")),
        Body::Corrupt => Err(Problem::Corrupt),
        Body::CutOff(_) => Err(Problem::CutOff),
    }
}

/// The token's name. Without tokens the server is on loopback, and no caller has one.
pub(super) fn who(request: &HttpRequest) -> String {
    let caller = request.extensions().get::<Caller>().and_then(|caller| caller.name.clone());
    caller.unwrap_or_else(|| format!("no token, from {}", address(request).as_deref().unwrap_or("-")))
}

/// The way that an order came.
pub(super) fn source(request: &HttpRequest, method: &'static str) -> Source {
    Source { method, client_address: address(request) }
}

fn address(request: &HttpRequest) -> Option<String> {
    request.peer_addr().map(|peer| peer.ip().to_canonical().to_string())
}

/// The answer to an order.
pub(super) async fn answer(shared: &Shared, order: Order) -> Result<HttpResponse, Problem> {
    let what = order.what;
    Ok(HttpResponse::Ok().json(carry_out(shared, order).await?.answer(what)))
}

/// On a task of the process's own runtime.
pub(super) async fn carry_out(shared: &Shared, order: Order) -> Result<Done, Problem> {
    let (store, metrics) = (shared.store.clone(), shared.metrics.clone());
    let task = shared.runtime.spawn(async move { operator::carry_out(&store, &order, &metrics).await });
    let done = task.await.map_err(|error| Problem::Internal(error.into()))?;
    done.map_err(|error| match error {
        OrderError::Database(error) => error.into(),
        OrderError::TooMany { .. } => Problem::TooMany(error.to_string()),
        OrderError::NoFilter | OrderError::NoReason => Problem::BadOrder(error.to_string()),
    })
}
