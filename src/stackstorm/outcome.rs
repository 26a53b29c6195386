//! What a trigger came to: the one place where an answer, or the lack of one, is given its meaning.
//!
//! The question is always the same: may StackStorm have acted? `NotSent`, `TooLate`, `Unauthorized` and `Rejected` say no (with one
//! exception: a 400 can leave a failed execution, so a rejected one is looked up once). All else is uncertain.
//!
//! | what came back | `POST /executions` | `POST /webhooks/…` |
//! |---|---|---|
//! | could not connect | not sent | not sent |
//! | 201 with an id; 202 | accepted | accepted |
//! | 401 | unauthorized | unauthorized |
//! | 408, 429: st2api sends neither, so a proxy did, and it may have passed the request on | uncertain | watch |
//! | other 4xx; 3xx, which is not followed | rejected | rejected |
//! | 5xx in StackStorm's words | uncertain: it may run | post again: it only publishes, and failed to |
//! | 502, 504, any other 5xx | uncertain | watch |
//! | timeout, reset, closed, another 2xx | uncertain | watch |

use super::{
    body::{fault, faultstring},
    ids::ExecutionId,
    transport::{Answer, SendError},
};
use reqwest::StatusCode;
use serde::Deserialize;

/// What became of `POST /v1/executions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// The execution exists.
    Accepted(ExecutionId),
    /// StackStorm refused for good. After a 400, look the trace tag up once.
    Rejected {
        /// The HTTP status; 403 concerns this action only.
        status: u16,
        /// Why, for `dispatch_error`.
        message: String,
    },
    /// The credentials were refused; nothing ran, and the next call uses a fresh key or login.
    Unauthorized {
        /// Why.
        message: String,
    },
    /// StackStorm never saw the request.
    NotSent {
        /// Why.
        message: String,
    },
    /// The claim was too old to post under; StackStorm was not tried.
    TooLate {
        /// For people.
        message: String,
    },
    /// It may run, now or later: look it up, never just send it again.
    Uncertain {
        /// What was seen.
        message: String,
    },
}

/// What became of `POST /v1/webhooks/{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// StackStorm's rules will see it. Never post it again.
    Accepted,
    /// Refused for good.
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Why, for `dispatch_error`.
        message: String,
    },
    /// The credentials were refused.
    Unauthorized {
        /// Why.
        message: String,
    },
    /// StackStorm never saw the request.
    NotSent {
        /// Why.
        message: String,
    },
    /// The claim was too old to post under; StackStorm was not tried.
    TooLate {
        /// For people.
        message: String,
    },
    /// st2api said itself that it failed: nothing was stored, and posting again is right.
    PostAgain {
        /// Why.
        message: String,
    },
    /// It may have been taken: watch the trace tag, never post it again.
    Watch {
        /// What was seen.
        message: String,
    },
}

/// The one field of a created execution that the outcome needs.
#[derive(Deserialize)]
struct Created {
    id: ExecutionId,
}

impl Trigger {
    /// Gives an answer its meaning.
    pub(super) fn decide(result: Result<Answer, SendError>) -> Self {
        let answer = match result {
            Ok(answer) => answer,
            Err(SendError::Unauthorized(message)) => return Self::Unauthorized { message },
            Err(error @ SendError::TooLate) => return Self::TooLate { message: error.message() },
            Err(SendError::NotSent(message)) => return Self::NotSent { message },
            Err(SendError::NoAnswer(message)) => return Self::Uncertain { message },
        };
        if answer.status.is_success() {
            return match super::body::json(&answer) {
                Ok(Created { id }) => Self::Accepted(id),
                Err(error) => Self::Uncertain { message: format!("{}, but no execution id: {error}", answer.status) },
            };
        }
        let message = fault(&answer);
        match refusal(answer.status) {
            Some(Refusal::Credentials) => Self::Unauthorized { message },
            Some(Refusal::Final) => {
                Self::Rejected { status: answer.status.as_u16(), message: with_hint(answer.status, message, &answer) }
            }
            None => Self::Uncertain { message },
        }
    }
}

impl WebhookOutcome {
    /// Gives an answer its meaning.
    pub(super) fn decide(result: Result<Answer, SendError>) -> Self {
        let answer = match result {
            Ok(answer) => answer,
            Err(SendError::Unauthorized(message)) => return Self::Unauthorized { message },
            Err(error @ SendError::TooLate) => return Self::TooLate { message: error.message() },
            Err(SendError::NotSent(message)) => return Self::NotSent { message },
            Err(SendError::NoAnswer(message)) => return Self::Watch { message },
        };
        let message = fault(&answer);
        match (answer.status, refusal(answer.status)) {
            (StatusCode::ACCEPTED, _) => Self::Accepted,
            (_, Some(Refusal::Credentials)) => Self::Unauthorized { message },
            (status, Some(Refusal::Final)) => {
                Self::Rejected { status: status.as_u16(), message: with_hint(status, message, &answer) }
            }
            (status, None) if is_st2api_failure(status, &answer) => Self::PostAgain { message },
            _ => Self::Watch { message },
        }
    }
}

/// An answer that says that nothing was, or will be, run.
enum Refusal {
    Credentials,
    Final,
}

fn refusal(status: StatusCode) -> Option<Refusal> {
    match status {
        StatusCode::UNAUTHORIZED => Some(Refusal::Credentials),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => None,
        status if status.is_client_error() || status.is_redirection() => Some(Refusal::Final),
        _ => None,
    }
}

/// 502 and 504 are a proxy's own statuses, in whatever words.
fn is_st2api_failure(status: StatusCode, answer: &Answer) -> bool {
    status.is_server_error()
        && !matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT)
        && faultstring(answer).is_some()
}

/// A redirect or an unknown route is a wrong `ST2_API_URL`; an unknown webhook is a 404 in other words.
fn with_hint(status: StatusCode, message: String, answer: &Answer) -> String {
    let wrong_route = status == StatusCode::NOT_FOUND
        && faultstring(answer).is_none_or(|words| words == "The resource could not be found.");
    if wrong_route || status.is_redirection() {
        format!("{message} (check ST2_API_URL: http://host:9101/v1, or https://host/api/v1 behind nginx)")
    } else {
        message
    }
}

#[cfg(test)]
mod tests;
