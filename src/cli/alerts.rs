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
    history::{AlertEntry, History, Listing, cursor},
    model::{
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
    },
    operator::Filter,
    store::read,
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
    #[arg(long, value_name = "NEXT", value_parser = |text: &str| cursor::decode(cursor::List::Alerts, text))]
    next: Option<Position>,
    #[command(flatten)]
    list: List,
}

/// What `alerts` and `failed` have in common.
#[derive(Debug, clap::Args)]
pub(super) struct List {
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

/// Where a page of `failed` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextPage {
    /// After this row.
    After(Position),
    /// Below this id.
    Below(AlertId),
}

impl NextPage {
    /// Reads the end of a page, or an id.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let id = || text.parse().ok().map(Self::Below);
        let after = cursor::decode(cursor::List::Alerts, text).map(Self::After);
        after.or_else(|error| id().ok_or_else(|| format!("{error}, or an id")))
    }
}

impl Alerts {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        self.list.run(self.limit, self.next.map(NextPage::After)).await
    }
}

impl List {
    /// Failed alerts only.
    pub(super) fn failed(self) -> anyhow::Result<Self> {
        Ok(Self { selection: self.selection.failed()?, ..self })
    }

    pub(super) async fn run(self, limit: u16, next: Option<NextPage>) -> anyhow::Result<ExitCode> {
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let history = app::history(&settings, &store)?;
        let after = match next {
            Some(NextPage::After(position)) => Some(position),
            Some(NextPage::Below(id)) => Some(store.run(move |conn| read::alerts_below(conn, id)).await?),
            None => None,
        };
        let window = Window { limit, after };
        let look = async || {
            let filter = self.selection.filter(&store).await?;
            look(&history, filter, window, self.output).await
        };
        let rows = watch::show(self.watch, look).await?;
        Ok(exit_code(rows))
    }
}

async fn look(history: &History, filter: Filter, window: Window, output: Output) -> anyhow::Result<View> {
    let status = filter.dispatch_status;
    let page = history.alerts(filter, window).await?;
    let text = match output {
        Output::Json => serde_json::to_string(&page)? + "\n",
        Output::Table if status == Some(DispatchStatus::Failed) => table(&page, &FAILED_COLUMNS, failed_cells),
        Output::Table if status == Some(DispatchStatus::Held) => table(&page, &HELD_COLUMNS, held_cells),
        Output::Table => table(&page, &COLUMNS, cells),
    };
    Ok(View { text, rows: page.rows.len(), is_final: false })
}

fn table<const N: usize>(
    page: &Listing<AlertEntry>,
    columns: &[&'static str; N],
    cells: impl Fn(&AlertEntry) -> [String; N],
) -> String {
    let mut table = Table::new(columns);
    for entry in &page.rows {
        table.row(&cells(entry));
    }
    let more = page.cursor().map(|cursor| format!("more: --next {cursor}\n")).unwrap_or_default();
    table.render() + &more
}

const COLUMNS: [&str; 10] =
    ["id", "stored", "alert", "severity", "instance", "status", "dispatch", "execution", "went", "request"];

fn cells(entry: &AlertEntry) -> [String; 10] {
    let row = &entry.alert;
    let dispatch = match row.dispatch_reason {
        Some(reason) => format!("{}/{reason}", row.dispatch_status),
        None => row.dispatch_status.to_string(),
    };
    let newest = entry.links.last();
    let went = newest.and_then(|link| link.execution.as_ref()?.status());
    [
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
    ]
}

/// Of failed alerts a person wants the reason; few of them have an execution.
const FAILED_COLUMNS: [&str; 9] =
    ["id", "stored", "alert", "severity", "instance", "reason", "target", "request", "error"];

fn failed_cells(entry: &AlertEntry) -> [String; 9] {
    let row = &entry.alert;
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    [
        row.id.to_string(),
        local_time::second(row.created_at),
        row.alert_name.clone(),
        row.severity.clone(),
        row.instance.clone(),
        text(row.dispatch_reason.map(DispatchReason::as_str)),
        text(row.dispatch_target.as_deref()),
        entry.request_id.clone(),
        text(row.dispatch_error.as_deref()),
    ]
}

const HELD_COLUMNS: [&str; 9] =
    ["id", "stored", "alert", "severity", "instance", "held for", "route", "next look", "request"];

fn held_cells(entry: &AlertEntry) -> [String; 9] {
    let row = &entry.alert;
    let dash = || "-".to_owned();
    [
        row.id.to_string(),
        local_time::second(row.created_at),
        row.alert_name.clone(),
        row.severity.clone(),
        row.instance.clone(),
        row.dispatch_reason.map_or_else(dash, |reason| reason.to_string()),
        row.dispatch_route.clone().unwrap_or_else(dash),
        row.next_attempt_at.map_or_else(dash, local_time::second),
        entry.request_id.clone(),
    ]
}
