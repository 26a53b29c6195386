//! Direct mode: `POST /v1/executions`, and what each outcome means for the row.
//!
//! Crash safety: if the process dies before or during the POST, the row was marked uncertain with the claim, so after
//! the lease its trace tag is looked up, and only a whole settle time of empty answers permits another POST.

use super::{
    End,
    attempt::Attempt,
    call::{UNAUTHORIZED_WAIT, call},
    found, lookup,
    parameters::{self, Secrets},
    routing::route::Route,
    show,
    template::AlertView,
};
use crate::{
    model::{doubt::Doubt, status::DispatchReason, target::ActionRef},
    stackstorm::{ActionError, ExecutionId, LookupError, NewExecution, Outcome, Signal},
    store::dispatch::{links::Link, release::Cause},
};
use serde_json::{Map, Value, json};

pub(super) async fn run(attempt: &Attempt<'_>, route: &Route, action: &ActionRef) -> End {
    let Some(alert) = attempt.alert_view() else { return End::no_fingerprint() };
    let declared = match attempt.dispatch.actions.get(&attempt.dispatch.client, action).await {
        Ok(declared) => declared,
        Err(error @ ActionError::NotFound(_)) => return End::not_sendable(DispatchReason::Rejected, error.to_string()),
        Err(ActionError::Lookup(error)) => return not_asked(attempt, &error),
    };
    let mode = attempt.dispatch.policy.template_text;
    let parameters = match parameters::fill(route, &alert, &declared.parameters, mode) {
        Ok(parameters) => parameters,
        Err(error) => return End::not_sendable(DispatchReason::Rejected, error.to_string()),
    };
    if show::differs(attempt, route, &parameters) {
        return End::ask_again(&attempt.claimed.alert.waivers());
    }
    let secrets = Secrets::of(&parameters, &declared.parameters);
    let outcome = post(attempt, action, &parameters, &alert).await;
    end_of(attempt, action, outcome, &secrets).await
}

/// Nothing was sent yet; StackStorm could not even say what the action takes.
fn not_asked(attempt: &Attempt<'_>, error: &LookupError) -> End {
    if let LookupError::Refused { status: 403, message } = error {
        return End::not_sendable(DispatchReason::Rejected, message);
    }
    attempt.dispatch.circuit.told(Signal::Fails);
    let wait = match error {
        LookupError::Unauthorized { .. } => UNAUTHORIZED_WAIT,
        _ => attempt.delay(),
    };
    End::not_sent(wait, error.to_string())
}

async fn post(
    attempt: &Attempt<'_>,
    action: &ActionRef,
    parameters: &Map<String, Value>,
    alert: &AlertView<'_>,
) -> Outcome<ExecutionId> {
    let mut context = Map::new();
    context.insert(
        "poundcake".to_owned(),
        json!({ "request_id": alert.request_id, "alert_id": alert.alert_id, "fingerprint": alert.fingerprint }),
    );
    let new =
        NewExecution { action, parameters, context: &context, trace_tag: &attempt.tag, not_after: attempt.not_after };
    call(attempt, "direct", || attempt.dispatch.client.create_execution(new)).await
}

/// StackStorm's words go into the row and the log: without the secrets that they may quote.
async fn end_of(attempt: &Attempt<'_>, action: &ActionRef, outcome: Outcome<ExecutionId>, secrets: &Secrets) -> End {
    match outcome {
        Outcome::Accepted(id) => End::Dispatched { links: vec![link(&id, action)], log: None },
        Outcome::Rejected { message } => {
            attempt.dispatch.actions.forget(action);
            let message = secrets.hide(&message);
            look_once(attempt, action, &message, End::failed(DispatchReason::Rejected, message.clone())).await
        }
        Outcome::FailedInside { message } => {
            let message = secrets.hide(&message);
            let nothing = if attempt.is_last() {
                End::failed(DispatchReason::AttemptsExhausted, message.clone())
            } else {
                End::attempt_failed(attempt.delay(), "attempt_failed", message.clone())
            };
            look_once(attempt, action, &message, nothing).await
        }
        Outcome::Unauthorized { message } => End::not_sent(UNAUTHORIZED_WAIT, message),
        Outcome::NotSent { message } | Outcome::TooLate { message } => End::not_sent(attempt.delay(), message),
        // StackStorm has no such outcome for executions; were there one, a lookup would settle it.
        Outcome::NotRegistered { message } => uncertain(Doubt::Over, attempt, secrets.hide(&message)),
        Outcome::Uncertain { message, silent } => uncertain(Doubt::of_call(silent), attempt, secrets.hide(&message)),
    }
}

fn link(id: &ExecutionId, action: &ActionRef) -> Link {
    Link { execution_id: id.to_string(), rule_ref: None, action_ref: Some(action.to_string()) }
}

/// st2api itself answered, so its handler is over and one healthy lookup decides. It may have left an execution: a 400 can
/// leave a failed one (a parameter that cannot be rendered), a 500 one that runs or one that is forgotten.
async fn look_once(attempt: &Attempt<'_>, action: &ActionRef, message: &str, nothing: End) -> End {
    match found::find_all(attempt, action).await {
        Ok(found) if found.is_nothing() => nothing,
        Ok(found) if !found.has_begun() => {
            uncertain(Doubt::Over, attempt, format!("{message}; and its execution is requested"))
        }
        Ok(found) => lookup::adopt(attempt, found, message).await,
        Err(error) => uncertain(Doubt::Over, attempt, format!("{message}; and the lookup failed: {error}")),
    }
}

/// Looked up soon, before anybody posts again.
fn uncertain(doubt: Doubt, attempt: &Attempt<'_>, message: String) -> End {
    let cause = Cause { event: "uncertain", text: message };
    End::look_again(doubt, attempt.dispatch.policy.lookup_wait(), None, Some(cause))
}
