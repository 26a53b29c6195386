//! Between actix's types and ours.

use std::io;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::StatusCode, web::Bytes};
use futures_util::{Stream, stream};

use crate::answer::{Answer, Call};

/// What stands on every answer.
const COMMON_HEADERS: [(&str, &str); 6] = [
    ("Server", "gunicorn"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET,POST,PUT,DELETE,OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type,Authorization,X-Auth-Token,St2-Api-Key,X-Request-ID"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "Content-Type,X-Limit,X-Total-Count,X-Request-ID"),
];

/// The client's request id, or a new one.
pub(super) fn request_id(request: &HttpRequest) -> String {
    let given = request.headers().get("X-Request-ID").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
    given.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// The length of the request line.
pub(super) fn line_length(request: &HttpRequest) -> usize {
    let path = request.uri().path_and_query().map_or(1, |path| path.as_str().len());
    request.method().as_str().len() + path + " ".len() + " HTTP/1.1".len()
}

/// gunicorn's own answer, which no middleware of StackStorm sees.
pub(super) fn line_too_long(length: usize, limit: usize) -> Answer {
    let page = format!(
        "<html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n  <body>\n    <h1><p>Bad Request</p></h1>\n    \
         Request Line is too large ({length} &gt; {limit})\n  </body>\n</html>\n"
    );
    Answer::raw(400, "text/html", page.into_bytes())
}

/// The request; its id is among the headers, as StackStorm's middleware puts it there.
pub(super) fn call(request: &HttpRequest, body: &Bytes, id: &str) -> Call {
    let mut headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if !request.headers().contains_key("X-Request-ID") {
        headers.push(("x-request-id".to_owned(), id.to_owned()));
    }
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    Call {
        method: request.method().as_str().to_owned(),
        path: request.uri().path().split('/').filter(|part| !part.is_empty()).map(decode).collect(),
        query: url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect(),
        headers,
        body: body.to_vec(),
    }
}

/// Our answer on the wire.
pub(super) fn response(answer: Answer, id: &str) -> HttpResponse {
    let mut builder = started(answer.status, id);
    for (name, value) in &answer.headers {
        builder.insert_header((*name, value.as_str()));
    }
    builder.insert_header(("Content-Type", answer.content_type)).body(answer.body)
}

/// A page that StackStorm has not written: without its headers and without the client's id.
pub(super) fn page(page: Answer) -> HttpResponse {
    let mut builder = HttpResponse::build(status(page.status));
    for (name, value) in &page.headers {
        builder.insert_header((*name, value.as_str()));
    }
    builder.insert_header(("Content-Type", page.content_type)).body(page.body)
}

/// A stream of events on the wire.
pub(super) fn event_stream(events: impl Stream<Item = io::Result<Bytes>> + 'static, id: &str) -> HttpResponse {
    started(200, id)
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("Content-Type", "text/event-stream; charset=UTF-8"))
        .streaming(events)
}

/// Breaks the connection off: actix drops it with what it had not yet written, the head included.
pub(super) fn closed() -> HttpResponse {
    let broken = stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted))]);
    HttpResponse::Ok().streaming(broken)
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn started(code: u16, id: &str) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status(code));
    for header in COMMON_HEADERS {
        builder.insert_header(header);
    }
    builder.insert_header(("X-Request-ID", id));
    builder
}
