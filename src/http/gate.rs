//! Middleware for every route: rejects unlisted paths, cross-origin writes and unauthorized callers.
//! It adds the headers that every answer has, counts webhooks by status and writes the access log line.

use super::{
    access::{Access, RouteInfo},
    attempts::Attempt,
    body,
    connections::Connection,
    context::{Caller, Shared},
    cookies, csrf, page,
    problem::Problem,
    table::Table,
};
use crate::history::History;
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderName, HeaderValue},
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
    let route = table.route(request.request());
    let is_webhook = matches!(route, Ok(RouteInfo { access: Access::Webhook, .. }));
    let is_page = matches!(route, Ok(RouteInfo { page: true, .. }));
    let has_strip =
        matches!(route, Ok(RouteInfo { page: true, path, access, .. }) if *path != "/" && *access != Access::Public);
    let route = route.and_then(|route| csrf::check(request.request()).map(|()| route));
    let allowed = route.and_then(|route| check(&shared, route, request.request()));
    let allowed = allowed.map_err(|problem| limited(&shared, request.request(), problem));
    let (mut response, caller) = match allowed {
        Ok(caller) => {
            let may_order = is_page && check_page(&shared, Access::Operator, request.request()).is_ok();
            request.extensions_mut().insert(Caller { name: caller.clone(), may_order });
            if has_strip {
                say_whether_all_is_well(&request).await;
            }
            (next.call(request).await?.map_into_boxed_body(), caller)
        }
        Err(problem) => {
            // A sender that is still writing would see a reset connection instead of the answer.
            body::discard_unread(&mut request).await;
            let answer = if is_page { page::refused(request.request(), &problem) } else { problem.error_response() };
            (request.into_response(answer), None)
        }
    };
    harden(&mut response);
    // A guess more costs a connection more.
    let is_guessing = response.status() == StatusCode::TOO_MANY_REQUESTS;
    if is_guessing || shared.connections.is_nearly_full() {
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

/// For the page's frame.
async fn say_whether_all_is_well(request: &ServiceRequest) {
    let Some(history) = request.app_data::<web::Data<History>>() else { return };
    if let Some(strip) = page::strip::of(history).await {
        request.extensions_mut().insert(strip);
    }
}

/// Whether the caller may, and the name of the token or of the session.
fn check(shared: &Shared, route: &RouteInfo, request: &HttpRequest) -> Result<Option<String>, Problem> {
    if route.page {
        return check_page(shared, route.access, request);
    }
    shared.auth.check(route.access, request.headers().get(header::AUTHORIZATION))
}

fn check_page(shared: &Shared, access: Access, request: &HttpRequest) -> Result<Option<String>, Problem> {
    let header = request.headers().get(header::AUTHORIZATION);
    shared.auth.check_page(access, header, cookies::get(request, cookies::SESSION))
}

/// A wrong token costs its address one of its tries, and none left is another answer. A right one never comes here, so no
/// guesser at the same address keeps its client waiting.
fn limited(shared: &Shared, request: &HttpRequest, problem: Problem) -> Problem {
    if !matches!(problem, Problem::WrongToken) || !request.headers().contains_key(header::AUTHORIZATION) {
        return problem;
    }
    let address = request.peer_addr().map(|peer| peer.ip());
    match shared.wrong_tokens.begin(address, Instant::now()) {
        Attempt::Allowed => problem,
        Attempt::FirstRefused => {
            log::warn!(
                event = "wrong_tokens", peer:? = address;
                "too many wrong tokens from one address; answering 429 to its wrong ones for a minute"
            );
            Problem::TooManyWrongTokens
        }
        Attempt::Refused => Problem::TooManyWrongTokens,
    }
}

/// What a browser may do with an answer: show it, with nothing from elsewhere, and in no other site's frame.
const FOR_BROWSERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

/// Answers are for the caller alone and are what they say they are. Only what is the same for all says itself that it may be
/// kept.
fn harden(response: &mut ServiceResponse) {
    let headers = response.headers_mut();
    for (name, value) in FOR_BROWSERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
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
