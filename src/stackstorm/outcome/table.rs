//! The table: from (how the call ended, status, whose answer, mode) to its meaning.
//!
//! An answer is *st2api's own* when it carries the id of our request and, for an error, has StackStorm's JSON form. Only such
//! an answer says what the handler did. A proxy says only what the proxy did.
//!
//! | how it ended | `POST /executions` | `POST /webhooks/…` |
//! |---|---|---|
//! | not connected, TLS handshake; 301, 302, 307, 308; a plain request on a TLS port | not sent | not sent |
//! | the claim was too old | too late | too late |
//! | 2xx with an execution id; 202 | accepted | accepted |
//! | another 2xx | uncertain | uncertain |
//! | 401 of anybody | unauthorized | unauthorized |
//! | 413, 414, 431 of anybody: this alert is too large | rejected | rejected |
//! | 408, 504 of anybody; no answer within the timeout; closed late | uncertain, silent | uncertain, silent |
//! | 429, 502 of anybody: st2api sends none | uncertain | uncertain |
//! | st2api's own 404, "not registered" | rejected | not registered |
//! | st2api's own other 4xx | rejected | rejected |
//! | st2api's own other 5xx | failed inside | failed inside |
//! | any other answer that is not from st2api | uncertain | uncertain |
//! | closed without an answer, within 5 s of writing | uncertain | uncertain |

use crate::stackstorm::{
    answer::{UNKNOWN_ROUTE, own_fault},
    exchange::{Answer, SendError},
};
use reqwest::StatusCode;

/// How a target is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Mode {
    /// `POST /v1/executions`.
    Direct,
    /// `POST /v1/webhooks/{name}`.
    Webhook,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The login was refused; nothing was written.
    Unauthorized,
    /// Nothing was written.
    NotSent,
    /// Nothing was tried.
    TooLate,
    /// The connection was closed without an answer, soon after the request was written.
    Closed,
    /// No answer came, for longer.
    Silent,
    /// Somebody answered.
    Answered(Answered),
}

/// What of an answer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) from: From,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// An error that st2api itself answered.
    St2api,
    /// The same, about a route that it does not have.
    St2apiUnknownRoute,
    /// A server that wants TLS and was spoken to in plain HTTP: it read no request.
    TlsPort,
    /// Anybody: a success, or an error that does not show that it is st2api's.
    Anybody,
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Accepted,
    Rejected,
    Unauthorized,
    NotSent,
    TooLate,
    NotRegistered,
    FailedInside,
    /// Uncertain, and the call is over.
    Uncertain,
    /// Uncertain, and the call may go on.
    Silent,
}

impl Ended {
    pub(super) const fn of_error(error: &SendError) -> Self {
        match error {
            SendError::Unauthorized(_) => Self::Unauthorized,
            SendError::NotSent(_) => Self::NotSent,
            SendError::TooLate => Self::TooLate,
            SendError::Closed(_) => Self::Closed,
            SendError::Silent(_) => Self::Silent,
        }
    }
}

impl Answered {
    pub(super) fn of(answer: &Answer) -> Self {
        let from = match own_fault(answer) {
            Some(words) if words == UNKNOWN_ROUTE => From::St2apiUnknownRoute,
            Some(_) => From::St2api,
            None if answer.status == StatusCode::BAD_REQUEST && wants_tls(answer) => From::TlsPort,
            None => From::Anybody,
        };
        Self { status: answer.status.as_u16(), from }
    }
}

/// What nginx, Apache and Go's servers say to plain HTTP on a TLS port.
const WANTS_TLS: [&str; 3] = [
    "The plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
    "Client sent an HTTP request to an HTTPS server",
];

fn wants_tls(answer: &Answer) -> bool {
    let Ok(body) = &answer.body else { return false };
    let page = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    WANTS_TLS.iter().any(|words| page.contains(words))
}

/// The table.
pub(super) const fn meaning(mode: Mode, ended: Ended) -> Meaning {
    match ended {
        Ended::Unauthorized => Meaning::Unauthorized,
        Ended::NotSent => Meaning::NotSent,
        Ended::TooLate => Meaning::TooLate,
        Ended::Closed => Meaning::Uncertain,
        Ended::Silent => Meaning::Silent,
        Ended::Answered(answered) => of_answer(mode, answered),
    }
}

const fn of_answer(mode: Mode, Answered { status, from }: Answered) -> Meaning {
    match (status, from, mode) {
        (200..=299, _, Mode::Direct) | (202, _, Mode::Webhook) => Meaning::Accepted,
        (301 | 302 | 307 | 308, ..) | (400, From::TlsPort, _) => Meaning::NotSent,
        (401, ..) => Meaning::Unauthorized,
        (408 | 504, ..) => Meaning::Silent,
        // st2api sends neither: the proxy that did may copy our id into its own pages.
        (429 | 502, ..) => Meaning::Uncertain,
        (404, From::St2api, Mode::Webhook) => Meaning::NotRegistered,
        (413 | 414 | 431, ..) | (400..=499, From::St2api | From::St2apiUnknownRoute, _) => Meaning::Rejected,
        (500..=599, From::St2api | From::St2apiUnknownRoute, _) => Meaning::FailedInside,
        _ => Meaning::Uncertain,
    }
}
