//! `poundcake routes test alert.json`: what the routes would do with an alert, without sending anything.

use super::print::{self, PrintError};
use crate::{
    alertmanager,
    config::Settings,
    dispatcher::{
        Routes as Table, parameters,
        routes::{OnUncertain, Route},
        template::AlertView,
    },
    model::{
        alert::{IncomingAlert, InvalidAlert},
        identity::Identity,
        ids::RequestId,
        target::Target,
    },
};
use anyhow::{Context, ensure};
use std::{io::Read, path::PathBuf, process::ExitCode};

/// `poundcake routes …`
#[derive(Debug, clap::Args)]
pub(super) struct Routes {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show route and parameters for each alert of a file: a webhook, or one alert; - reads standard input
    Test {
        /// JSON: Alertmanager's webhook body, or one of its alerts
        file: PathBuf,
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

impl Routes {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Test { file, settings } = self.action;
        let table = Table::open(settings.dispatch.routes.as_deref())?.table();
        let alerts = alerts(&read(&file)?, &settings.ingest.identity()?)?;
        ensure!(!alerts.is_empty(), "{} holds no alert", file.display());
        let mut all_fine = true;
        for alert in alerts {
            match alert {
                Ok(alert) => {
                    print::line(format_args!("{} {} {}", alert.fingerprint, alert.status, name(&alert)))?;
                    if !settings.ingest.mute.is_empty() && settings.ingest.mute.matches(&alert.labels) {
                        print::line("  muted by POUNDCAKE_MUTE: stored, never dispatched")?;
                    } else {
                        all_fine &= show(table.route(&alert.labels), &alert, &settings)?;
                    }
                }
                Err(invalid) => {
                    all_fine = false;
                    print::line(format_args!("invalid: {}", invalid.error))?;
                }
            }
        }
        Ok(if all_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn read(file: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut text)?;
    } else {
        text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    crate::bom::remove(&mut text);
    Ok(text)
}

/// A webhook as it is; anything else is taken for one alert.
fn alerts(json: &[u8], identity: &Identity) -> anyhow::Result<Vec<Result<IncomingAlert, InvalidAlert>>> {
    if let Ok(webhook) = alertmanager::parse_with(json, identity, |alert| alert) {
        return Ok(webhook.alerts);
    }
    let mut wrapped = br#"{"status":"firing","alerts":["#.to_vec();
    wrapped.extend_from_slice(json);
    wrapped.extend_from_slice(b"]}");
    Ok(alertmanager::parse_with(&wrapped, identity, |alert| alert)?.alerts)
}

fn name(alert: &IncomingAlert) -> &str {
    alert.label("alertname")
}

/// What a person must know beside the parameters.
const fn note(route: &Route) -> &'static str {
    match (&route.target, route.on_uncertain) {
        (Target::Action(_), _) => "only those that the action declares are sent",
        (Target::Webhook(_), OnUncertain::Fail) => {
            "on_uncertain: fail: if StackStorm may not have got it, it is failed/uncertain at POUNDCAKE_RULE_DEADLINE"
        }
        (Target::Webhook(_), OnUncertain::PostAgain) => {
            "on_uncertain: post_again: if StackStorm may not have got it, it is posted again after a settle time"
        }
    }
}

/// Parameters are shown as they would be for an action that declares everything.
fn show(route: Option<&Route>, alert: &IncomingAlert, settings: &Settings) -> Result<bool, PrintError> {
    let Some(route) = route else {
        print::line("  no route: skipped/no_route")?;
        return Ok(true);
    };
    print::line(format_args!("  route {}: {}", route.name, route.target))?;
    let view = AlertView {
        request_id: RequestId::generate(),
        alert_id: 0,
        fingerprint: &alert.fingerprint,
        status: alert.status,
        labels: &alert.labels,
        annotations: &alert.annotations,
        starts_at: alert.starts_at,
        generator_url: alert.generator_url.as_deref(),
    };
    let filled = match &route.target {
        Target::Webhook(_) => parameters::webhook_body(route, &view, settings.dispatch.template_text),
        Target::Action(_) => parameters::offered(route, &view, settings.dispatch.template_text),
    };
    match filled {
        Ok(filled) => {
            for (name, value) in filled {
                print::line(format_args!("    {name}: {value}"))?;
            }
            print::line(format_args!("  ({})", note(route)))?;
            Ok(true)
        }
        Err(error) => {
            print::line(format_args!("  failed/rejected: {error}"))?;
            Ok(false)
        }
    }
}
