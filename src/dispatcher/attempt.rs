//! One claimed row with what its dispatch reads. Each step of a dispatch takes it as its context.

use super::{Dispatch, template::AlertView, trace_tag};
use crate::{
    model::{ids::Fingerprint, pause::Pause},
    store::dispatch::claim::Claimed,
};
use chrono::TimeDelta;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// The context of one claim.
pub(super) struct Attempt<'a> {
    pub(super) dispatch: &'a Dispatch,
    pub(super) claimed: &'a Claimed,
    /// `None` when the row has no valid one.
    fingerprint: Option<Fingerprint>,
    /// StackStorm knows the dispatch by this tag.
    pub(super) tag: String,
    /// No POST starts after this moment.
    pub(super) not_after: Instant,
    /// Cancelled by shutdown: start nothing new.
    pub(super) stop: &'a CancellationToken,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(dispatch: &'a Dispatch, claimed: &'a Claimed, stop: &'a CancellationToken) -> Self {
        let fingerprint = Fingerprint::parse(&claimed.alert.fingerprint);
        let tag = trace_tag(claimed.request_id, claimed.alert.id, claimed.alert.dispatch_generation);
        Self { dispatch, claimed, fingerprint, tag, not_after: claimed.begun + dispatch.policy.lease.fresh, stop }
    }

    /// The alert as templates and parameters see it; `None` when the row has no fingerprint.
    pub(super) fn alert_view(&self) -> Option<AlertView<'_>> {
        Some(AlertView::of(self.claimed.request_id, &self.claimed.alert, self.fingerprint.as_ref()?))
    }

    /// Why nothing may be posted now: a pause covers the alert, or it is not known whether one does.
    pub(super) fn paused(&self) -> Option<String> {
        let Some(pauses) = self.dispatch.pauses.fresh() else {
            return Some("pauses could not be read for 2 s, and nothing is posted by an older reading".to_owned());
        };
        let alert = &self.claimed.alert;
        let covers = |pause: &&Pause| pause.covers(alert.dispatch_route.as_deref(), &alert.labels.0);
        let pause = pauses.iter().find(covers)?;
        Some(format!("paused by {}: {}", pause.operator, pause.reason))
    }

    /// The schedule's wait after this attempt.
    pub(super) fn delay(&self) -> TimeDelta {
        self.delay_after(self.attempts_with_this())
    }

    /// The schedule's wait after the last attempt that the row has counted.
    pub(super) fn delay_after_last(&self) -> TimeDelta {
        self.delay_after(self.claimed.alert.dispatch_attempts)
    }

    fn delay_after(&self, attempts: i32) -> TimeDelta {
        let delay = self.dispatch.policy.schedule.delay(u32::try_from(attempts).unwrap_or(1), rand::random::<f64>());
        TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX)
    }

    /// How many attempts this generation has made, with this one.
    pub(super) const fn attempts_with_this(&self) -> i32 {
        self.claimed.alert.dispatch_attempts.saturating_add(1)
    }

    /// No attempt is left after this one.
    pub(super) const fn is_last(&self) -> bool {
        self.attempts_with_this() >= self.dispatch.policy.max_attempts
    }

    /// No attempt is left for this one.
    pub(super) const fn attempts_are_used_up(&self) -> bool {
        self.claimed.alert.dispatch_attempts >= self.dispatch.policy.max_attempts
    }

    /// For `dispatch_error` when all attempts are used up.
    pub(super) fn attempts_made(&self) -> String {
        format!("{} attempts", self.claimed.alert.dispatch_attempts)
    }
}
