//! `poundcake pause` and `poundcake resume`, straight on the database.

use super::{
    local_time, operator_name, print,
    selection::{NOTHING_MATCHED, Output, open},
    table::harmless,
};
use crate::{
    config::Settings,
    model::{
        ids::ApiCallId,
        matcher::Matchers,
        pause::{Pause as InForce, Scope},
    },
    operator::{self, Length, NewPause, Source},
    store::operate::author::Author,
};
use chrono::{DateTime, Utc};
use std::{process::ExitCode, time::Duration};

/// For the end of `--help`.
const REACH: &str = "A pause reaches every dispatcher within 2 s. Executions that run go on.";
/// For the end of `resume --help`.
const EXIT_CODES: &str = "Exit status: 0 resumed; 1 error; 2 wrong command line; 3 no pause in force has this id";

/// `poundcake pause`
#[derive(Debug, clap::Args)]
#[command(after_help = REACH)]
pub(super) struct Pause {
    #[command(flatten)]
    scope: What,
    /// Reason; shown as long as the pause is in force
    #[arg(long)]
    reason: String,
    /// Length, such as 30m or 2h; at most 24h [default: 1h]
    #[arg(long = "for", value_name = "LENGTH", value_parser = operator::parse_length, conflicts_with = "until")]
    length: Option<Duration>,
    /// End, such as 2026-11-22T01:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Delay every start
    #[arg(long)]
    everything: bool,
    /// Delay the starts of the route with this name
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Delay the starts for alerts that these matchers match, such as 'cluster="eu1"'
    #[arg(long = "match", value_name = "MATCHERS")]
    matchers: Option<Matchers>,
}

/// `poundcake resume`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Resume {
    /// Id of the pause, as `poundcake guards` shows it
    id: ApiCallId,
    /// Reason; recorded with the order
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Pause {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let scope = self.scope.scope()?;
        let length = self.length.map(Length::For).or(self.until.map(Length::Until));
        let author = Author { by: operator_name::user_and_host(), reason: self.reason };
        let store = open(*self.settings).await?;
        let paused = operator::pause(&store, NewPause { scope, length, author, source: Source::cli() }).await?;
        match self.output {
            Output::Json => print::json(&paused)?,
            Output::Table => {
                let (pause, id) = (line(&paused.pause), paused.pause.id);
                print::line(format_args!("{pause}; to end it: poundcake resume {id}"))?;
            }
        }
        if let Some(warning) = &paused.warning {
            print::note(format_args!("{warning}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl What {
    fn scope(&self) -> anyhow::Result<Scope> {
        let body = crate::model::pause::ScopeInBody {
            everything: self.everything.then_some(true),
            route: self.route.clone(),
            matchers: self.matchers.clone(),
        };
        Ok(body.try_into()?)
    }
}

impl Resume {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let author = Author { by: operator_name::user_and_host(), reason: self.reason };
        let store = open(*self.settings).await?;
        let Some(pause) = operator::resume(&store, self.id, author, Source::cli()).await? else {
            print::note(format_args!("no pause in force has the id {}; poundcake guards lists them", self.id));
            return Ok(ExitCode::from(NOTHING_MATCHED));
        };
        match self.output {
            Output::Json => print::json(&pause)?,
            Output::Table => print::line(format_args!("resumed: {}", line(&pause)))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `pause 12 of route hosts until 2026-11-22 01:00:00 +00:00 by alice: maintenance`
pub(super) fn line(pause: &InForce) -> String {
    let until = pause.until.map_or_else(|| "it is resumed".to_owned(), local_time::second);
    let InForce { id, scope, operator, reason, .. } = pause;
    harmless(&format!("pause {id} of {scope} until {until} by {operator}: {reason}"))
}
