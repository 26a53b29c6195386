//! `poundcake prune --older-than 90d`: settled history, deleted in small chunks.

use super::{
    print,
    selection::{Output, open},
};
use crate::{
    config::Settings,
    operator::{self, Pruned},
};
use anyhow::Context;
use chrono::TimeDelta;
use std::{process::ExitCode, time::Duration};

/// The newest closed episode decides over late twins: history of the last day stays.
const SHORTEST: Duration = Duration::from_hours(24);

/// `poundcake prune`
#[derive(Debug, clap::Args)]
pub(super) struct Prune {
    /// Delete history that has not changed for this long, such as 90d; at least 1d
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Duration,
    /// Only count the rows; delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

fn age(text: &str) -> Result<Duration, String> {
    let age = humantime::parse_duration(text).map_err(|error| format!("{error}; write an age such as 90d"))?;
    if age < SHORTEST { Err("history of the last day is needed; write 1d or more".to_owned()) } else { Ok(age) }
}

impl Prune {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let older_than = TimeDelta::from_std(self.older_than).context("--older-than is too long")?;
        let store = open(*self.settings).await?;
        let pruned = operator::prune(&store, older_than, self.dry_run).await?;
        let Pruned { alerts, links, requests } = pruned;
        match self.output {
            Output::Json => print::json(&pruned)?,
            Output::Table if self.dry_run => print::line(format_args!(
                "would delete {alerts} alerts, {links} execution links, {requests} requests (--dry-run)"
            ))?,
            Output::Table => {
                print::line(format_args!("deleted {alerts} alerts, {links} execution links, {requests} requests"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
