//! `poundcake failed`: the same as `poundcake alerts --dispatch-status failed`, with the flags that it has always had.

use super::{
    alerts::{List, NextPage},
    selection::EXIT_CODES,
};
use std::process::ExitCode;

/// `poundcake failed`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Failed {
    /// Maximum number of rows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Next page: the value at the end of the previous page, or an id: show only ids below it
    #[arg(long, alias = "before", value_name = "NEXT", value_parser = NextPage::parse)]
    next: Option<NextPage>,
    #[command(flatten)]
    list: List,
}

impl Failed {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        self.list.failed()?.run(self.limit, self.next).await
    }
}
