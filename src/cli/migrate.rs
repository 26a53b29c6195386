//! `poundcake migrate up|status|legacy`: our schema, the one of StackStorm's tables, and what an older installation left.

mod legacy;

use super::{
    print::{self, PrintError},
    started,
};
use crate::{
    app::{self, waiting},
    config::Settings,
    database::{Database, DatabaseError, migrations},
    st2_tables::{St2Tables, schema},
};
use std::{process::ExitCode, time::Duration};

/// `poundcake migrate …`
#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Apply pending migrations; waits for the database and for other processes that apply them
    Up(super::WithSettings),
    /// Show applied, pending and unknown migrations; exits 1 unless the schema matches this program
    Status(super::WithSettings),
    /// Copy the tables of an older PoundCake into the current tables (MariaDB)
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

/// `migrate up` may run while the database starts, so it waits longer.
const STARTING: Duration = Duration::from_mins(5);

async fn open(settings: &Settings, patience: Duration) -> anyhow::Result<Database> {
    let store = Database::new(settings.database.url()?, 1);
    waiting::reach_database(&store, patience).await?;
    Ok(store)
}

async fn open_st2(settings: &Settings, store: &Database, patience: Duration) -> anyhow::Result<St2Tables> {
    let tables = app::st2_tables(settings, store, None)?;
    waiting::reach_database(&tables.store, patience).await?;
    Ok(tables)
}

/// Our side first: without the right to make StackStorm's tables it is up all the same, and only the tracker cannot run.
async fn up(settings: Settings) -> anyhow::Result<ExitCode> {
    // A mistake in the settings of the other side is told before anything is changed.
    settings.tracker.database(settings.database.tls_files())?;
    let store = open(&settings, STARTING).await?;
    let applied = store.run(migrations::up).await?;
    for version in &applied {
        print::line(format_args!("applied {version}"))?;
    }
    print::line(format_args!("the schema is up to date ({} applied now)", applied.len()))?;
    let tables = open_st2(&settings, &store, STARTING).await?;
    let prefix = tables.prefix.clone();
    let applied = tables.store.run(move |conn| schema::up(conn, &prefix)).await?;
    for version in &applied {
        print::line(format_args!("st2 applied {version}"))?;
    }
    print::line(format_args!("StackStorm's tables are up to date ({} applied now)", applied.len()))?;
    Ok(ExitCode::SUCCESS)
}

async fn status(settings: Settings) -> anyhow::Result<ExitCode> {
    let store = open(&settings, waiting::WATCHED).await?;
    let tables = open_st2(&settings, &store, waiting::WATCHED).await?;
    let ours = store.run(migrations::status).await?;
    let prefix = tables.prefix.clone();
    let st2 = tables.store.run(move |conn| schema::status(conn, &prefix)).await?;
    show("", &ours)?;
    show("st2 ", &st2)?;
    let checks = [ours.require_current(), st2.require_current_of("the schema of StackStorm's tables")];
    let problems: Vec<DatabaseError> = checks.into_iter().filter_map(Result::err).collect();
    for problem in &problems {
        print::line(problem)?;
    }
    if problems.is_empty() {
        print::line("the schema is up to date")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn show(side: &str, status: &migrations::SchemaStatus) -> Result<(), PrintError> {
    for (word, versions) in [("applied", &status.applied), ("pending", &status.pending), ("unknown", &status.unknown)] {
        for version in versions {
            print::line(format_args!("{side}{word} {version}"))?;
        }
    }
    Ok(())
}
