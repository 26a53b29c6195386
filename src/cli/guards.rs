//! `poundcake guards`: what guards hold and count at this moment.

use super::{
    local_time, pause, print,
    selection::{Output, open},
    table::Table,
};
use crate::{
    app,
    config::Settings,
    history::guards::{BrakeUse, Guards as Shown, Limits, RouteShown},
    model::guards::Mode,
    store::read::Held,
};
use std::process::ExitCode;

/// For the end of `--help`.
const COLUMNS: &str = "held: by reason, alerts that wait. released: alerts of the line for which brake and cooldown are waived. places: dispatches \
                       that are started and not finished, of max_in_flight. rate: starts in each window, of its limit. started: starts of the \
                       last hour. brake: since when it is on, or the different targets that it counts. now: what holds the next alert of \
                       the line. Limits are shown where POUNDCAKE_ROUTES is set.";

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
    const HEAD: [&str; 10] =
        ["route", "held", "oldest", "next look", "released", "places", "rate", "started", "brake", "now"];
    let mut table = Table::new(&HEAD);
    for route in &guards.routes {
        table.row(&row(route));
    }
    let all = guards.all.map(|all| format!("all routes together: {} of {} places\n", all.places, all.max_in_flight));
    let pauses = guards.pauses.iter().map(|pause| pause::line(pause) + "\n");
    let none = if guards.routes.is_empty() { "no route holds anything\n" } else { "" };
    let rows = if guards.routes.is_empty() { String::new() } else { table.render() };
    rows + none + &all.unwrap_or_default() + &pauses.collect::<String>()
}

fn row(RouteShown { now, limits }: &RouteShown) -> [String; 10] {
    let dash = || "-".to_owned();
    let held = |held: &Held| format!("{} {}", held.rows, held.reason.map_or("-", |reason| reason.as_str()));
    let held_by_reason: Vec<String> = now.held.iter().map(held).collect();
    let oldest = now.held.iter().filter_map(|held| held.oldest_since).min();
    let next = now.held.iter().map(|held| held.next_at).min();
    let limits = limits.as_ref();
    let rates: Vec<String> = limits
        .iter()
        .flat_map(|limits| &limits.rate)
        .map(|window| format!("{} of {}", window.used, window.rate))
        .collect();
    [
        now.route.clone().unwrap_or_else(dash),
        if held_by_reason.is_empty() { dash() } else { held_by_reason.join(", ") },
        oldest.map_or_else(dash, local_time::second),
        next.map_or_else(dash, local_time::second),
        now.released.to_string(),
        match limits.and_then(|limits| limits.max_in_flight) {
            Some(limit) => format!("{} of {limit}", now.places),
            None => now.places.to_string(),
        },
        if rates.is_empty() { dash() } else { rates.join(", ") },
        now.starts_last_hour.to_string(),
        brake(now.brake_since.as_deref(), limits.and_then(|limits| limits.brake.as_ref())),
        limits.map_or_else(dash, what_holds),
    ]
}

fn brake(since: Option<&str>, brake: Option<&BrakeUse>) -> String {
    match (since, brake) {
        (Some(since), _) => format!("on since {since}"),
        (None, Some(BrakeUse { on: true, .. })) => "on".to_owned(),
        (None, Some(brake)) => format!("{} of {} targets", brake.targets, brake.above),
        (None, None) => "-".to_owned(),
    }
}

fn what_holds(limits: &Limits) -> String {
    let next = limits.next_start_at.map(|at| format!(", next {}", local_time::second(at))).unwrap_or_default();
    match limits.holds {
        _ if limits.mode != Mode::Run && limits.holds.is_none() => format!("mode {}", limits.mode.as_str()),
        None => "starts".to_owned(),
        Some(reason) if limits.held_by_all => format!("{reason} (all routes)"),
        Some(reason) => format!("{reason}{next}"),
    }
}
