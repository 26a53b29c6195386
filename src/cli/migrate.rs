//! `poundcake migrate up|status|legacy`: the schema, and what an older installation left.

mod legacy;

use super::{assemble, started};
use crate::{
    config::Settings,
    store::{Store, migrate},
};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// `poundcake migrate …`
#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Apply what is pending; waits for the database and for others who do the same
    Up(super::WithSettings),
    /// Show what is applied, pending and unknown; exits 1 unless the schema is this program's
    Status(super::WithSettings),
    /// Copy the tables of an older PoundCake into ours (MariaDB)
    Legacy(legacy::Legacy),
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Up(with) => up(started(with.settings)).await,
            Action::Status(with) => status(started(with.settings)).await,
            Action::Legacy(legacy) => legacy.run().await,
        }
    }
}

async fn open(settings: &Settings) -> anyhow::Result<Store> {
    let store = Store::new(settings.database.url()?, 1);
    assemble::wait_for_database(&store, &CancellationToken::new()).await?;
    Ok(store)
}

async fn up(settings: Settings) -> anyhow::Result<ExitCode> {
    let applied = open(&settings).await?.run(migrate::up).await?;
    for version in &applied {
        println!("applied {version}");
    }
    println!("the schema is up to date ({} applied now)", applied.len());
    Ok(ExitCode::SUCCESS)
}

async fn status(settings: Settings) -> anyhow::Result<ExitCode> {
    let status = open(&settings).await?.run(migrate::status).await?;
    for (word, versions) in [("applied", &status.applied), ("pending", &status.pending), ("unknown", &status.unknown)] {
        for version in versions {
            println!("{word} {version}");
        }
    }
    if let Err(error) = status.require_current() {
        println!("{error}");
        return Ok(ExitCode::FAILURE);
    }
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}
