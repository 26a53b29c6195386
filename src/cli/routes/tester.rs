//! Shows what would happen to one alert, line by line.

use super::guards::{self, Defaults};
use crate::{
    cli::print::{self, PrintError},
    config::Settings,
    dispatcher::{
        parameters::{self, ParameterError},
        routing::route::{OnUncertain, Route},
        template::AlertView,
    },
    model::{
        alert::IncomingAlert,
        ids::{AlertId, RequestId},
        target::{ActionRef, Target},
    },
    stackstorm::{Action, ActionCache, ActionError, Client, text::TemplateText},
};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// A person waits for the answer; the dispatcher's own limit is longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A file is tested within seconds: each action is asked for once.
const KEPT: Duration = Duration::from_mins(10);

/// Shows what would happen to one alert after the other.
pub(super) struct Tester {
    settings: Settings,
    actions: ActionCache,
    defaults: Defaults,
    /// StackStorm, or why it is not asked.
    client: Result<Client, String>,
}

/// The parameters of one call, as far as they can be told.
struct Call {
    filled: Result<Map<String, Value>, ParameterError>,
    /// What StackStorm would refuse, or what else is wrong.
    wrong: Vec<String>,
    note: Option<String>,
}

impl Tester {
    pub(super) fn new(settings: Settings, max_in_flight: Option<u32>) -> Self {
        let client = settings.stackstorm.client_config().and_then(|mut config| {
            config.timeout = config.timeout.min(CALL_TIMEOUT);
            Ok(Client::new(config)?)
        });
        let defaults = Defaults { cooldown: settings.ingest.refire_cooldown, max_in_flight };
        Self {
            settings,
            actions: ActionCache::new(KEPT),
            defaults,
            client: client.map_err(|error| format!("{error:#}")),
        }
    }

    /// False where the alert would be rejected.
    pub(super) async fn show(&self, route: Option<&Route>, alert: &IncomingAlert) -> Result<bool, PrintError> {
        let mute = &self.settings.ingest.mute;
        if !mute.is_empty() && mute.matches(&alert.labels) {
            print::line("  muted by POUNDCAKE_MUTE: stored, never dispatched")?;
            return Ok(true);
        }
        let Some(route) = route else {
            print::line("  no route: skipped/no_route")?;
            return Ok(true);
        };
        print::line(format_args!("  route {}: {}", route.name, route.target))?;
        for line in guards::lines(route, &alert.labels, alert.fingerprint.as_str(), self.defaults) {
            print::line(format_args!("  {line}"))?;
        }
        let Call { filled, wrong, note } = self.call(route, &view(alert)).await;
        let error = filled.as_ref().err().map(|error| format!("failed/rejected: {error}"));
        for (name, value) in filled.unwrap_or_default() {
            print::line(format_args!("    {name}: {value}"))?;
        }
        let wrong: Vec<String> = wrong.into_iter().chain(error).collect();
        for line in &wrong {
            print::line(format_args!("  {line}"))?;
        }
        if let Some(note) = note {
            print::line(format_args!("  ({note})"))?;
        }
        Ok(wrong.is_empty())
    }

    async fn call(&self, route: &Route, alert: &AlertView<'_>) -> Call {
        let mode = self.settings.dispatch.template_text;
        let Target::Action(action) = &route.target else {
            let filled = parameters::webhook_body(route, alert, mode).map(|body| parameters::masked_by_name(&body));
            let note = Some(of_webhook(route.on_uncertain).to_owned());
            return Call { filled, wrong: Vec::new(), note };
        };
        match self.declared(action).await {
            Ok(declared) => known(route, alert, &declared, mode),
            Err(why) => {
                let filled = parameters::offered(route, alert, mode).map(|all| parameters::masked_by_name(&all));
                match why {
                    NotKnown::NoSuchAction(words) => {
                        Call { filled, wrong: vec![format!("WRONG: {words}")], note: None }
                    }
                    NotKnown::NotAsked(why) => Call { filled, wrong: Vec::new(), note: Some(not_checked(&why)) },
                }
            }
        }
    }

    async fn declared(&self, action: &ActionRef) -> Result<Arc<Action>, NotKnown> {
        let client = self.client.as_ref().map_err(|why| NotKnown::NotAsked(why.clone()))?;
        self.actions.get(client, action).await.map_err(|error| match error {
            ActionError::NotFound(_) => NotKnown::NoSuchAction(error.to_string()),
            ActionError::Lookup(error) => NotKnown::NotAsked(error.to_string()),
        })
    }
}

/// What would be sent to an action that is known.
fn known(route: &Route, alert: &AlertView<'_>, action: &Action, mode: TemplateText) -> Call {
    let filled = parameters::fill(route, alert, &action.parameters, mode);
    let problems = parameters::problems(route, &action.parameters);
    let disabled = (!action.enabled).then(|| "the action is disabled; st2 action enable".to_owned());
    let wrong = problems.iter().map(ToString::to_string).chain(disabled).map(|words| format!("WRONG: {words}"));
    Call {
        filled: filled.map(|filled| parameters::masked(&filled, &action.parameters)),
        wrong: wrong.collect(),
        note: None,
    }
}

fn not_checked(why: &str) -> String {
    format!("not checked; a default parameter that the action does not declare is not sent. {why}")
}

/// Why it is not known what an action takes.
enum NotKnown {
    NoSuchAction(String),
    NotAsked(String),
}

fn view(alert: &IncomingAlert) -> AlertView<'_> {
    AlertView {
        request_id: RequestId::generate(),
        alert_id: AlertId(0),
        fingerprint: &alert.fingerprint,
        status: alert.status,
        labels: &alert.labels,
        annotations: &alert.annotations,
        starts_at: alert.starts_at,
        generator_url: alert.generator_url.as_deref(),
    }
}

/// What a person must know of a route to a webhook, next to the parameters.
const fn of_webhook(on_uncertain: OnUncertain) -> &'static str {
    match on_uncertain {
        OnUncertain::Fail => {
            "on_uncertain: fail: if StackStorm may not have got it, it is failed/uncertain at POUNDCAKE_RULE_DEADLINE"
        }
        OnUncertain::PostAgain => {
            "on_uncertain: post_again: if StackStorm may not have got it, it is posted again after a settle time"
        }
    }
}
