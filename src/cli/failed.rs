//! `poundcake failed`: what needs a person, newest first.

use super::{
    local_time,
    print::{self, PrintError},
    selection::{EXIT_CODES, Output, Selection, exit_code, open},
    table::Table,
};
use crate::{
    config::Settings,
    model::ids::AlertId,
    store::operate::failed::{self, Entry},
};
use std::process::ExitCode;

/// `poundcake failed`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Failed {
    /// Maximum number of rows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Next page: show only ids below this one
    #[arg(long, value_name = "ID")]
    before: Option<AlertId>,
    /// Output format
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
        let (filter, before, limit) = (self.selection.filter(&store).await?, self.before, usize::from(self.limit));
        // One more than asked for tells whether there is a next page.
        let asked = i64::from(self.limit) + 1;
        let mut rows = store.run(move |conn| failed::page(conn, &filter, before, asked)).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|entry| entry.alert.id);
        match self.output {
            Output::Json => print::json(&serde_json::json!({ "alerts": rows, "next": next }))?,
            Output::Table => show(&rows, next)?,
        }
        Ok(exit_code(rows.len()))
    }
}

fn show(rows: &[Entry], next: Option<AlertId>) -> Result<(), PrintError> {
    let mut table =
        Table::new(&["id", "stored", "alert", "severity", "instance", "reason", "target", "request", "error"]);
    for Entry { request_id, alert } in rows {
        let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
        table.row(&[
            alert.id.to_string(),
            local_time::second(alert.created_at),
            alert.alert_name.clone(),
            alert.severity.clone(),
            alert.instance.clone(),
            text(alert.dispatch_reason.map(crate::model::status::DispatchReason::as_str)),
            text(alert.dispatch_target.as_deref()),
            request_id.clone(),
            text(alert.dispatch_error.as_deref()),
        ]);
    }
    let more = next.map(|next| format!("more: --before {next}\n")).unwrap_or_default();
    print::text(table.render() + &more)
}
