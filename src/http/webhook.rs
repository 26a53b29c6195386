//! `POST /api/v1/webhook`: reads the body, passes it to [`Ingest`], and answers with the outcome.
//!
//! Content-Type is not looked at: a wrong one is no reason to lose an alert.

use super::{
    body::{Body, Limits},
    context::Shared,
    encoding::Encoding,
    problem::Problem,
};
use crate::ingest::{Ingest, Outcome, RawWebhook, Receipt};
use actix_web::{HttpRequest, HttpResponse, ResponseError, http::header, web};
use serde::Serialize;
use tokio::task::JoinError;

/// Bodies above this are judged on a thread of their own.
const LARGE: usize = 256 << 10;

/// The body of a 202.
#[derive(Serialize)]
struct Accepted {
    status: &'static str,
    request_id: String,
    alerts_received: usize,
    alerts_pending: usize,
    alerts_skipped: usize,
}

impl From<Receipt> for Accepted {
    fn from(receipt: Receipt) -> Self {
        Self {
            status: "accepted",
            request_id: receipt.request_id.to_string(),
            alerts_received: receipt.alerts_received,
            alerts_pending: receipt.alerts_pending,
            alerts_skipped: receipt.alerts_skipped,
        }
    }
}

/// The handler.
pub(super) async fn take(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    ingest: web::Data<Ingest>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    // A body that cannot be unpacked is read to its end all the same.
    let encoding = Encoding::of(&request);
    let body = limits.read(*encoding.as_ref().unwrap_or(&Encoding::Identity), payload).await;
    if shared.stop.is_cancelled() {
        return Err(Problem::Unavailable("shutting down; send again"));
    }
    // Keep the memory reservation until we respond: a body that waits still occupies memory.
    let (body, _held) = match body {
        Body::Whole(body, held) => (body, held),
        Body::TooLarge { read } => {
            return too_large(raw(&request, Vec::new()), read, limits.body_bytes(), &shared, &ingest).await;
        }
        Body::Corrupt => {
            note(raw(&request, Vec::new()), &Problem::Corrupt, &shared, &ingest).await?;
            return Err(Problem::Corrupt);
        }
        Body::Overloaded => return Err(Problem::Unavailable("too many webhooks at once; send again")),
        Body::Slow => return Err(Problem::Unavailable("the body did not arrive in time; send again")),
        Body::CutOff(error) => {
            log::warn!(
                event = "webhook_cut_off", peer:? = request.peer_addr(), error:%;
                "the connection was lost before the whole webhook arrived; storing nothing"
            );
            return Err(Problem::CutOff);
        }
    };
    if let Err(problem) = encoding {
        note(raw(&request, Vec::new()), &problem, &shared, &ingest).await?;
        return Err(problem);
    }
    match judge(raw(&request, body), &shared, &ingest).await.map_err(|error| Problem::Internal(error.into()))? {
        Outcome::Accepted(receipt) => Ok(HttpResponse::Accepted().json(Accepted::from(receipt))),
        Outcome::Refused { request_id, message } => Err(Problem::NotAWebhook { request_id, message }),
        Outcome::Unavailable(reason) => Err(Problem::Unavailable(reason)),
    }
}

/// On a task of the process's own runtime: a sender that goes away in between changes nothing of what is stored and
/// counted, and a large body is parsed on a thread that serves no other request.
async fn judge(raw: RawWebhook, shared: &Shared, ingest: &Ingest) -> Result<Outcome, JoinError> {
    let ingest = ingest.clone();
    if raw.body.len() <= LARGE {
        return shared.runtime.spawn(async move { ingest.take(raw).await }).await;
    }
    let runtime = shared.runtime.clone();
    shared.runtime.spawn_blocking(move || runtime.block_on(ingest.take(raw))).await
}

async fn too_large(
    raw: RawWebhook,
    read: bool,
    limit: usize,
    shared: &Shared,
    ingest: &Ingest,
) -> Result<HttpResponse, Problem> {
    let problem = Problem::TooLarge { limit };
    note(raw, &problem, shared, ingest).await?;
    let mut response = problem.error_response();
    if !read {
        response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    }
    Ok(response)
}

/// Stores that a webhook came whose body cannot be kept, and what it is answered.
async fn note(raw: RawWebhook, problem: &Problem, shared: &Shared, ingest: &Ingest) -> Result<(), Problem> {
    let (ingest, status) = (ingest.clone(), problem.status_code().as_u16());
    log::warn!(
        event = "webhook_refused", status, peer = raw.client_address.as_deref().unwrap_or("-");
        "webhook refused; storing only that it came: {problem}"
    );
    let noted = shared.runtime.spawn(async move { ingest.note(raw, i32::from(status)).await }).await;
    if noted.map_err(|error| Problem::Internal(error.into()))? {
        return Ok(());
    }
    Err(Problem::Unavailable("the webhook is refused, and the database could not record it"))
}

/// The request as `ingest` takes it; credentials do not get that far.
fn raw(request: &HttpRequest, body: Vec<u8>) -> RawWebhook {
    let secret = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
    let headers = request
        .headers()
        .iter()
        .filter(|(name, _)| !secret.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    RawWebhook {
        path: request.path().to_owned(),
        headers,
        body,
        client_address: request.peer_addr().map(|peer| peer.ip().to_canonical().to_string()),
    }
}
