//! Rule mode: `POST /v1/webhooks/{name}`; StackStorm's rules decide, and the resolver finds out what they did.
//!
//! StackStorm answers 202 without any id, and a post that it may have taken is never posted again: the row goes to
//! `awaiting_execution`. What if we die while the POST is on its way: after the lease the row goes there too, unposted or
//! not, and fails at the deadline if nothing came of it.

use super::{End, attempt::Attempt, end::Later, parameters, routes::Route, template::AlertView};
use crate::{
    model::{status::DispatchReason, target::WebhookName},
    retry::WithinDelivery,
    stackstorm::{WebhookOutcome, WebhookPost},
};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use std::time::Instant;

const UNAUTHORIZED_WAIT: TimeDelta = TimeDelta::seconds(15);

pub(super) async fn run(attempt: &Attempt<'_>, route: &Route, name: &WebhookName, alert: &AlertView<'_>) -> End {
    let body = match parameters::webhook_body(route, alert, attempt.dispatch.policy.template_text) {
        Ok(body) => body,
        Err(error) => return End::not_sendable(DispatchReason::Rejected, error.to_string()),
    };
    end_of(attempt, post(attempt, name, &body).await)
}

async fn post(attempt: &Attempt<'_>, name: &WebhookName, body: &Map<String, Value>) -> WebhookOutcome {
    let post = WebhookPost { name, body, trace_tag: &attempt.tag, not_after: attempt.not_after };
    let mut retries = WithinDelivery::new();
    loop {
        let begun = Instant::now();
        let outcome = attempt.dispatch.client.post_webhook(post).await;
        attempt.count("rule", word(&outcome), works(&outcome), begun);
        let wait = match &outcome {
            WebhookOutcome::NotSent { .. } if !attempt.stop.is_cancelled() => retries.next_wait(),
            _ => None,
        };
        match wait.filter(|wait| Instant::now() + *wait < attempt.not_after) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return outcome,
        }
    }
}

/// Whether StackStorm works, as far as the outcome tells.
const fn works(outcome: &WebhookOutcome) -> Option<bool> {
    match outcome {
        WebhookOutcome::Accepted | WebhookOutcome::Rejected { .. } => Some(true),
        WebhookOutcome::TooLate { .. } => None,
        _ => Some(false),
    }
}

const fn word(outcome: &WebhookOutcome) -> &'static str {
    match outcome {
        WebhookOutcome::Accepted => "accepted",
        WebhookOutcome::Rejected { .. } => "rejected",
        WebhookOutcome::Unauthorized { .. } => "unauthorized",
        WebhookOutcome::NotSent { .. } => "not_sent",
        WebhookOutcome::TooLate { .. } => "too_late",
        WebhookOutcome::PostAgain { .. } => "post_again",
        WebhookOutcome::Watch { .. } => "uncertain",
    }
}

fn end_of(attempt: &Attempt<'_>, outcome: WebhookOutcome) -> End {
    match outcome {
        WebhookOutcome::Accepted => End::Awaiting { uncertain: false },
        WebhookOutcome::Watch { message } => {
            log::warn!(alert_id = attempt.claimed.alert.id; "StackStorm may have taken the webhook; watching: {message}");
            End::Awaiting { uncertain: true }
        }
        WebhookOutcome::Rejected { status, message } => {
            End::failed(DispatchReason::Rejected, format!("{status}: {message}"))
        }
        WebhookOutcome::Unauthorized { message } => End::not_sent(UNAUTHORIZED_WAIT, message),
        WebhookOutcome::NotSent { message } | WebhookOutcome::TooLate { message } => {
            End::not_sent(attempt.delay(), message)
        }
        WebhookOutcome::PostAgain { message } => End::Later(Later {
            due_in: attempt.delay(),
            uncertain: false,
            give_back_attempt: false,
            settling_since: None,
            event: Some(("attempt_failed", message)),
        }),
    }
}
