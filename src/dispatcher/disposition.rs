//! How a claim ends: the value that a decision returns, its constructors, and the one function that writes it.

use super::attempt::Attempt;
use crate::{
    clock,
    database::{StoreError, connection::AnyConnection},
    model::{
        doubt::Doubt,
        status::{DispatchReason, DispatchStatus},
    },
    stackstorm::LookupError,
    store::dispatch::{
        claim::Claimed,
        dispatch_log::Entry,
        links::Link,
        release::{self, Release, Settlement, Watch},
    },
};
use chrono::TimeDelta;

/// What is to be written when a claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// StackStorm runs it.
    Dispatched {
        /// Its executions.
        links: Vec<Link>,
        /// Something to keep in the log, such as an adoption.
        log: Option<Box<Entry>>,
    },
    /// Rule mode: the resolver goes on.
    Awaiting {
        /// Whether StackStorm has the webhook.
        doubt: Doubt,
        /// The claim counted an attempt, and nothing was posted: the last POST is the one before.
        give_back_attempt: bool,
        /// For `dispatch_error` and the log.
        event: Option<(&'static str, String)>,
    },
    /// Not now.
    Later(Later),
    /// Never.
    Settled {
        /// `failed` or `skipped`.
        status: DispatchStatus,
        /// Why.
        reason: DispatchReason,
        /// For people.
        error: Option<String>,
        /// The claim counted an attempt, and nothing was sent.
        give_back_attempt: bool,
    },
}

/// Why and until when a row is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// When somebody must look again.
    pub due_in: TimeDelta,
    /// Whether StackStorm may have run it.
    pub doubt: Doubt,
    /// The attempt did not reach StackStorm and does not count.
    pub give_back_attempt: bool,
    /// Since when lookups have been healthy and empty.
    pub settling_since: Option<chrono::NaiveDateTime>,
    /// For `dispatch_error` and the log: what happened. `None`: nothing worth a line.
    pub event: Option<(&'static str, String)>,
}

impl End {
    /// `failed` before anything was sent.
    pub(super) fn not_sendable(reason: DispatchReason, error: impl Into<String>) -> Self {
        Self::Settled { status: DispatchStatus::Failed, reason, error: Some(error.into()), give_back_attempt: true }
    }

    /// `failed` by what StackStorm answered.
    pub(super) fn failed(reason: DispatchReason, error: impl Into<String>) -> Self {
        Self::Settled { status: DispatchStatus::Failed, reason, error: Some(error.into()), give_back_attempt: false }
    }

    /// No route matches; the claim counted no attempt.
    pub(super) fn no_route() -> Self {
        let (status, reason) = (DispatchStatus::Skipped, DispatchReason::NoRoute);
        Self::Settled { status, reason, error: None, give_back_attempt: false }
    }

    /// StackStorm never saw it: no attempt is used up and nothing is uncertain.
    pub(super) fn not_sent(due_in: TimeDelta, message: String) -> Self {
        Self::Later(Later {
            due_in,
            doubt: Doubt::None,
            give_back_attempt: true,
            settling_since: None,
            event: Some(("not_sent", message)),
        })
    }

    /// StackStorm did not act on it and will not: the attempt counts, and another one follows.
    pub(super) fn attempt_failed(due_in: TimeDelta, event: &'static str, message: String) -> Self {
        Self::Later(Later {
            due_in,
            doubt: Doubt::None,
            give_back_attempt: false,
            settling_since: None,
            event: Some((event, message)),
        })
    }

    /// The next claim looks the row up again.
    pub(super) fn look_again(
        doubt: Doubt,
        due_in: TimeDelta,
        settling_since: Option<chrono::NaiveDateTime>,
        event: Option<(&'static str, String)>,
    ) -> Self {
        Self::Later(Later { due_in, doubt, give_back_attempt: false, settling_since, event })
    }

    /// A lookup that fails proves nothing: the settle time begins again.
    pub(super) fn lookup_failed(attempt: &Attempt<'_>, error: &LookupError) -> Self {
        let event = Some(("lookup_failed", error.to_string()));
        Self::look_again(Doubt::AsBefore, attempt.dispatch.policy.lookup_wait(), None, event)
    }

    /// The last call did not run and will not: the next attempt by the schedule, or `failed` if no attempt is left.
    pub(super) fn try_again(attempt: &Attempt<'_>, why: &str) -> Self {
        if attempt.attempts_are_used_up() {
            return Self::failed(DispatchReason::AttemptsExhausted, attempt.attempts_made());
        }
        let alert = &attempt.claimed.alert;
        let waited = attempt.claimed.claimed_at - alert.attempted_at.unwrap_or(alert.created_at);
        let left = (attempt.delay_after_last() - waited).max(TimeDelta::zero());
        Self::attempt_failed(left, "settled", why.to_owned())
    }

    /// The row cannot be sent without a fingerprint.
    pub(super) fn no_fingerprint() -> Self {
        Self::not_sendable(DispatchReason::Rejected, "the row has no fingerprint")
    }

    /// Rule mode: the resolver goes on after the POST of this claim, or of one before.
    pub(super) const fn awaiting(doubt: Doubt) -> Self {
        Self::Awaiting { doubt, give_back_attempt: false, event: None }
    }

    /// One word for logs and metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Dispatched { .. } => "dispatched",
            Self::Awaiting { .. } => "awaiting_execution",
            Self::Later(_) => "later",
            Self::Settled { status, .. } => status.as_str(),
        }
    }
}

/// Writes an end that is neither dispatched nor awaiting. False when the claim is no longer ours.
pub(super) fn write(conn: &mut AnyConnection, claimed: &Claimed, end: &End) -> Result<bool, StoreError> {
    let (id, token) = (claimed.alert.id, claimed.token.as_str());
    match end {
        End::Later(later) => {
            let log = later.event.as_ref().map(|(event, text)| entry(event, text));
            let release = Release {
                due_in: later.due_in,
                doubt: later.doubt,
                give_back_attempt: later.give_back_attempt,
                settling_since: later.settling_since,
                error: later.event.as_ref().map(|(_, text)| text.clone()),
                log,
            };
            release::release(conn, id, token, &release)
        }
        End::Settled { status, reason, error, give_back_attempt } => {
            let log = error.as_ref().map(|text| entry(reason.as_str(), text));
            let (status, reason, error, give_back_attempt) = (*status, *reason, error.clone(), *give_back_attempt);
            release::settle(conn, id, token, &Settlement { status, reason, error, give_back_attempt, log })
        }
        End::Awaiting { doubt, give_back_attempt, event } => {
            let watch = Watch {
                look_in: TimeDelta::milliseconds(300),
                doubt: *doubt,
                posted_at: claimed.alert.attempted_at.filter(|_| *give_back_attempt),
                error: event.as_ref().map(|(_, text)| text.clone()),
                log: event.as_ref().map(|(event, text)| entry(event, text)),
            };
            release::await_execution(conn, id, token, &watch)
        }
        End::Dispatched { .. } => Ok(true),
    }
}

/// The time is set when it is written.
fn entry(event: &str, text: &str) -> Entry {
    Entry::new(clock::utc_now(), event).detail(text)
}
