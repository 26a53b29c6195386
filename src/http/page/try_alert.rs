//! What the routes would do with an alert that a person writes down. Nothing is sent or stored.

use super::shown::Shown;
use crate::{
    dispatcher::{
        parameters::{masked_by_name, offered, webhook_body},
        routing::{route::Route, table::RouteTable},
        template::AlertView,
    },
    model::{
        guards::Mode,
        ids::{AlertId, Fingerprint, RequestId},
        matcher::Matchers,
        status::AlertStatus,
        target::Target,
    },
    stackstorm::text::TemplateText,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What would happen.
#[derive(Default)]
pub(super) struct Tried {
    /// What is wrong with what was written.
    pub(super) error: String,
    pub(super) route: String,
    /// In a sentence.
    pub(super) outcome: String,
    pub(super) target: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) is_action: bool,
}

/// Tries the labels on the table.
pub(super) fn of(text: &str, table: &RouteTable, shown: &Shown) -> Tried {
    let labels = match Matchers::parse(text) {
        Ok(matchers) => matchers.as_labels(),
        Err(error) => return Tried { error: error.to_string(), ..Tried::default() },
    };
    let Some(labels) = labels else {
        return Tried {
            error: r#"write labels with their values: alertname="HostDown", instance="web-1""#.to_owned(),
            ..Tried::default()
        };
    };
    if !shown.mute.is_empty() && shown.mute.matches(&labels) {
        return Tried { outcome: "skipped, muted: POUNDCAKE_MUTE matches it".to_owned(), ..Tried::default() };
    }
    match table.route(&labels) {
        None => Tried { outcome: "skipped, no_route: no route matches it".to_owned(), ..Tried::default() },
        Some(route) => on(route, &labels, shown.template_text.unwrap_or(TemplateText::Break)),
    }
}

fn on(route: &Route, labels: &BTreeMap<String, String>, mode: TemplateText) -> Tried {
    let outcome = match route.guards.mode {
        Mode::Run if route.guarded => "held until the limits of the route allow it, then run",
        Mode::Run => "run at once, unless a pause or the cooldown holds it",
        Mode::Approve => "held, approval: a person is asked",
        Mode::Shadow => "skipped, shadow: what would be sent is kept, and nothing is sent",
        Mode::Off => "skipped, route_off",
    };
    let (sent, error) = match sent(route, labels, mode) {
        Ok(sent) => (sent, String::new()),
        Err(why) => (Vec::new(), format!("failed, rejected: {why}")),
    };
    Tried {
        error,
        route: route.name.clone(),
        outcome: outcome.to_owned(),
        target: route.target.to_string(),
        parameters: sent,
        is_action: matches!(route.target, Target::Action(_)),
    }
}

fn sent(route: &Route, labels: &BTreeMap<String, String>, mode: TemplateText) -> Result<Vec<(String, String)>, String> {
    let fingerprint = Fingerprint::parse("0000000000000000").ok_or("no fingerprint")?;
    let annotations = BTreeMap::new();
    let alert = AlertView {
        request_id: RequestId::generate(),
        alert_id: AlertId(0),
        fingerprint: &fingerprint,
        status: AlertStatus::Firing,
        labels,
        annotations: &annotations,
        starts_at: None,
        generator_url: None,
    };
    let filled = match route.target {
        Target::Action(_) => offered(route, &alert, mode),
        Target::Webhook(_) => webhook_body(route, &alert, mode),
    };
    let filled = filled.map_err(|error| error.to_string())?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // What only a real alert has would mislead.
    let known = |name: &&String| {
        !matches!(name.as_str(), "fingerprint" | "request_id" | "poundcake_request_id" | "alert_id" | "starts_at")
    };
    let masked = masked_by_name(&filled);
    Ok(masked.iter().filter(|(name, _)| known(name)).map(|(name, value)| (name.clone(), text(value))).collect())
}
