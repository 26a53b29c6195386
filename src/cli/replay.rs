//! `poundcake replay` and `poundcake discard`: orders over rows that flags choose, straight on the database.

use super::{
    effect, operator_name, print,
    selection::{EXIT_CODES, Output, Selection, exit_code, open},
};
use crate::{
    config::Settings,
    history::Effect,
    metrics::Metrics,
    operator::{self, Done, Order, Source},
    store::operate::{author::Author, filter::Move},
};
use anyhow::ensure;
use serde_json::json;
use std::process::ExitCode;

/// For the end of `replay --help`.
const NOTES: &str = "Alerts that failed as uncertain are looked up in StackStorm first, and not run again if they ran. Its rules engine \
                         must be up for that: webhooks that still wait for it cannot be seen.\n\n\
                         With POUNDCAKE_ROUTES set, --dry-run also says what the guards would do: how many alerts start at once, what holds \
                         the others, and how many would expire.\n\n";

/// `poundcake replay`
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES.to_owned() + EXIT_CODES)]
pub(super) struct Replay {
    /// Include alerts that StackStorm has run: they run again
    #[arg(long)]
    include_dispatched: bool,
    /// Include alerts that may have run more than 20 h ago: StackStorm may no longer show these executions, so check first
    /// whether they ran
    #[arg(long)]
    accept_unknown: bool,
    #[command(flatten)]
    order: Common,
}

/// `poundcake discard`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Discard {
    #[command(flatten)]
    order: Common,
}

/// What every order over alerts needs.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Reason; recorded in each row's `dispatch_log`
    #[arg(long)]
    reason: String,
    /// Only count the alerts; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse the order if more alerts match
    #[arg(long, value_name = "N")]
    at_most: Option<usize>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Replay {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { include_dispatched, accept_unknown, .. } = self;
        let what = Move::Replay { include_dispatched, accept_unknown };
        self.order.carry_out(what, None).await
    }
}

impl Discard {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        self.order.carry_out(Move::Discard, None).await
    }
}

impl Common {
    pub(super) async fn carry_out(self, what: Move, oldest: Option<usize>) -> anyhow::Result<ExitCode> {
        ensure!(
            !self.selection.is_empty(),
            "choose alerts by at least one of --id, --request-id, --dispatch-status, --dispatch-reason, --alert-name, \
             --fingerprint, --severity, --instance, --status, --target, --route, --from, --to"
        );
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let filter = self.selection.filter(&store).await?;
        let author = Author { by: operator_name::user_and_host(), reason: self.reason };
        let (dry_run, at_most) = (self.dry_run, self.at_most);
        let order = Order { filter, author, dry_run, what, at_most, oldest, source: Source::cli() };
        let done = operator::carry_out(&store, &order, &Metrics::new()?).await?;
        let effects = if dry_run { effect::read(&settings, &store, &order.filter, what).await? } else { None };
        show(self.output, &order, &done, effects.as_deref())?;
        Ok(exit_code(done.matched))
    }
}

fn show(output: Output, order: &Order, done: &Done, effects: Option<&[Effect]>) -> anyhow::Result<()> {
    match output {
        Output::Json => {
            let mut answer = done.answer(order.what);
            if let Some(effects) = effects {
                answer["guards"] = json!(effects);
            }
            print::json(&answer)?;
        }
        Output::Table if order.dry_run => {
            let counted = format!("{} matched; nothing was changed (--dry-run)\n", done.matched);
            print::text(counted + &effect::text(effects.unwrap_or_default()))?;
        }
        Output::Table => print::line(format_args!("{} matched, {} {}", done.matched, done.moved, order.what.word()))?,
    }
    for route in &done.brakes_off {
        print::note(format_args!("the brake of route {route} is off"));
    }
    if done.refused > 0 {
        print::note(format_args!(
            "{} refused: they may have run more than 20 h ago, and StackStorm may show nothing of that any more; look whether they \
             ran, then replay them with --accept-unknown",
            done.refused
        ));
    }
    Ok(())
}
