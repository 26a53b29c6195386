//! `mode: approve` and `mode: shadow`: what would be sent is rendered and shown, and nothing is sent.
//!
//! Crash safety: the row is claimed and certain, so a dispatcher that dies here gives it back with its lease, and it is
//! rendered again.

use super::{
    End,
    attempt::Attempt,
    parameters::{self, masked, masked_by_name},
    routing::route::Route,
    template::AlertView,
};
use crate::{
    model::{
        guards::Mode,
        status::{DispatchReason, DispatchStatus},
        target::Target,
    },
    stackstorm::{ActionError, LookupError},
    store::dispatch::{
        dispatch_log::{Entry, SHOWN},
        release::Shown,
    },
};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Bytes of parameters that are kept in `dispatch_log`.
const KEPT: usize = 16 * 1024;

/// What would be sent.
pub(super) struct Rendered {
    /// As it is sent.
    pub(super) parameters: Map<String, Value>,
    /// As people may see it.
    pub(super) masked: Map<String, Value>,
}

/// Why it cannot be rendered.
pub(super) enum NotRendered {
    /// The alert cannot be sent so.
    Unfit(String),
    /// StackStorm could not be asked.
    NotAsked(LookupError),
}

/// Renders what the route sends for an alert.
pub(super) async fn render(
    attempt: &Attempt<'_>,
    route: &Route,
    alert: &AlertView<'_>,
) -> Result<Rendered, NotRendered> {
    let mode = attempt.dispatch.policy.template_text;
    let unfit = |error: parameters::ParameterError| NotRendered::Unfit(error.to_string());
    match &route.target {
        Target::Webhook(_) => {
            let parameters = parameters::webhook_body(route, alert, mode).map_err(unfit)?;
            Ok(Rendered { masked: masked_by_name(&parameters), parameters })
        }
        Target::Action(action) => {
            let declared = attempt.dispatch.actions.get(&attempt.dispatch.client, action).await;
            let declared = declared.map_err(|error| match error {
                ActionError::NotFound(_) => NotRendered::Unfit(error.to_string()),
                ActionError::Lookup(error) => NotRendered::NotAsked(error),
            })?;
            let parameters = parameters::fill(route, alert, &declared.parameters, mode).map_err(unfit)?;
            Ok(Rendered { masked: masked(&parameters, &declared.parameters), parameters })
        }
    }
}

impl Rendered {
    /// What an approval is about: the target and the parameters, unmasked. `serde_json` keeps keys sorted.
    pub(super) fn digest(&self, route: &Route) -> String {
        let mut hash = Sha256::new();
        hash.update(route.target.to_string());
        hash.update([0]);
        hash.update(Value::Object(self.parameters.clone()).to_string());
        format!("{:x}", hash.finalize())
    }
}

/// Shows what would be sent, and writes what comes of it.
pub(super) async fn run(attempt: &Attempt<'_>, route: &Route) -> End {
    let Some(alert) = attempt.alert_view() else { return End::no_fingerprint_shown() };
    let rendered = match render(attempt, route, &alert).await {
        Ok(rendered) => rendered,
        Err(NotRendered::Unfit(error)) => return End::not_showable(error),
        Err(NotRendered::NotAsked(error)) => return End::show_later(attempt.delay(), error.to_string()),
    };
    let shown = Value::Object(rendered.masked.clone());
    let long = shown.to_string().len() > KEPT;
    let entry = Entry {
        digest: Some(rendered.digest(route)),
        parameters: Some(if long { Value::from("too long to be kept here") } else { shown }),
        ..Entry::new(crate::clock::utc_now(), SHOWN).detail(&route.target.to_string())
    };
    End::Shown(match route.guards.mode {
        Mode::Shadow => Shown { status: DispatchStatus::Skipped, reason: DispatchReason::Shadow, due_in: None, entry },
        _ => Shown {
            status: DispatchStatus::Held,
            reason: DispatchReason::Approval,
            due_in: Some(route.guards.approval_timeout()),
            entry,
        },
    })
}

/// True when a person has approved something else than what would be sent now.
pub(super) fn differs(attempt: &Attempt<'_>, route: &Route, rendered: &Map<String, Value>) -> bool {
    let approved = attempt.claimed.alert.waivers().approval;
    let rendered = Rendered { parameters: rendered.clone(), masked: Map::new() };
    route.guards.mode == Mode::Approve && approved.is_none_or(|digest| digest != rendered.digest(route))
}

/// How long a row waits that is asked again at once.
pub(super) const AT_ONCE: TimeDelta = TimeDelta::zero();
