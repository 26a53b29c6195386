//! `poundcake alerts`: a page of alerts, newest first.

use super::{
    local_time,
    selection::{EXIT_CODES, Output, Selection, exit_code, open},
    table::Table,
    watch::{self, View},
};
use crate::{
    app,
    config::Settings,
    database::page::{Position, Window},
    history::{
        AlertEntry, History, Listing,
        cursor::{self, List},
    },
    operator::Filter,
};
use std::process::ExitCode;

/// `poundcake alerts`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Alerts {
    /// Maximum number of rows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Next page: the value at the end of the previous page
    #[arg(long, value_name = "NEXT", value_parser = |text: &str| cursor::decode(List::Alerts, text))]
    next: Option<Position>,
    /// Show the page again after each change
    #[arg(long)]
    watch: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Alerts {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let history = app::history(&settings, &store)?;
        let window = Window { limit: self.limit, after: self.next };
        let look = async || {
            let filter = self.selection.filter(&store).await?;
            look(&history, filter, window, self.output).await
        };
        let rows = watch::show(self.watch, look).await?;
        Ok(exit_code(rows))
    }
}

async fn look(history: &History, filter: Filter, window: Window, output: Output) -> anyhow::Result<View> {
    let page = history.alerts(filter, window).await?;
    let text = match output {
        Output::Json => serde_json::to_string(&page)? + "\n",
        Output::Table => table(&page),
    };
    Ok(View { text, rows: page.rows.len(), is_final: false })
}

fn table(page: &Listing<AlertEntry>) -> String {
    let mut table = Table::new(&[
        "id",
        "stored",
        "alert",
        "severity",
        "instance",
        "status",
        "dispatch",
        "execution",
        "went",
        "request",
    ]);
    for entry in &page.rows {
        let row = &entry.alert;
        let dispatch = match row.dispatch_reason {
            Some(reason) => format!("{}/{reason}", row.dispatch_status),
            None => row.dispatch_status.to_string(),
        };
        let newest = entry.links.last();
        let went = newest.and_then(|link| link.execution.as_ref()?.status());
        table.row(&[
            row.id.to_string(),
            local_time::second(row.created_at),
            row.alert_name.clone(),
            row.severity.clone(),
            row.instance.clone(),
            row.status.to_string(),
            dispatch,
            newest.map_or_else(|| "-".to_owned(), |link| link.link.st2_execution_id.clone()),
            went.unwrap_or("-").to_owned(),
            entry.request_id.clone(),
        ]);
    }
    let more = page.cursor().map(|cursor| format!("more: --next {cursor}\n")).unwrap_or_default();
    table.render() + &more
}
