//! Decides what one claimed row needs: a lookup, a call to StackStorm, or neither.

use super::{
    End,
    attempt::{Attempt, ROUTES_CHANGED},
    direct, lookup, prior_generations,
    routing::route::Route,
    rules_webhook, show,
};
use crate::{
    model::{doubt::Doubt, status::DispatchReason, target::Target},
    store::dispatch::claim::Purpose,
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
    if claimed.target.is_none() {
        return End::no_route();
    }
    match (claimed.purpose, attempt.route(&attempt.table)) {
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
