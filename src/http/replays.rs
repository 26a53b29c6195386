//! `POST /api/v1/replays` and `/api/v1/discards`: orders over rows that a filter chooses.
//!
//! The answer comes when the order is carried out. A caller who goes away in between changes nothing of it.

use super::{
    body::{Body, Limits},
    context::{Caller, Shared},
    encoding::Encoding,
    problem::Problem,
};
use crate::{
    model::truncate::column,
    operator::{self, Done, Filter, Order, OrderError},
    store::operate::{filter::Move, moves::Author},
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Characters of a message about a body: it may quote what was sent.
const MESSAGE: usize = 400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    filter: Filter,
    reason: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    include_dispatched: bool,
    #[serde(default)]
    accept_unknown: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Discard {
    filter: Filter,
    reason: String,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize)]
struct ReplayAnswer {
    matched: usize,
    replayed: usize,
    /// Left out where there are any: see `accept_unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<usize>,
}

#[derive(Serialize)]
struct Discarded {
    matched: usize,
    discarded: usize,
}

/// Chosen rows run again.
pub(super) async fn replay(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let Replay { filter, reason, dry_run, include_dispatched, accept_unknown } =
        read(&request, payload, &limits).await?;
    let author = Author { by: who(&request), reason };
    let what = Move::Replay { include_dispatched, accept_unknown };
    let Done { matched, moved, refused } = carry_out(&shared, Order { filter, author, dry_run, what }).await?;
    let refused = (refused > 0).then_some(refused);
    Ok(HttpResponse::Ok().json(ReplayAnswer { matched, replayed: moved, refused }))
}

/// Chosen rows are not run.
pub(super) async fn discard(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let Discard { filter, reason, dry_run } = read(&request, payload, &limits).await?;
    let author = Author { by: who(&request), reason };
    let order = Order { filter, author, dry_run, what: Move::Discard };
    let Done { matched, moved, .. } = carry_out(&shared, order).await?;
    Ok(HttpResponse::Ok().json(Discarded { matched, discarded: moved }))
}

async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    limits: &Limits,
) -> Result<T, Problem> {
    match limits.read(Encoding::of(request)?, payload).await {
        Body::Whole(body, _held) => serde_json::from_slice(&body)
            .map_err(|error| Problem::BadOrder(column(&error.to_string(), MESSAGE).into_owned())),
        Body::TooLarge { .. } => Err(Problem::TooLarge { limit: limits.body_bytes() }),
        Body::Overloaded | Body::Slow => Err(Problem::Unavailable("the body could not be read; send again")),
        Body::Corrupt => Err(Problem::Corrupt),
        Body::CutOff(_) => Err(Problem::CutOff),
    }
}

/// The token's name. Without tokens the server is on loopback, and no caller has one.
fn who(request: &HttpRequest) -> String {
    let caller = request.extensions().get::<Caller>().and_then(|caller| caller.0.clone());
    caller.unwrap_or_else(|| {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical().to_string());
        format!("no token, from {}", peer.as_deref().unwrap_or("-"))
    })
}

/// On a task of the process's own runtime.
async fn carry_out(shared: &Shared, order: Order) -> Result<Done, Problem> {
    let (store, metrics) = (shared.store.clone(), shared.metrics.clone());
    let task = shared.runtime.spawn(async move { operator::carry_out(&store, &order, &metrics).await });
    let done = task.await.map_err(|error| Problem::Internal(error.into()))?;
    done.map_err(|error| match error {
        OrderError::Database(error) => error.into(),
        OrderError::NoFilter | OrderError::NoReason => Problem::BadOrder(error.to_string()),
    })
}
