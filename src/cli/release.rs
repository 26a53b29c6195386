//! `poundcake release`, `approve` and `reject`: orders over held alerts, straight on the database.

use super::{replay::Common, selection::EXIT_CODES};
use crate::store::operate::filter::Move;
use std::process::ExitCode;

/// For the end of `release --help`.
const WAIVES: &str = "Brake and cooldown are waived for these alerts. The limits max_in_flight, rate and per_target still hold them, and so do \
                      pauses and approvals. A release of a whole route (only --route) ends its brake too.\n\n";
/// For the end of `approve --help`.
const SHOWN: &str = "What is approved is exactly what `poundcake history` shows: target and parameters. If they differ at the start, the \
                     alert waits for an approval again.\n\n";

/// `poundcake release`
#[derive(Debug, clap::Args)]
#[command(after_help = WAIVES.to_owned() + EXIT_CODES)]
pub(super) struct Release {
    /// Only so many alerts, those that have waited longest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    oldest: Option<u32>,
    #[command(flatten)]
    order: Common,
}

/// `poundcake approve`
#[derive(Debug, clap::Args)]
#[command(after_help = SHOWN.to_owned() + EXIT_CODES)]
pub(super) struct Approve {
    #[command(flatten)]
    order: Common,
}

/// `poundcake reject`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Reject {
    #[command(flatten)]
    order: Common,
}

impl Release {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let oldest = self.oldest.map(usize::try_from).transpose()?;
        self.order.carry_out(Move::Release, oldest).await
    }
}

impl Approve {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        self.order.carry_out(Move::Approve, None).await
    }
}

impl Reject {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        self.order.carry_out(Move::Reject, None).await
    }
}
