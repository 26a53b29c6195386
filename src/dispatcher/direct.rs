//! Direct mode: `POST /v1/executions`, and what each outcome means for the row.
//!
//! What if we die right before the POST, or while it is on its way: the row was marked uncertain with the claim, so after
//! the lease its trace tag is looked up, and only a whole settle time of empty answers permits another POST.

use super::{
    End,
    attempt::Attempt,
    lookup,
    parameters::{self},
    routes::Route,
    template::AlertView,
};
use crate::{
    model::{status::DispatchReason, target::ActionRef},
    retry::WithinDelivery,
    stackstorm::{ActionError, ExecutionId, LookupError, NewExecution, Trigger},
    store::links::Link,
};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use std::time::Instant;

/// How long rows wait while StackStorm does not let us in: an operator has to act.
const UNAUTHORIZED_WAIT: TimeDelta = TimeDelta::seconds(15);

pub(super) async fn run(attempt: &Attempt<'_>, route: &Route, action: &ActionRef, alert: &AlertView<'_>) -> End {
    let declared = match attempt.dispatch.actions.get(&attempt.dispatch.client, action).await {
        Ok(declared) => declared,
        Err(error @ ActionError::NotFound(_)) => return End::not_sendable(DispatchReason::Rejected, error.to_string()),
        Err(ActionError::Lookup(error)) => return not_asked(attempt, &error),
    };
    let mode = attempt.dispatch.policy.template_text;
    let parameters = match parameters::fill(route, alert, &declared.parameters, mode) {
        Ok(parameters) => parameters,
        Err(error) => return End::not_sendable(DispatchReason::Rejected, error.to_string()),
    };
    let outcome = post(attempt, action, &parameters, alert).await;
    end_of(attempt, action, outcome).await
}

/// Nothing was sent yet; StackStorm could not even say what the action takes.
fn not_asked(attempt: &Attempt<'_>, error: &LookupError) -> End {
    if let LookupError::Refused { status: 403, message } = error {
        return End::not_sendable(DispatchReason::Rejected, format!("403: {message}"));
    }
    attempt.dispatch.circuit.failed();
    let wait = match error {
        LookupError::Unauthorized { .. } => UNAUTHORIZED_WAIT,
        _ => attempt.delay(),
    };
    End::not_sent(wait, error.to_string())
}

/// One POST; tried again only while StackStorm never saw it, and for a few seconds.
async fn post(
    attempt: &Attempt<'_>,
    action: &ActionRef,
    parameters: &Map<String, Value>,
    alert: &AlertView<'_>,
) -> Trigger {
    let mut context = Map::new();
    context.insert(
        "poundcake".to_owned(),
        json!({ "request_id": alert.request_id, "alert_id": alert.alert_id, "fingerprint": alert.fingerprint }),
    );
    let new =
        NewExecution { action, parameters, context: &context, trace_tag: &attempt.tag, not_after: attempt.not_after };
    let mut retries = WithinDelivery::new();
    loop {
        let begun = Instant::now();
        let outcome = attempt.dispatch.client.create_execution(new).await;
        attempt.count("direct", trigger_word(&outcome), works(&outcome), begun);
        let wait = match &outcome {
            Trigger::NotSent { .. } if !attempt.stop.is_cancelled() => retries.next_wait(),
            _ => None,
        };
        match wait.filter(|wait| Instant::now() + *wait < attempt.not_after) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return outcome,
        }
    }
}

/// Whether StackStorm works, as far as the outcome tells.
const fn works(outcome: &Trigger) -> Option<bool> {
    match outcome {
        Trigger::Accepted(_) | Trigger::Rejected { .. } => Some(true),
        Trigger::Unauthorized { .. } | Trigger::NotSent { .. } | Trigger::Uncertain { .. } => Some(false),
        Trigger::TooLate { .. } => None,
    }
}

const fn trigger_word(outcome: &Trigger) -> &'static str {
    match outcome {
        Trigger::Accepted(_) => "accepted",
        Trigger::Rejected { .. } => "rejected",
        Trigger::Unauthorized { .. } => "unauthorized",
        Trigger::NotSent { .. } => "not_sent",
        Trigger::TooLate { .. } => "too_late",
        Trigger::Uncertain { .. } => "uncertain",
    }
}

async fn end_of(attempt: &Attempt<'_>, action: &ActionRef, outcome: Trigger) -> End {
    match outcome {
        Trigger::Accepted(id) => End::Dispatched { links: vec![link(&id, action)], log: None },
        Trigger::Rejected { status, message } => {
            attempt.dispatch.actions.forget(action);
            rejected(attempt, status, message).await
        }
        Trigger::Unauthorized { message } => End::not_sent(UNAUTHORIZED_WAIT, message),
        Trigger::NotSent { message } | Trigger::TooLate { message } => End::not_sent(attempt.delay(), message),
        Trigger::Uncertain { message } => uncertain(attempt, message),
    }
}

fn link(id: &ExecutionId, action: &ActionRef) -> Link {
    Link { execution_id: id.to_string(), rule_ref: None, action_ref: Some(action.to_string()) }
}

/// StackStorm can answer 400 and leave a failed execution (a parameter that cannot be rendered), so it is looked up once.
async fn rejected(attempt: &Attempt<'_>, status: u16, message: String) -> End {
    match lookup::find(attempt).await {
        Ok(found) if found.is_nothing() => End::failed(DispatchReason::Rejected, format!("{status}: {message}")),
        Ok(found) if found.begun.is_empty() => uncertain(attempt, format!("{status}: {message}; and it is requested")),
        Ok(found) => lookup::adopt(attempt, found, &format!("{status}: {message}")).await,
        Err(error) => uncertain(attempt, format!("{status}: {message}; and the lookup failed: {error}")),
    }
}

/// Looked up soon, before anybody posts again.
fn uncertain(attempt: &Attempt<'_>, message: String) -> End {
    lookup::waiting(attempt.dispatch.policy.lookup_wait(), None, Some(("uncertain", message)))
}

impl Attempt<'_> {
    /// The schedule's wait after this attempt.
    pub(super) fn delay(&self) -> TimeDelta {
        let made = u32::try_from(self.claimed.alert.dispatch_attempts.saturating_add(1)).unwrap_or(1);
        let delay = self.dispatch.policy.schedule.delay(made, rand::random::<f64>());
        TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX)
    }

    /// Counts one call, and tells the circuit whether StackStorm works, where that can be told.
    pub(super) fn count(&self, mode: &str, outcome: &str, works: Option<bool>, begun: Instant) {
        match works {
            Some(true) => self.dispatch.circuit.succeeded(),
            Some(false) => self.dispatch.circuit.failed(),
            None => {}
        }
        let metrics = &self.dispatch.metrics;
        metrics.triggers.with_label_values(&[mode, outcome]).inc();
        metrics.trigger_seconds.observe(begun.elapsed().as_secs_f64());
    }
}
