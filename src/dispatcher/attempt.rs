//! One claimed row with what its dispatch reads. Each step of a dispatch takes it as its context.

use super::{
    Dispatch,
    routing::{route::Route, table::RouteTable},
    template::AlertView,
    trace_tag,
};
use crate::{
    model::{guards::Mode, ids::Fingerprint, pause::Pause},
    store::dispatch::claim::{Claimed, Purpose},
};
use chrono::TimeDelta;
use std::{sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

/// Why a claim is given back whose route is gone, or does something else by now.
pub(super) const ROUTES_CHANGED: &str = "the routes have changed since the claim";

/// The context of one claim.
pub(super) struct Attempt<'a> {
    pub(super) dispatch: &'a Dispatch,
    pub(super) claimed: &'a Claimed,
    /// The routes as they were when the dispatch began.
    pub(super) table: Arc<RouteTable>,
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
        let (table, not_after) = (dispatch.routes.table(), claimed.begun + dispatch.policy.lease.fresh);
        Self { dispatch, claimed, table, fingerprint, tag, not_after, stop }
    }

    /// The route of the claim, if it is there and still does what the claim was made for. A guarded row belongs to the route in
    /// whose line it stood, by name.
    pub(super) fn route<'t>(&self, table: &'t RouteTable) -> Option<&'t Route> {
        let Claimed { alert, target, .. } = self.claimed;
        let route = match &alert.guard_target {
            Some(_) => table.named(alert.dispatch_route.as_deref()?),
            None => table.route(&alert.labels.0),
        };
        route.filter(|route| Some(&route.target) == target.as_ref() && permits(route, self.claimed))
    }

    /// Why nothing may be posted now, but for age, which the client looks at last.
    pub(super) fn not_now(&self) -> Option<String> {
        let routes = self.dispatch.routes.table();
        let same = Arc::ptr_eq(&routes, &self.table) || self.claimed.alert.dispatch_uncertain;
        if !same && self.route(&routes).is_none() {
            return Some(ROUTES_CHANGED.to_owned());
        }
        self.paused()
    }

    /// The alert as templates and parameters see it; `None` when the row has no fingerprint.
    pub(super) fn alert_view(&self) -> Option<AlertView<'_>> {
        Some(AlertView::of(self.claimed.request_id, &self.claimed.alert, self.fingerprint.as_ref()?))
    }

    /// Why nothing may be posted now: a pause covers the alert, or it is not known whether one does.
    fn paused(&self) -> Option<String> {
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

/// Whether the route as it is now still does what the claim was made for.
fn permits(route: &Route, claimed: &Claimed) -> bool {
    let same_guard = route.guarded == claimed.alert.guard_target.is_some();
    same_guard
        && match (claimed.purpose, route.guards.mode) {
            (Purpose::Show, mode) => matches!(mode, Mode::Approve | Mode::Shadow),
            (_, Mode::Run) => true,
            (_, Mode::Approve) => claimed.alert.waivers().approval.is_some(),
            (_, Mode::Shadow | Mode::Off) => false,
        }
}
