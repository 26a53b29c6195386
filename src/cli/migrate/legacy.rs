//! `poundcake migrate legacy`: counts and copies the older installation's tables, and drops them on request.

use super::open;
use crate::{
    app::waiting,
    cli::{
        print::{self, PrintError},
        selection::{EXIT_CODES, NOTHING_MATCHED, Output},
        started,
        table::Table as Printed,
    },
    config::Settings,
    takeover::{self, Loss, Surveyed, Table},
};
use std::process::ExitCode;

/// For the end of `--help`.
const ORDER: &str = "Stop the older PoundCake first, and look with --dry-run. Old tables with our names are renamed to legacy_…, \
     their rows copied with their ids; nothing is dropped without --drop. It may be interrupted and run again: it goes on. Until it is \
     through, ingest and dispatcher do not start; Alertmanager sends again.\n\n";

/// `poundcake migrate legacy`
#[derive(Debug, clap::Args)]
#[command(after_help = ORDER.to_owned() + EXIT_CODES)]
pub(super) struct Legacy {
    /// Only count the rows; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Drop the old tables after all rows are copied and counted; also works in a later run
    #[arg(long)]
    drop: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Legacy {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = open(&started(*self.settings), waiting::WATCHED).await?;
        let mut surveyed = store.run(takeover::survey).await?;
        if surveyed.tables.is_empty() {
            return nothing(self.output, &surveyed);
        }
        if self.dry_run {
            return show(self.output, &surveyed, true, self.drop);
        }
        let drop = self.drop;
        let say = |step: &takeover::Step| log::info!(event = "legacy_step"; "migrate legacy: {step}");
        store.run(move |conn| takeover::run(conn, drop, say)).await?;
        if !drop {
            surveyed = store.run(takeover::survey).await?;
        }
        show(self.output, &surveyed, false, drop)
    }
}

fn nothing(output: Output, surveyed: &Surveyed) -> anyhow::Result<ExitCode> {
    if output == Output::Json {
        print::json(surveyed)?;
    } else {
        print::line("no table of an older PoundCake is here; a new database is made by: poundcake migrate up")?;
    }
    Ok(ExitCode::from(NOTHING_MATCHED))
}

fn show(output: Output, surveyed: &Surveyed, dry_run: bool, drop: bool) -> anyhow::Result<ExitCode> {
    if output == Output::Json {
        let mut document = serde_json::to_value(surveyed)?;
        document["dry_run"] = dry_run.into();
        document["dropped"] = (drop && !dry_run).into();
        print::json(&document)?;
        return Ok(ExitCode::SUCCESS);
    }
    print::text(table(surveyed, drop && !dry_run))?;
    for table in &surveyed.tables {
        remarks(table, dry_run && surveyed.finished)?;
    }
    for reference in &surveyed.referenced_by {
        print::line(format_args!("a foreign key refers to these tables: {reference}; --drop needs it gone"))?;
    }
    print::line(conclusion(surveyed, dry_run, drop))?;
    Ok(ExitCode::SUCCESS)
}

fn table(surveyed: &Surveyed, dropped: bool) -> String {
    let mut printed = Printed::new(&["old table", "rows", "copied", "to copy", "not copied", "goes to"]);
    for table in &surveyed.tables {
        let lost: i64 = table.not_copied.iter().map(|loss| loss.rows).sum();
        // Everything was copied before it was dropped; the survey is older.
        let (copied, missing) =
            if dropped { (table.copied + table.missing(), 0) } else { (table.copied, table.missing()) };
        let number = |n: i64| if table.into.is_some() { n.to_string() } else { "-".to_owned() };
        printed.row(&[
            table.table.clone(),
            table.rows.to_string(),
            number(copied),
            number(missing),
            number(lost),
            table.into.unwrap_or("nothing: StackStorm has its own").to_owned(),
        ]);
    }
    printed.render()
}

fn remarks(table: &Table, deleted_since: bool) -> Result<(), PrintError> {
    let list = |loss: &Loss| {
        let ids: Vec<String> = loss.ids.iter().map(ToString::to_string).collect();
        let more = if i64::try_from(ids.len()).is_ok_and(|shown| shown < loss.rows) { ", …" } else { "" };
        format!("{} rows: {} (ids {}{more})", loss.rows, loss.reason, ids.join(", "))
    };
    for loss in &table.not_copied {
        print::line(format_args!("{}: not copied: {}", table.table, list(loss)))?;
    }
    for change in &table.changed {
        print::line(format_args!("{}: {}", table.table, list(change)))?;
    }
    if !table.columns_left.is_empty() {
        let columns = table.columns_left.join(", ");
        print::line(format_args!("{}: columns without a place in ours: {columns}", table.table))?;
    }
    if deleted_since && table.missing() > 0 {
        let missing = table.missing();
        print::line(format_args!("{}: {missing} rows were copied and deleted since, as prune does", table.table))?;
    }
    Ok(())
}

fn conclusion(surveyed: &Surveyed, dry_run: bool, drop: bool) -> &'static str {
    match (dry_run, drop, surveyed.finished) {
        (true, false, false) => {
            "nothing was changed (--dry-run); without it the rows are copied, and nothing is dropped"
        }
        (true, false, true) => {
            "nothing was changed (--dry-run); everything was copied before, and --drop drops these tables"
        }
        (true, true, _) => "nothing was changed (--dry-run); without it the rows are copied and these tables dropped",
        (false, false, _) => "everything is copied; the old tables stay until: poundcake migrate legacy --drop",
        (false, true, _) => "everything is copied, and the old tables are dropped",
    }
}
