//! Decides what one claimed row needs: a lookup, a call to StackStorm, or neither.

use super::{End, attempt::Attempt, direct, lookup, prior_generations, routing::route::Route, rules_webhook};
use crate::model::{doubt::Doubt, status::DispatchReason, target::Target};

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
    if let Some(end) = too_late(attempt) {
        return end;
    }
    let table = attempt.dispatch.routes.table();
    match (&claimed.target, table.route(&claimed.alert.labels.0)) {
        // The routes file changed since the claim. The next claim routes the row again, so that the row names what is sent.
        (Some(target), found) if found.is_none_or(|route| route.target != *target) => {
            End::not_sent(chrono::TimeDelta::zero(), "the routes have changed since the claim".to_owned())
        }
        (Some(_), Some(route)) => trigger(attempt, route).await,
        (None, _) | (Some(_), None) => End::no_route(),
    }
}

/// Age and attempts count in this generation only, and never while the row is uncertain.
fn too_late(attempt: &Attempt<'_>) -> Option<End> {
    let (alert, policy) = (&attempt.claimed.alert, &attempt.dispatch.policy);
    let age = attempt.claimed.claimed_at - alert.pending_at.unwrap_or(alert.created_at);
    if age > policy.max_age {
        return Some(End::failed(DispatchReason::Expired, format!("older than {} s", policy.max_age.num_seconds())));
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
