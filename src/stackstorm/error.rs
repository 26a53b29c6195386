//! Errors of requests to StackStorm and of building the client.
//!
//! Triggers have their own type, [`super::outcome::Outcome`]: there an error is one of several outcomes.

use super::{
    answer::{ReadError, fault},
    exchange::{Answer, MAX_BODY, SendError},
};
use crate::trust::TrustError;
use reqwest::StatusCode;

/// A question to StackStorm that got no usable answer: nothing may be concluded from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The credentials were refused, or cannot be read.
    #[error("StackStorm refused the credentials: {0}")]
    Unauthorized(String),
    /// No answer, or a server error: ask again later.
    #[error("StackStorm did not answer: {0}")]
    Unavailable(String),
    /// StackStorm understood and refused: asking again brings the same.
    #[error("StackStorm refused: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// StackStorm's words.
        message: String,
    },
    /// An answer that docs/contracts/stackstorm.md does not describe; perhaps a proxy's.
    #[error("StackStorm's answer cannot be read: {0}")]
    Unreadable(String),
    /// An answer above the limit.
    #[error("StackStorm's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl LookupError {
    /// The error that an answer other than the wanted one stands for.
    pub(super) fn of_answer(answer: &Answer) -> Self {
        let message = fault(answer);
        match answer.status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized(message),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Self::Unavailable(message),
            status if status.is_server_error() => Self::Unavailable(message),
            status => Self::Refused { status: status.as_u16(), message },
        }
    }
}

impl From<SendError> for LookupError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unauthorized(message) => Self::Unauthorized(message),
            other => Self::Unavailable(other.message()),
        }
    }
}

impl From<ReadError> for LookupError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unreadable(message) => Self::Unreadable(message),
            ReadError::Broken(message) => Self::Unavailable(message),
            ReadError::TooLarge => Self::TooLarge { limit: MAX_BODY },
        }
    }
}

/// A client that cannot be built: a mistake in the configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A URL that cannot be used.
    #[error("{variable}: {problem}")]
    Url {
        /// Which.
        variable: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// `ST2_CA_FILE` cannot be read, or is no PEM.
    #[error("ST2_CA_FILE cannot be used")]
    CaFile(#[source] TrustError),
    /// There is nothing to trust.
    #[error("no CA certificates found for https: set ST2_CA_FILE, or install the system's (ca-certificates)")]
    NoCertificates,
    /// rustls refuses.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// reqwest refuses.
    #[error("the HTTP client cannot be built")]
    Http(#[from] reqwest::Error),
}
