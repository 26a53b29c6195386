//! Middleware for every route: rejects unlisted paths, cross-origin writes and unauthorized callers.
//! It adds the headers that every answer has, counts webhooks by status and writes the access log line.

use super::{
    access::Access,
    body,
    connections::Connection,
    context::{Caller, Shared},
    csrf,
    table::Table,
};
use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web,
};
use std::time::Instant;

/// The middleware.
pub(super) async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let Some((shared, table)) = data(&request) else {
        return Ok(request.into_response(HttpResponse::InternalServerError().finish()));
    };
    let _in_flight = shared.begin();
    let _answering = request.conn_data::<Connection>().map(Connection::begin);
    let access = table.access(request.request());
    let is_webhook = matches!(access, Ok(Access::Webhook));
    let access = access.and_then(|access| csrf::check(request.request()).map(|()| access));
    let allowed = access.and_then(|access| shared.auth.check(access, request.headers().get(header::AUTHORIZATION)));
    let (mut response, caller) = match allowed {
        Ok(caller) => {
            request.extensions_mut().insert(Caller(caller.clone()));
            (next.call(request).await?.map_into_boxed_body(), caller)
        }
        Err(problem) => {
            // A sender that is still writing would see a reset connection instead of the answer.
            body::discard_unread(&mut request).await;
            (request.into_response(problem.error_response()), None)
        }
    };
    harden(&mut response);
    if shared.connections.is_nearly_full() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if is_webhook {
        shared.metrics.webhooks.with_label_values(&[response.status().as_str()]).inc();
    }
    log(&response, caller.as_deref(), begun);
    Ok(response)
}

fn data(request: &ServiceRequest) -> Option<(web::Data<Shared>, web::Data<Table>)> {
    Some((request.app_data::<web::Data<Shared>>()?.clone(), request.app_data::<web::Data<Table>>()?.clone()))
}

/// Answers are for the caller alone and are what they say they are.
fn harden(response: &mut ServiceResponse) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn log(response: &ServiceResponse, caller: Option<&str>, begun: Instant) {
    let request = response.request();
    let (method, path) = (request.method().as_str(), request.path());
    let (status, duration_ms) = (response.status().as_u16(), u64::try_from(begun.elapsed().as_millis()).unwrap_or(0));
    let (caller, peer) = (caller.unwrap_or("-"), request.peer_addr().map(|peer| peer.to_string()));
    if matches!(status, 401 | 403) {
        log::warn!(event = "request_denied", method, path:?, status, peer:?; "request denied");
    } else {
        log::debug!(
            event = "request_answered", method, path:?, status, caller, peer:?, duration_ms;
            "request answered"
        );
    }
}
