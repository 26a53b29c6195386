//! All HTTP to StackStorm: the requests, and what the answers mean.
//!
//! The dispatcher creates executions and posts webhooks, the resolver and the tracker look things up; they all share one
//! [`Client`]. Three rules hold in here:
//! - **A POST is written at most once per call.** No redirect is followed, no library retries, a 401 is not tried again.
//! - **What an answer means is decided in one place**, [`outcome`]: what is not known to have had no effect is uncertain. What
//!   proves that st2api itself answered is our own `X-Request-ID` on the answer (`exchange`); no body proves it.
//! - **Credentials go into a header and nowhere else**: never into a URL, a log line or an error.

pub mod actions;
mod answer;
pub mod arrivals;
pub mod auth;
pub mod catalog;
pub mod client;
pub mod error;
mod exchange;
pub mod executions;
pub mod ids;
pub mod outcome;
pub mod started;
pub mod stream;
#[cfg(test)]
pub(crate) mod test_server;
pub mod text;
mod tls;
pub mod traces;
pub mod webhooks;
mod words;

pub use crate::model::execution_status::ExecutionStatus;
pub use actions::{Action, ActionCache, ActionError, Parameter};
pub use arrivals::{Arrival, Arrivals};
pub use catalog::Registered;
pub use client::Client;
pub use error::{BuildError, LookupError};
pub use executions::{Cancel, Execution, NewExecution, Sighting};
pub use ids::{ExecutionId, ObjectId, TriggerInstanceId};
pub use outcome::{Outcome, Signal};
pub use started::Started;
pub use stream::{Event, EventStream};
pub use traces::{Root, Trace};
pub use webhooks::{RuleEnforcement, TriggerInstanceStatus, WebhookPost};

use crate::secret::Secret;
use std::{path::PathBuf, time::Duration};
use url::Url;

/// How to reach StackStorm.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ST2_API_URL`: `http://host:9101/v1`, or `https://host/api/v1` behind nginx; a trailing slash does no harm.
    pub api_url: Url,
    /// `ST2_API_KEY`, or `ST2_AUTH_URL` with `ST2_USERNAME` and `ST2_PASSWORD`.
    pub credentials: Credentials,
    /// `ST2_CA_FILE`: the only CAs to trust (PEM); without it the system's are trusted.
    pub ca_file: Option<PathBuf>,
    /// `POUNDCAKE_ST2_TIMEOUT`: a whole call, connecting and reading the answer included.
    /// Above 22 s, which StackStorm takes to give up on its broker.
    pub timeout: Duration,
}

impl Config {
    /// The default of [`Self::timeout`].
    pub const TIMEOUT: Duration = Duration::from_secs(35);
}

/// How to be let in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Sent as `St2-Api-Key`.
    ApiKey(Secret),
    /// Exchanged for a token, which is renewed before it ends and sent as `X-Auth-Token`.
    Login {
        /// `ST2_AUTH_URL`, the full `…/tokens` URL.
        auth_url: Url,
        /// `ST2_USERNAME`.
        username: String,
        /// `ST2_PASSWORD`.
        password: Secret,
    },
}
