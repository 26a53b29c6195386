//! Decides what one claimed row needs: a lookup, a call to StackStorm, or neither.

use super::{
    End,
    attempt::Attempt,
    direct, lookup, prior_generations,
    routing::{route::Route, table::RouteTable},
    rules_webhook, show,
};
use crate::{
    model::{doubt::Doubt, guards::Mode, status::DispatchReason, target::Target},
    store::dispatch::claim::{Claimed, Purpose},
};

/// Runs to the end of the claim. Twice is safe: an uncertain row is looked up first, and an execution that the lookup finds
/// is adopted.
pub(super) async fn run(attempt: &Attempt<'_>) -> End {
    let claimed = attempt.claimed;
    if prior_generations::is_to_be_asked(&claimed.alert) {
        return prior_generations::run(attempt).await;
    }
    if claimed.alert.dispatch_uncertain {
        return match &claimed.target {
            Some(Target::Webhook(name)) if claimed.may_be_posted_again() => {
                rules_webhook::again::run(attempt, name).await
            }
            Some(Target::Webhook(_)) => End::awaiting(Doubt::AsBefore),
            _ => lookup::run(attempt).await,
        };
    }
    let table = attempt.dispatch.routes.table();
    let Some(target) = &claimed.target else { return End::no_route() };
    let route = route_of(&table, claimed).filter(|route| route.target == *target && permits(route, claimed));
    match (claimed.purpose, route) {
        (Purpose::Show, Some(route)) => show::run(attempt, route).await,
        (Purpose::Show, None) => End::show_later(show::AT_ONCE, ROUTES_CHANGED.to_owned()),
        (_, Some(route)) => match too_late(attempt, route) {
            Some(end) => end,
            None => trigger(attempt, route).await,
        },
        // The next claim routes the row again, so that the row names what is sent.
        (_, None) => End::not_sent(show::AT_ONCE, ROUTES_CHANGED.to_owned()),
    }
}

const ROUTES_CHANGED: &str = "the routes have changed since the claim";

/// A guarded row belongs to the route in whose line it stood, by name.
fn route_of<'a>(table: &'a RouteTable, claimed: &Claimed) -> Option<&'a Route> {
    match &claimed.alert.guard_target {
        Some(_) => table.named(claimed.alert.dispatch_route.as_deref()?),
        None => table.route(&claimed.alert.labels.0),
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

/// Age and attempts count in this generation only, and never while the row is uncertain.
fn too_late(attempt: &Attempt<'_>, route: &Route) -> Option<End> {
    let age = attempt.claimed.claimed_at - attempt.claimed.alert.age_from();
    let allowed = attempt.dispatch.rules().allowed_age(route);
    if age > allowed {
        return Some(End::failed(DispatchReason::Expired, format!("older than {} s", allowed.num_seconds())));
    }
    attempt
        .attempts_are_used_up()
        .then(|| End::not_sendable(DispatchReason::AttemptsExhausted, attempt.attempts_made()))
}

async fn trigger(attempt: &Attempt<'_>, route: &Route) -> End {
    match &route.target {
        Target::Action(action) => direct::run(attempt, route, action).await,
        Target::Webhook(name) => rules_webhook::run(attempt, route, name).await,
    }
}
