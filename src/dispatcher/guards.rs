//! Which guard holds a row, as far as that needs no counts: the one place for this decision. `store::dispatch` writes it;
//! `admission` decides what the counts allow.

use super::{
    parameters::{ParameterError, check_placeholders},
    routing::{route::Route, table::RouteTable},
    template::AlertView,
};
use crate::{
    model::{
        guards::{
            Mode,
            step::{ClaimStep, Routed, cooldown_until},
        },
        ids::Fingerprint,
        pause::Pause,
        status::{DispatchReason, DispatchStatus},
        truncate::column,
    },
    store::dispatch::{
        claim::Claimable,
        held::{HeldRow, HeldStep},
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use std::{collections::BTreeMap, sync::Arc};

/// Characters of `dispatch_route` and `guard_target`.
const ROUTE: usize = 64;
const TARGET: usize = 255;

/// What the decision knows besides the row.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) table: Arc<RouteTable>,
    pub(super) pauses: Arc<[Pause]>,
    /// `POUNDCAKE_REFIRE_COOLDOWN`.
    pub(super) cooldown: TimeDelta,
    /// `POUNDCAKE_DISPATCH_MAX_AGE`.
    pub(super) max_age: TimeDelta,
}

impl Rules {
    /// What a claim does with a row that is not uncertain.
    pub(super) fn claim(&self, row: Claimable<'_>) -> ClaimStep {
        let labels = &row.alert.labels.0;
        let Some(route) = self.table.route(labels) else { return ClaimStep::NoRoute };
        let routed = routed(route, labels, &row.alert.fingerprint);
        if route.guards.mode == Mode::Off {
            let (status, reason) = (DispatchStatus::Skipped, DispatchReason::RouteOff);
            return ClaimStep::Settle { routed, status, reason, error: None };
        }
        // Before a guard holds it: no person is asked to approve what would be rejected.
        if let Err(error) = complete(route, &row) {
            let (status, reason) = (DispatchStatus::Failed, DispatchReason::Rejected);
            return ClaimStep::Settle { routed, status, reason, error: Some(error.to_string()) };
        }
        if let Some(until) = self.paused_until(&route.name, labels, row.now) {
            return ClaimStep::Wait { routed, reason: DispatchReason::Paused, until };
        }
        let waivers = row.alert.waivers();
        let cooling = cooldown_until(route.cooldown(self.cooldown), row.last_start, row.now);
        if let Some(until) = cooling.filter(|_| !waivers.cooldown) {
            return ClaimStep::Wait { routed, reason: DispatchReason::Cooldown, until };
        }
        match route.guards.mode {
            Mode::Shadow => ClaimStep::Show(routed),
            Mode::Approve if waivers.approval.is_none() => ClaimStep::Show(routed),
            _ if route.guarded => ClaimStep::Line {
                routed,
                reason: route.guards.first_reason(),
                until: row.alert.age_from() + self.allowed_age(route),
                per_target: route.guards.per_target.clone(),
            },
            _ => ClaimStep::Start(routed),
        }
    }

    /// What happens to a held row that is due.
    pub(super) fn due(&self, row: &HeldRow, now: NaiveDateTime) -> HeldStep {
        let Some((route, reason)) = self.route_of(row) else { return HeldStep::ToPending(None) };
        if let Some(until) = self.paused_until(&route.name, &row.labels.0, now) {
            return HeldStep::Hold(DispatchReason::Paused, until);
        }
        let expires = row.age_from() + self.allowed_age(route);
        let asks = must_be_shown(route, row);
        match reason {
            // Its age counts from the end of the pause.
            DispatchReason::Paused => HeldStep::ToPending(Some(now)),
            DispatchReason::Approval if asks => {
                let waited = route.guards.approval_timeout().num_minutes();
                not_approved(format!("no person approved it within {waited} min (approval_timeout)"))
            }
            // The next claim shows it, or starts it.
            _ if asks || !route.guarded => HeldStep::ToPending(None),
            DispatchReason::Cooldown | DispatchReason::Approval => HeldStep::Hold(route.guards.first_reason(), expires),
            _ if expires <= now => {
                let minutes = self.allowed_age(route).num_minutes();
                let error = format!("held by {reason} for longer than {minutes} min");
                HeldStep::Settle(DispatchStatus::Failed, DispatchReason::Expired, error)
            }
            DispatchReason::InFlight | DispatchReason::Rate | DispatchReason::Brake => HeldStep::Until(expires),
            _ => HeldStep::Hold(route.guards.first_reason(), expires),
        }
    }

    /// What happens to a held row that is not due, after a pause or the routes have changed.
    pub(super) fn review(&self, row: &HeldRow, now: NaiveDateTime) -> HeldStep {
        let Some((route, reason)) = self.route_of(row) else { return HeldStep::ToPending(None) };
        let paused = self.paused_until(&route.name, &row.labels.0, now);
        match (reason, paused) {
            (DispatchReason::Paused, None) => HeldStep::ToPending(Some(now)),
            (DispatchReason::InFlight | DispatchReason::Rate | DispatchReason::Brake, Some(until)) => {
                HeldStep::Hold(DispatchReason::Paused, until)
            }
            (DispatchReason::InFlight | DispatchReason::Rate | DispatchReason::Brake, None)
                if !route.guarded || must_be_shown(route, row) =>
            {
                HeldStep::ToPending(None)
            }
            (DispatchReason::Approval, _) if route.guards.mode != Mode::Approve => HeldStep::ToPending(None),
            _ => HeldStep::Stay,
        }
    }

    /// The route of a held row, and what holds the row; `None` where it must be routed again.
    fn route_of(&self, row: &HeldRow) -> Option<(&Route, DispatchReason)> {
        let route = self.table.named(row.dispatch_route.as_deref()?)?;
        let starts = matches!(route.guards.mode, Mode::Run | Mode::Approve);
        Some((route, row.dispatch_reason?)).filter(|_| starts)
    }

    /// When a row that pauses cover is looked at again.
    fn paused_until(
        &self,
        route: &str,
        labels: &BTreeMap<String, String>,
        now: NaiveDateTime,
    ) -> Option<NaiveDateTime> {
        let in_force = self.pauses.iter().filter(|pause| !pause.is_over(now));
        let covering = in_force.filter(|pause| pause.covers(Some(route), labels));
        covering.map(|pause| pause.look_at(now)).max()
    }

    /// How old a row of the route may be when it is sent.
    pub(super) fn allowed_age(&self, route: &Route) -> TimeDelta {
        route.allowed_age(self.max_age, self.cooldown)
    }
}

/// Fails where a placeholder of the route is empty in this row's alert.
fn complete(route: &Route, row: &Claimable<'_>) -> Result<(), ParameterError> {
    // A row without a fingerprint is rejected later, by name.
    let Some(fingerprint) = Fingerprint::parse(&row.alert.fingerprint) else { return Ok(()) };
    check_placeholders(route, &AlertView::of(row.request_id, row.alert, &fingerprint))
}

/// A person must see what it would send before it stands in the line.
fn must_be_shown(route: &Route, row: &HeldRow) -> bool {
    route.guards.mode == Mode::Approve && row.waivers().approval.is_none()
}

fn not_approved(error: String) -> HeldStep {
    HeldStep::Settle(DispatchStatus::Skipped, DispatchReason::NotApproved, error)
}

fn routed(route: &Route, labels: &BTreeMap<String, String>, fingerprint: &str) -> Routed {
    let target = || column(&route.guards.target(labels, fingerprint), TARGET).into_owned();
    Routed {
        route: column(&route.name, ROUTE).into_owned(),
        target: route.target.clone(),
        guard_target: route.guarded.then(target),
    }
}
