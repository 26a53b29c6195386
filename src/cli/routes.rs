//! `poundcake routes test alert.json`: shows what the routes would do with an alert. Runs nothing.
//!
//! Where StackStorm can be asked, it says what each action takes: then exactly what would be sent is shown, and what
//! StackStorm would refuse. Otherwise the routes are shown as they are, with a note that says why.

mod guards;
mod tester;

use super::print;
use crate::{
    alertmanager,
    config::Settings,
    dispatcher::Routes as Table,
    model::{
        alert::{IncomingAlert, InvalidAlert},
        identity::Identity,
    },
};
use anyhow::{Context, ensure};
use std::{io::Read, path::PathBuf, process::ExitCode};
use tester::Tester;

/// `poundcake routes …`
#[derive(Debug, clap::Args)]
pub(super) struct Routes {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show route and parameters for each alert of a file: a webhook, or one alert; - reads standard input. If StackStorm can
    /// be reached, the command asks it which parameters the actions accept
    Test {
        /// JSON file: Alertmanager's webhook body, or one of its alerts
        file: PathBuf,
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

impl Routes {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Test { file, settings } = self.action;
        let table = Table::open(settings.dispatch.routes.as_deref())?.table();
        let alerts = alerts(&read(&file)?, &settings.ingest.identity()?)?;
        ensure!(!alerts.is_empty(), "{} holds no alert", file.display());
        let tester = Tester::new(*settings, table.max_in_flight());
        let mut all_fine = true;
        for alert in alerts {
            match alert {
                Ok(alert) => {
                    print::line(format_args!("{} {} {}", alert.fingerprint, alert.status, name(&alert)))?;
                    all_fine &= tester.show(table.route(&alert.labels), &alert).await?;
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
