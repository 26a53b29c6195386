//! One exchange on the wire: was the request written, and what came back?
//!
//! reqwest's `is_connect` covers everything before the request can be written: DNS, refused, connect timeout, TLS
//! handshake. Any other failure may have come after StackStorm read the request, and is counted as such.

use super::{
    auth::AuthError,
    body::{self, BodyError, shorten},
};
use reqwest::{Request, StatusCode};
use std::{error::Error, time::Instant};

/// What came back. The status is known even where the body was cut off.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// `X-Total-Count`: how many entries a list has over all its pages.
    pub(super) total: Option<usize>,
    /// The body.
    pub(super) body: Result<Vec<u8>, BodyError>,
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
    /// It may have been written, in part or whole.
    NoAnswer(String),
}

impl SendError {
    /// For people.
    pub(super) fn message(self) -> String {
        match self {
            Self::Unauthorized(message) | Self::NotSent(message) | Self::NoAnswer(message) => message,
            Self::TooLate => "too late to post: the claim is no longer fresh".to_owned(),
        }
    }
}

impl From<AuthError> for SendError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Refused(message) => Self::Unauthorized(message),
            AuthError::Unavailable(message) => Self::NotSent(message),
        }
    }
}

impl From<reqwest::Error> for SendError {
    fn from(error: reqwest::Error) -> Self {
        let not_sent = error.is_connect() || error.is_builder();
        let peer = error.url().map(|url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned());
        let message = shorten(&format!("{}: {}", peer.unwrap_or_default(), describe(&error.without_url())));
        if not_sent { Self::NotSent(message) } else { Self::NoAnswer(message) }
    }
}

/// Sends once and reads the answer.
pub(super) async fn exchange(http: &reqwest::Client, request: Request) -> Result<Answer, SendError> {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let result = receive(http, request).await;
    let duration_ms = started.elapsed().as_millis();
    match &result {
        Ok(answer) => {
            log::debug!(method:% = method, path, status = answer.status.as_u16(), duration_ms; "StackStorm answered");
        }
        Err(error) => log::debug!(method:% = method, path, error:? = error, duration_ms; "no answer from StackStorm"),
    }
    result
}

async fn receive(http: &reqwest::Client, request: Request) -> Result<Answer, SendError> {
    let response = http.execute(request).await?;
    let status = response.status();
    let total = response.headers().get("X-Total-Count").and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer { status, total, body: body::read(response).await })
}

/// The chain of causes in one line: reqwest's own text ("error sending request") says nothing without them.
pub(super) fn describe(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    shorten(&line)
}
