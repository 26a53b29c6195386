//! Rule mode: `POST /v1/webhooks/{name}`; StackStorm's rules decide, and the resolver finds out what they did.
//!
//! StackStorm answers 202 without any id, and a post that it may have taken is never posted again: the row goes to
//! `awaiting_execution`. Crash safety: if the process dies during the POST, after the lease the row goes there too, unposted or
//! not, and fails at the deadline if nothing came of it; or settles and is posted again, if its route says so (`again`).

pub(super) mod again;

use super::{
    End,
    attempt::Attempt,
    call::{UNAUTHORIZED_WAIT, call},
    parameters,
    routing::route::Route,
    show,
};
use crate::{
    model::{doubt::Doubt, status::DispatchReason, target::WebhookName},
    retry::WithinDelivery,
    stackstorm::{Outcome, WebhookPost},
};
use std::time::Instant;

pub(super) async fn run(attempt: &Attempt<'_>, route: &Route, name: &WebhookName) -> End {
    let Some(alert) = attempt.alert_view() else { return End::no_fingerprint() };
    let body = match parameters::webhook_body(route, &alert, attempt.dispatch.policy.template_text) {
        Ok(body) => body,
        Err(error) => return End::not_sendable(DispatchReason::Rejected, error.to_string()),
    };
    if show::differs(attempt, route, &body) && !attempt.claimed.may_be_posted_again() {
        return End::ask_again(&attempt.claimed.alert.waivers());
    }
    let post = WebhookPost { name, body: &body, trace_tag: &attempt.tag, not_after: attempt.not_after };
    let outcome = call(attempt, "rule", || attempt.dispatch.client.post_webhook(post)).await;
    end_of(attempt, name, outcome).await
}

async fn end_of(attempt: &Attempt<'_>, name: &WebhookName, outcome: Outcome<()>) -> End {
    match outcome {
        Outcome::Accepted(()) => End::awaiting(Doubt::None),
        Outcome::Rejected { message } => End::failed(DispatchReason::Rejected, message),
        Outcome::Unauthorized { message } => End::not_sent(UNAUTHORIZED_WAIT, message),
        Outcome::NotSent { message } | Outcome::TooLate { message } => End::not_sent(attempt.delay(), message),
        // Another worker of st2api may know it, and this one learns of it.
        Outcome::NotRegistered { message } if attempt.is_last() => End::failed(DispatchReason::Rejected, message),
        Outcome::NotRegistered { message } => End::attempt_failed(attempt.delay(), "not_registered", message),
        Outcome::FailedInside { message } => failed_inside(attempt, name, message).await,
        Outcome::Uncertain { message, silent } => watch(attempt, silent, &message),
    }
}

/// st2api publishes last, so a handler that failed has published nothing: where the webhook reaches one trigger, the next
/// attempt posts again. Where it reaches more, the first may be out.
async fn failed_inside(attempt: &Attempt<'_>, name: &WebhookName, message: String) -> End {
    match listings(attempt, name).await {
        Some(1) if attempt.is_last() => End::failed(DispatchReason::AttemptsExhausted, message),
        Some(1) => End::attempt_failed(attempt.delay(), "attempt_failed", message),
        Some(count) => watch(attempt, false, &format!("{message} (StackStorm lists the webhook {count} times)")),
        None => watch(attempt, false, &format!("{message} (and GET /v1/webhooks failed)")),
    }
}

/// Asked for a few seconds: whatever made the POST fail may make the first answer fail too.
async fn listings(attempt: &Attempt<'_>, name: &WebhookName) -> Option<usize> {
    let mut retries = WithinDelivery::new();
    loop {
        match attempt.dispatch.client.webhook_listings(name).await {
            Ok(count) => return Some(count),
            Err(error) => {
                log::debug!(
                    event = "webhooks_not_listed", alert_id = attempt.claimed.alert.id;
                    "could not list the webhooks of StackStorm: {error}"
                );
            }
        }
        let wait = retries.next_wait().filter(|wait| Instant::now() + *wait < attempt.not_after)?;
        tokio::time::sleep(wait).await;
    }
}

fn watch(attempt: &Attempt<'_>, silent: bool, message: &str) -> End {
    log::warn!(
        event = "webhook_uncertain", alert_id = attempt.claimed.alert.id, silent;
        "StackStorm may have accepted the webhook; watching for its executions: {message}"
    );
    End::awaiting(Doubt::of_call(silent))
}
