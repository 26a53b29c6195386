//! `poundcake guards`: what guards hold and count at this moment.

use super::{
    local_time, pause, print,
    selection::{Output, open},
    table::Table,
};
use crate::{
    app,
    config::Settings,
    store::read::{Guards as Shown, Held, RouteGuards},
};
use std::process::ExitCode;

/// For the end of `--help`.
const COLUMNS: &str = "held: by reason, alerts that wait. released: alerts of the line for which brake and cooldown are waived. places: dispatches \
                       that are started and not finished. started: starts of the last hour.";

/// `poundcake guards`
#[derive(Debug, clap::Args)]
#[command(after_help = COLUMNS)]
pub(super) struct Guards {
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Guards {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let guards = app::history(&settings, &store)?.guards().await?;
        match self.output {
            Output::Json => print::json(&guards)?,
            Output::Table => print::text(text(&guards))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(guards: &Shown) -> String {
    let mut table = Table::new(&["route", "held", "oldest", "next look", "released", "places", "started", "brake"]);
    for route in &guards.routes {
        table.row(&row(route));
    }
    let pauses = guards.pauses.iter().map(|pause| pause::line(pause) + "\n");
    let none = if guards.routes.is_empty() { "no route holds anything\n" } else { "" };
    let rows = if guards.routes.is_empty() { String::new() } else { table.render() };
    rows + none + &pauses.collect::<String>()
}

fn row(route: &RouteGuards) -> [String; 8] {
    let dash = || "-".to_owned();
    let held = |held: &Held| format!("{} {}", held.rows, held.reason.map_or("-", |reason| reason.as_str()));
    let held_by_reason: Vec<String> = route.held.iter().map(held).collect();
    let oldest = route.held.iter().filter_map(|held| held.oldest_since).min();
    let next = route.held.iter().map(|held| held.next_at).min();
    [
        route.route.clone().unwrap_or_else(dash),
        if held_by_reason.is_empty() { dash() } else { held_by_reason.join(", ") },
        oldest.map_or_else(dash, local_time::second),
        next.map_or_else(dash, local_time::second),
        route.released.to_string(),
        route.places.to_string(),
        route.starts_last_hour.to_string(),
        route.brake_since.as_ref().map_or_else(dash, |since| format!("on since {since}")),
    ]
}
