//! The claim of a row that the resolver has marked (`on_uncertain: post_again`): one more look, then the same POST again.
//!
//! Whatever this POST comes to, the one before may still arrive. So only a 202 makes the row certain; after anything else it
//! is watched as before, and settles from the start.
//! Crash safety before the POST: the claim has removed the mark and counted an attempt. After the lease the row is
//! watched again. After the POST: the same, and the trace tag finds what it started.

use crate::{
    dispatcher::{End, attempt::Attempt, routing::route::OnUncertain, settle::PROVES_FOR},
    model::target::{Target, WebhookName},
    store::dispatch::release::Cause,
};

pub(in crate::dispatcher) async fn run(attempt: &Attempt<'_>, name: &WebhookName) -> End {
    let alert = &attempt.claimed.alert;
    let table = attempt.dispatch.routes.table();
    let same = Target::Webhook(name.clone());
    let route = table.route(&alert.labels.0).filter(|route| route.target == same);
    let Some(route) = route.filter(|route| route.on_uncertain == OnUncertain::PostAgain) else {
        return unposted(attempt, "the routes have changed".to_owned());
    };
    // The row may have waited for long since its last lookup: in the queue, or for a StackStorm that works.
    if alert.attempted_at.is_none_or(|last| attempt.claimed.claimed_at - last > PROVES_FOR) {
        return unposted(attempt, "the last POST was too long ago to be looked up".to_owned());
    }
    match attempt.dispatch.client.traces_by_tag(&attempt.tag).await {
        Ok(traces) if traces.is_empty() => still_uncertain(attempt, super::run(attempt, route, name).await),
        Ok(_) => unposted(attempt, "the webhook has arrived after all".to_owned()),
        Err(error) => unposted(attempt, format!("the lookup before it failed: {error}")),
    }
}

/// Of what the POST came to, with the POST before it in mind.
fn still_uncertain(attempt: &Attempt<'_>, end: End) -> End {
    let (give_back_attempt, cause) = match end {
        End::Released(release) => (release.give_back_attempt, release.cause),
        End::NotRun(not_run) => (not_run.give_back_attempt, not_run.cause()),
        End::Awaiting(_) | End::Dispatched { .. } | End::Shown(_) => {
            attempt.dispatch.metrics.posts_again.inc();
            return end;
        }
    };
    if !give_back_attempt {
        attempt.dispatch.metrics.posts_again.inc();
    }
    End::still_awaiting(attempt.claimed, give_back_attempt, cause)
}

/// Nothing was posted.
fn unposted(attempt: &Attempt<'_>, why: String) -> End {
    End::still_awaiting(attempt.claimed, true, Some(Cause { event: "not_posted_again", text: why }))
}
