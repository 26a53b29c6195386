//! `poundcake orders`: what operators have ordered, newest first.

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
    database::page::{Position, Window},
    history::{
        Listing,
        cursor::{self, List},
    },
    store::read::{OrderFilter, OrderRow},
};
use std::process::ExitCode;

/// `poundcake orders`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Orders {
    /// Only the orders of this operator: a token's name, or user@host
    #[arg(long)]
    operator: Option<String>,
    /// Given at or after this time: 2026-11-22T01:00:00Z, or how long ago, such as 1h
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<Moment>,
    /// Given before this time; same format
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<Moment>,
    /// Maximum number of rows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Next page: the value at the end of the previous page
    #[arg(long, value_name = "NEXT", value_parser = |text: &str| cursor::decode(List::Orders, text))]
    next: Option<Position>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Orders {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let (from, to) = (moment::resolve(self.from, &store).await?, moment::resolve(self.to, &store).await?);
        let filter = OrderFilter { operator: self.operator, from, to };
        let window = Window { limit: self.limit, after: self.next };
        let page = app::history(&settings, &store)?.orders(filter, window).await?;
        match self.output {
            Output::Json => print::json(&page)?,
            Output::Table => print::text(table(&page))?,
        }
        Ok(exit_code(page.rows.len()))
    }
}

fn table(page: &Listing<OrderRow>) -> String {
    let mut table = Table::new(&["id", "ordered", "operator", "order", "status", "result", "body"]);
    for row in &page.rows {
        table.row(&[
            row.id.to_string(),
            local_time::second(row.created_at),
            row.operator.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{} {}", row.method, row.path),
            row.status_code.to_string(),
            row.result.clone().unwrap_or_else(|| "-".to_owned()),
            row.body.clone(),
        ]);
    }
    let more = page.cursor().map(|cursor| format!("more: --next {cursor}\n")).unwrap_or_default();
    table.render() + &more
}
