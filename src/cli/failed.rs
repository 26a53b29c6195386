//! `poundcake failed`: what needs a person, newest first.

use super::{
    local,
    selection::{EXIT_CODES, Output, Selection, exit_code, open, print_json},
    table::Table,
};
use crate::{
    config::Settings,
    replay::Filter,
    store::selection::{self, Entry},
};
use std::process::ExitCode;

/// `poundcake failed`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Failed {
    /// Rows at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// The next page: only ids below this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Failed {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = open(*self.settings).await?;
        let (filter, before, limit) = (Filter::from(self.selection), self.before, usize::from(self.limit));
        // One more than asked for tells whether there is a next page.
        let asked = i64::from(self.limit) + 1;
        let mut rows = store.run(move |conn| selection::page(conn, &filter, before, asked)).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|entry| entry.alert.id);
        match self.output {
            Output::Json => print_json(&serde_json::json!({ "alerts": rows, "next": next }))?,
            Output::Table => print(&rows, next),
        }
        Ok(exit_code(rows.len()))
    }
}

fn print(rows: &[Entry], next: Option<i64>) {
    let mut table =
        Table::new(&["id", "stored", "alert", "severity", "instance", "reason", "target", "request", "error"]);
    for Entry { request_id, alert } in rows {
        let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
        table.row(&[
            alert.id.to_string(),
            local::second(alert.created_at),
            alert.alert_name.clone(),
            alert.severity.clone(),
            alert.instance.clone(),
            text(alert.dispatch_reason.map(crate::model::status::DispatchReason::as_str)),
            text(alert.dispatch_target.as_deref()),
            request_id.clone(),
            text(alert.dispatch_error.as_deref()),
        ]);
    }
    print!("{}", table.render());
    if let Some(next) = next {
        println!("more: --before {next}");
    }
}
