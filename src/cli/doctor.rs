//! `poundcake doctor`: checks everything that an alert needs to end in an execution, and says what to do.
//!
//! It changes nothing: it reads, and rolls back its test writes. Each finding is one line and contains no secret.

mod database;
mod finding;
mod processes;
mod rabbitmq;
mod routes;
mod rows;
mod server;
mod stackstorm;
mod tracker;
mod writable;

use super::{print, selection::Output, started};
use crate::{config::Settings, database::Database, http};
use finding::{Finding, Level};
use std::{process::ExitCode, sync::Arc};

const EXIT_CODES: &str =
    "Exit status: 0 everything is right, 1 something is wrong, 2 nothing is wrong but something could not be checked";

/// `poundcake doctor`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Doctor {
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Doctor {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = started(*self.settings);
        let findings = all(&settings).await;
        match self.output {
            Output::Json => {
                let verdict = finding::verdict(&findings);
                print::json(&serde_json::json!({ "verdict": verdict, "findings": findings }))?;
            }
            Output::Table => print::text(finding::lines(&findings))?,
        }
        Ok(match finding::verdict(&findings) {
            Level::Wrong => ExitCode::from(1),
            Level::Unknown => ExitCode::from(2),
            Level::Ok | Level::Note => ExitCode::SUCCESS,
        })
    }
}

async fn all(settings: &Settings) -> Vec<Finding> {
    let (database, rabbitmq, stackstorm) =
        tokio::join!(of_database(settings), rabbitmq::check(settings), stackstorm::check(settings));
    [database, rabbitmq, stackstorm, routes::check(settings)].into_iter().flatten().collect()
}

/// The same checks for the operator page, with the settings of the process that serves it.
pub(super) fn for_page(settings: &Settings) -> http::Doctor {
    let settings = Arc::new(settings.clone());
    Arc::new(move || {
        let settings = Arc::clone(&settings);
        Box::pin(async move { all(&settings).await.into_iter().map(Finding::checked).collect() })
    })
}

/// The database and, if it has our schema, the rows in it; and StackStorm's tables, there or elsewhere.
async fn of_database(settings: &Settings) -> Vec<Finding> {
    let url = match settings.database.url() {
        Ok(url) => url,
        Err(error) => return vec![Finding::unknown("database", "settings", format!("{error:#}"))],
    };
    let store = Database::new(url, 1);
    let (mut findings, usable) = database::check(settings, &store).await;
    if usable {
        findings.extend(rows::check(&store).await);
        findings.extend(routes::resolves(&store).await);
        findings.extend(processes::check(&store).await);
    }
    findings.extend(tracker::check(settings, &store, usable).await);
    findings
}
