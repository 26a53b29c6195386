//! `poundcake stats`: statistics of executions, per workflow and per day.

use super::{
    local_time,
    moment::{self, Moment},
    print,
    selection::{EXIT_CODES, Output, exit_code, open},
    table::Table,
};
use crate::{
    app,
    config::Settings,
    history::{Counts, Range, Stats},
};
use anyhow::Context;
use std::process::ExitCode;

/// `poundcake stats`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Show {
    /// Executions linked at or after this time: 2026-11-22T01:00:00Z, or how long ago, such as 24h; default: 7 days before
    /// the end
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<Moment>,
    /// Executions linked before this time, in the same format; default: now
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<Moment>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let (from, to) = (moment::resolve(self.from, &store).await?, moment::resolve(self.to, &store).await?);
        let range = Range::new(from, to).context("--from must be earlier than --to")?;
        let stats = app::history(&settings, &store)?.stats(range).await?;
        match self.output {
            Output::Json => print::json(&stats)?,
            Output::Table => print::text(text(&stats))?,
        }
        Ok(exit_code(usize::try_from(stats.all.total).unwrap_or(usize::MAX)))
    }
}

fn text(stats: &Stats) -> String {
    let counts = ["total", "succeeded", "failed", "canceled", "unfinished", "unknown", "success"];
    let mut workflows = Table::new(&[&["workflow"][..], &counts, &["average", "p95"]].concat());
    for row in &stats.workflows {
        let mut cells = vec![row.workflow.clone().unwrap_or_else(|| "-".to_owned())];
        cells.extend(cells_of(&row.counts));
        cells.extend([seconds(row.average_seconds), seconds(row.p95_seconds)]);
        workflows.row(&cells);
    }
    let mut days = Table::new(&[&["day (UTC)"][..], &counts].concat());
    for row in &stats.days {
        let mut cells = vec![row.day.to_string()];
        cells.extend(cells_of(&row.counts));
        days.row(&cells);
    }
    let note =
        stats.execution_db.detail.as_deref().map(|detail| format!("\nnote: {}\n", super::table::harmless(detail)));
    format!(
        "executions linked from {} to {}: {}\n\n{}\n{}{}",
        local_time::second(stats.from),
        local_time::second(stats.to),
        stats.all.total,
        workflows.render(),
        days.render(),
        note.unwrap_or_default()
    )
}

fn cells_of(counts: &Counts) -> Vec<String> {
    let numbers = [counts.total, counts.succeeded, counts.failed, counts.canceled, counts.unfinished, counts.unknown];
    let rate = counts.success_rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    numbers.iter().map(ToString::to_string).chain([rate]).collect()
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.3} s"))
}
