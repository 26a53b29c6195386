//! `POST /api/v1/replays`, `/discards`, `/releases` and `/approvals`: orders over rows that a filter chooses.

use super::{
    body::Limits,
    context::Shared,
    orders::{answer, carry_out, read, source, who},
    problem::Problem,
};
use crate::{
    history::History,
    operator::{Filter, Order},
    store::operate::{author::Author, filter::Move},
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use std::num::NonZeroUsize;

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
    #[serde(default)]
    at_most: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Discard {
    filter: Filter,
    reason: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    at_most: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    filter: Filter,
    reason: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    at_most: Option<usize>,
    #[serde(default)]
    oldest: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    filter: Filter,
    approve: bool,
    reason: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    at_most: Option<usize>,
}

/// An order over HTTP that says nothing more.
pub(super) fn order(request: &HttpRequest, filter: Filter, reason: String, what: Move) -> Order {
    let author = Author { by: who(request), reason };
    Order { filter, author, dry_run: false, what, at_most: None, oldest: None, source: source(request, "POST") }
}

/// Chosen rows run again. A dry run also says what the guards of their routes would do.
pub(super) async fn replay(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    history: web::Data<History>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let Replay { filter, reason, dry_run, include_dispatched, accept_unknown, at_most } =
        read(&request, payload, &limits).await?;
    let what = Move::Replay { include_dispatched, accept_unknown };
    let order = Order { dry_run, at_most, ..order(&request, filter.clone(), reason, what) };
    if !dry_run {
        return answer(&shared, order).await;
    }
    let mut counted = carry_out(&shared, order).await?.answer(what);
    if let Some(effect) = history.effect(filter, what).await? {
        counted["guards"] = json!(effect);
    }
    Ok(HttpResponse::Ok().json(counted))
}

/// Chosen rows are not run.
pub(super) async fn discard(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let Discard { filter, reason, dry_run, at_most } = read(&request, payload, &limits).await?;
    answer(&shared, Order { dry_run, at_most, ..order(&request, filter, reason, Move::Discard) }).await
}

/// Brake and cooldown hold the chosen rows no longer.
pub(super) async fn release(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let Release { filter, reason, dry_run, at_most, oldest } = read(&request, payload, &limits).await?;
    let oldest = oldest.map(NonZeroUsize::get);
    answer(&shared, Order { dry_run, at_most, oldest, ..order(&request, filter, reason, Move::Release) }).await
}

/// Chosen rows may start, or never will.
pub(super) async fn approve(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let Approval { filter, approve, reason, dry_run, at_most } = read(&request, payload, &limits).await?;
    let what = if approve { Move::Approve } else { Move::Reject };
    answer(&shared, Order { dry_run, at_most, ..order(&request, filter, reason, what) }).await
}
