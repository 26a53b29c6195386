//! One HTTP exchange: was the request written, what was the answer, and who sent it?
//!
//! Every request carries a fresh UUID as `X-Request-ID`. st2api's outermost middleware puts it on each of its answers; the
//! pages of nginx, of plain proxies and of dying workers do not have it. So an answer with our id is st2api's own.
//!
//! reqwest's `is_connect` covers everything before the request can be written: DNS, refused, connect timeout, TLS
//! handshake. Any other failure may have come after StackStorm read the request, and is counted as such.

use super::words::{describe, shorten};
use chrono::{DateTime, Utc};
use reqwest::{Request, Response, StatusCode, header::HeaderValue};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The header that tells st2api's own answers from all others.
const REQUEST_ID: &str = "X-Request-ID";
/// A connection that is closed without an answer so soon after the request was written ended the call with it. One that is
/// closed later may have been closed over a request that still hangs inside st2api.
const CLOSED_SOON: Duration = Duration::from_secs(5);

/// No answer above this is read to its end: a hundred executions with large results fit, a runaway does not.
pub(super) const MAX_BODY: usize = 16 * 1024 * 1024;

/// What came back. The status is known even where the body was cut off.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// It carries the `X-Request-ID` of the request: st2api itself answered.
    pub(super) echoed: bool,
    /// `Date`: the clock of the server that answered.
    pub(super) date: Option<DateTime<Utc>>,
    /// `X-Total-Count`: how many entries a list has over all its pages.
    pub(super) total: Option<usize>,
    /// The body.
    pub(super) body: Result<Vec<u8>, BodyError>,
}

/// Why a body is not there.
#[derive(Debug, Clone)]
pub(super) enum BodyError {
    /// The connection ended, or time was up, within the body.
    Broken(String),
    /// More than [`MAX_BODY`].
    TooLarge,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SendError {
    /// The credentials were refused or cannot be read; the request was not written.
    Unauthorized(String),
    /// The request was not written.
    NotSent(String),
    /// Its time had run out before it could be written; StackStorm was not even tried.
    TooLate,
    /// It may have been written, in part or whole, and the connection was closed soon after: the call is over.
    Closed(String),
    /// It may have been written, and no answer came: it may still hang inside StackStorm.
    Silent(String),
}

impl SendError {
    /// For people.
    pub(super) fn message(self) -> String {
        match self {
            Self::Unauthorized(message) | Self::NotSent(message) | Self::Closed(message) | Self::Silent(message) => {
                message
            }
            Self::TooLate => "too late to post: the claim is no longer fresh".to_owned(),
        }
    }
}

impl From<reqwest::Error> for SendError {
    /// Of a request that is not known to have been closed soon.
    fn from(error: reqwest::Error) -> Self {
        Self::after(error, Duration::MAX)
    }
}

impl SendError {
    /// The error of a request that was begun so long ago.
    fn after(error: reqwest::Error, elapsed: Duration) -> Self {
        let not_sent = error.is_connect() || error.is_builder();
        // Connecting is a part of `elapsed`, so the request was written no earlier.
        let closed = !error.is_timeout() && elapsed < CLOSED_SOON;
        let peer = error.url().map(|url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned());
        let message = shorten(&format!("{}: {}", peer.unwrap_or_default(), describe(&error.without_url())));
        match (not_sent, closed) {
            (true, _) => Self::NotSent(message),
            (false, true) => Self::Closed(message),
            (false, false) => Self::Silent(message),
        }
    }
}

/// Sends once and reads the answer.
pub(super) async fn exchange(http: &reqwest::Client, mut request: Request) -> Result<Answer, SendError> {
    let started = Instant::now();
    let sent = mark(&mut request)?;
    let id = sent.id;
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let result = match http.execute(request).await {
        Ok(response) => Ok(receive(response, &sent).await),
        Err(error) => Err(SendError::after(error, started.elapsed())),
    };
    let duration_ms = started.elapsed().as_millis();
    match &result {
        Ok(answer) => {
            let (status, echoed) = (answer.status.as_u16(), answer.echoed);
            log::debug!(
                event = "st2_answered", method:% = method, path, x_request_id:% = id, status, echoed, duration_ms;
                "StackStorm answered"
            );
        }
        Err(error) => {
            log::debug!(
                event = "st2_unanswered", method:% = method, path, x_request_id:% = id, error:? = error, duration_ms;
                "no answer from StackStorm"
            );
        }
    }
    result
}

/// What a request carried that its answer is read with.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its `X-Request-ID`.
    id: Uuid,
    /// Its credentials.
    secrets: Vec<HeaderValue>,
}

/// Gives a request, whole but for this, its own id.
pub(super) fn mark(request: &mut Request) -> Result<Sent, SendError> {
    let id = Uuid::new_v4();
    let value = HeaderValue::from_str(&id.to_string()).map_err(|error| SendError::NotSent(error.to_string()))?;
    let secrets = request.headers().values().filter(|value| value.is_sensitive()).cloned().collect();
    request.headers_mut().insert(REQUEST_ID, value);
    Ok(Sent { id, secrets })
}

/// Reads an answer to its end.
pub(super) async fn receive(response: Response, sent: &Sent) -> Answer {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let status = response.status();
    let echoed = header(REQUEST_ID).is_some_and(|echo| echo == sent.id.to_string());
    let date = header("Date").and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    let total = header("X-Total-Count").and_then(|value| value.parse().ok());
    let body = read_body(response).await;
    // The text of an error is stored and shown, and a proxy's page for debugging repeats the request's headers.
    let body = if status.is_success() { body } else { body.map(|body| sent.without_secrets(body)) };
    Answer { status, echoed, date, total, body }
}

impl Sent {
    fn without_secrets(&self, body: Vec<u8>) -> Vec<u8> {
        // Of `Basic dXNlcjpwYXNz` the second word is the secret.
        let secrets = self.secrets.iter().filter_map(|value| value.as_bytes().rsplit(|byte| *byte == b' ').next());
        secrets.filter(|secret| !secret.is_empty()).fold(body, |body, secret| replaced(&body, secret))
    }
}

/// The text with `********` for each `secret`.
fn replaced(text: &[u8], secret: &[u8]) -> Vec<u8> {
    let (mut shown, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        shown.extend_from_slice(&rest[..at]);
        shown.extend_from_slice(b"********");
        rest = &rest[at + secret.len()..];
    }
    shown.extend_from_slice(rest);
    shown
}

/// Reads a body to its end, or to the limit.
async fn read_body(mut response: reqwest::Response) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => return Err(BodyError::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(BodyError::Broken(describe(&error.without_url()))),
        }
    }
}
