//! How a claim ends: the value that a decision returns, its constructors, and the one function that writes it.

use super::attempt::Attempt;
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::{
        doubt::Doubt,
        status::{DispatchReason, DispatchStatus},
        waivers::Waivers,
    },
    stackstorm::LookupError,
    store::dispatch::{
        claim::Claimed,
        dispatch_log::Entry,
        links::Link,
        release::{self, Cause, NotRun, Release, Shown, Watch},
    },
};
use chrono::TimeDelta;

/// When the resolver first looks at a row.
const FIRST_LOOK: TimeDelta = TimeDelta::milliseconds(300);

const NO_FINGERPRINT: &str = "the row has no fingerprint";

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
    Awaiting(Watch),
    /// Back to `pending`, due later.
    Released(Release),
    /// `failed` or `skipped`.
    NotRun(NotRun),
    /// What would be sent was shown.
    Shown(Shown),
}

impl End {
    /// `failed` before anything was sent.
    pub(super) fn not_sendable(reason: DispatchReason, error: impl Into<String>) -> Self {
        let (status, error) = (DispatchStatus::Failed, Some(error.into()));
        Self::NotRun(NotRun { status, reason, error, give_back_attempt: true })
    }

    /// `failed` by what StackStorm answered.
    pub(super) fn failed(reason: DispatchReason, error: impl Into<String>) -> Self {
        let (status, error) = (DispatchStatus::Failed, Some(error.into()));
        Self::NotRun(NotRun { status, reason, error, give_back_attempt: false })
    }

    /// No route matches; the claim counted no attempt.
    pub(super) fn no_route() -> Self {
        let (status, reason) = (DispatchStatus::Skipped, DispatchReason::NoRoute);
        Self::NotRun(NotRun { status, reason, error: None, give_back_attempt: false })
    }

    /// StackStorm never saw it: no attempt is used up and nothing is uncertain.
    pub(super) fn not_sent(due_in: TimeDelta, message: String) -> Self {
        let cause = Some(Cause { event: "not_sent", text: message });
        Self::released(due_in, Doubt::None, true, cause)
    }

    /// Back to `pending`.
    fn released(due_in: TimeDelta, doubt: Doubt, give_back_attempt: bool, cause: Option<Cause>) -> Self {
        Self::Released(Release { due_in, doubt, give_back_attempt, settling_since: None, cause, waived: None })
    }

    /// What a person approved is not what would be sent now: it is shown again.
    pub(super) fn ask_again(waived: &Waivers) -> Self {
        let text = "what was approved is not what would be sent now; it must be approved again".to_owned();
        let cause = Some(Cause { event: "approval_void", text });
        let waived = Some(Waivers { approval: None, ..waived.clone() });
        let due_in = TimeDelta::zero();
        Self::Released(Release {
            due_in,
            doubt: Doubt::None,
            give_back_attempt: true,
            settling_since: None,
            cause,
            waived,
        })
    }

    /// Nothing was to be sent, and it could not be rendered now: the claim counted no attempt.
    pub(super) fn show_later(due_in: TimeDelta, message: String) -> Self {
        Self::released(due_in, Doubt::None, false, Some(Cause { event: "not_shown", text: message }))
    }

    /// It cannot be sent by its route: `failed`. The claim counted no attempt.
    pub(super) fn not_showable(error: impl Into<String>) -> Self {
        let (status, reason, error) = (DispatchStatus::Failed, DispatchReason::Rejected, Some(error.into()));
        Self::NotRun(NotRun { status, reason, error, give_back_attempt: false })
    }

    /// StackStorm did not act on it and will not: the attempt counts, and another one follows.
    pub(super) fn attempt_failed(due_in: TimeDelta, event: &'static str, message: String) -> Self {
        let cause = Some(Cause { event, text: message });
        Self::released(due_in, Doubt::None, false, cause)
    }

    /// The next claim looks the row up again.
    pub(super) fn look_again(
        doubt: Doubt,
        due_in: TimeDelta,
        settling_since: Option<chrono::NaiveDateTime>,
        cause: Option<Cause>,
    ) -> Self {
        Self::Released(Release { due_in, doubt, give_back_attempt: false, settling_since, cause, waived: None })
    }

    /// Its execution is there and has not ended. `waived`: its place is free all the same.
    pub(super) fn still_unfinished(doubt: Doubt, due_in: TimeDelta, cause: Cause, waived: Option<Waivers>) -> Self {
        let (cause, settling_since) = (Some(cause), None);
        Self::Released(Release { due_in, doubt, give_back_attempt: false, settling_since, cause, waived })
    }

    /// A lookup that fails proves nothing: the settle time begins again.
    pub(super) fn lookup_failed(attempt: &Attempt<'_>, error: &LookupError) -> Self {
        let cause = Cause { event: "lookup_failed", text: error.to_string() };
        Self::look_again(Doubt::AsBefore, attempt.dispatch.policy.lookup_wait(), None, Some(cause))
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
        Self::not_sendable(DispatchReason::Rejected, NO_FINGERPRINT)
    }

    /// The same of a claim that only shows.
    pub(super) fn no_fingerprint_shown() -> Self {
        Self::not_showable(NO_FINGERPRINT)
    }

    /// Rule mode: the resolver goes on after the POST of this claim, or of one before.
    pub(super) const fn awaiting(doubt: Doubt) -> Self {
        Self::Awaiting(Watch { look_in: FIRST_LOOK, doubt, posted_at: None, cause: None })
    }

    /// Rule mode: this claim posted nothing, or nothing certain, after the POST of a claim before it.
    pub(super) fn still_awaiting(claimed: &Claimed, give_back_attempt: bool, cause: Option<Cause>) -> Self {
        let doubt = Doubt::of_call(claimed.alert.dispatch_silent);
        let posted_at = claimed.alert.attempted_at.filter(|_| give_back_attempt);
        Self::Awaiting(Watch { look_in: FIRST_LOOK, doubt, posted_at, cause })
    }

    /// One word for logs and metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Dispatched { .. } => "dispatched",
            Self::Awaiting(_) => "awaiting_execution",
            Self::Released(_) => "later",
            Self::NotRun(not_run) => not_run.status.as_str(),
            Self::Shown(_) => "shown",
        }
    }
}

/// Writes an end that is not `dispatched`. False when the claim is no longer ours.
pub(super) fn write(conn: &mut AnyConnection, claimed: &Claimed, end: &End) -> Result<bool, DatabaseError> {
    let (id, token) = (claimed.alert.id, claimed.token.as_str());
    match end {
        End::Released(release) => release::release(conn, id, token, &with_place(claimed, release)),
        End::NotRun(not_run) => release::end(conn, id, token, not_run),
        End::Awaiting(watch) => release::await_execution(conn, id, token, watch),
        End::Shown(shown) => release::show(conn, id, token, shown),
        End::Dispatched { .. } => Ok(true),
    }
}

/// The next start takes a place again, whatever came of the last one.
fn with_place(claimed: &Claimed, release: &Release) -> Release {
    let waivers = release.waived.clone().unwrap_or_else(|| claimed.alert.waivers());
    if release.doubt.is_uncertain() || !waivers.overdue {
        return release.clone();
    }
    Release { waived: Some(Waivers { overdue: false, ..waivers }), ..release.clone() }
}
