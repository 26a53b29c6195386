//! What one claimed row needs: nothing any more, a lookup, or a call to StackStorm.

use super::{
    Dispatch, End, direct, lookup, prior_generations, routing::route::Route, rules_webhook, template::AlertView,
    trace_tag,
};
use crate::{
    model::{doubt::Doubt, ids::Fingerprint, status::DispatchReason, target::Target},
    store::dispatch::claim::Claimed,
};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// A claimed row with what its dispatch reads.
pub(super) struct Attempt<'a> {
    pub(super) dispatch: &'a Dispatch,
    pub(super) claimed: &'a Claimed,
    /// What StackStorm knows it by.
    pub(super) tag: String,
    /// Nothing is posted after this moment.
    pub(super) not_after: Instant,
    /// Shutdown: do not begin anything new.
    pub(super) stop: &'a CancellationToken,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(dispatch: &'a Dispatch, claimed: &'a Claimed, stop: &'a CancellationToken) -> Self {
        let tag = trace_tag(claimed.request_id, claimed.alert.id, claimed.alert.dispatch_generation);
        Self { dispatch, claimed, tag, not_after: claimed.begun + dispatch.policy.lease.fresh, stop }
    }

    /// Runs to the end of the claim. Twice is safe: an uncertain row is looked up first, and what is found is adopted.
    pub(super) async fn run(&self) -> End {
        if prior_generations::is_to_be_asked(&self.claimed.alert) {
            return prior_generations::run(self).await;
        }
        if self.claimed.alert.dispatch_uncertain {
            return match &self.claimed.target {
                Some(Target::Webhook(name)) if self.claimed.may_be_posted_again() => {
                    rules_webhook::again::run(self, name).await
                }
                Some(Target::Webhook(_)) => End::awaiting(Doubt::AsBefore),
                _ => lookup::run(self).await,
            };
        }
        if let Some(end) = self.too_late() {
            return end;
        }
        let table = self.dispatch.routes.table();
        match (&self.claimed.target, table.route(&self.claimed.alert.labels.0)) {
            // The file changed since the claim: route anew, so that the row names what is sent.
            (Some(target), found) if found.is_none_or(|route| route.target != *target) => {
                End::not_sent(chrono::TimeDelta::zero(), "the routes have changed since the claim".to_owned())
            }
            (Some(_), Some(route)) => self.trigger(route).await,
            (None, _) | (Some(_), None) => End::no_route(),
        }
    }

    /// Age and attempts are counted in this generation only, and never while the row is uncertain.
    fn too_late(&self) -> Option<End> {
        let (alert, policy) = (&self.claimed.alert, &self.dispatch.policy);
        let age = self.claimed.claimed_at - alert.pending_at.unwrap_or(alert.created_at);
        if age > policy.max_age {
            return Some(End::failed(
                DispatchReason::Expired,
                format!("older than {} s", policy.max_age.num_seconds()),
            ));
        }
        (alert.dispatch_attempts >= policy.max_attempts)
            .then(|| End::not_sendable(DispatchReason::AttemptsExhausted, self.attempts_made()))
    }

    /// For `dispatch_error` when all attempts are used up.
    pub(super) fn attempts_made(&self) -> String {
        format!("{} attempts", self.claimed.alert.dispatch_attempts)
    }

    pub(super) async fn trigger(&self, route: &Route) -> End {
        let alert = &self.claimed.alert;
        let Some(fingerprint) = Fingerprint::parse(&alert.fingerprint) else {
            return End::not_sendable(DispatchReason::Rejected, "the row has no fingerprint");
        };
        let view = AlertView {
            request_id: self.claimed.request_id,
            alert_id: alert.id,
            fingerprint: &fingerprint,
            status: alert.status,
            labels: &alert.labels.0,
            annotations: &alert.annotations.0,
            starts_at: alert.starts_at,
            generator_url: alert.generator_url.as_deref(),
        };
        match &route.target {
            Target::Action(action) => direct::run(self, route, action, &view).await,
            Target::Webhook(name) => rules_webhook::run(self, route, name, &view).await,
        }
    }
}
