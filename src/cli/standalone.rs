//! `poundcake standalone`: ingest and dispatcher in one process, on SQLite and an in-process queue: the same rows, the
//! same sweep, the same promises, for one small machine.

use super::{assemble, started};
use crate::{
    broker::{Consumer, Publisher, in_process},
    config::Settings,
    metrics::Metrics,
    shutdown,
    store::{Store, conn::DatabaseUrl, migrate},
};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// The database when `DATABASE_URL` is not set.
const DEFAULT_DATABASE: &str = "sqlite://poundcake.db";

/// `poundcake standalone`
#[derive(Debug, clap::Args)]
pub(super) struct Standalone {
    /// Store and show, run nothing: everything waits
    #[arg(long)]
    no_dispatch: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Standalone {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = started(self.settings);
        run(&settings, !self.no_dispatch, shutdown::on_signal()?, |_| {}).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs until cancelled; `ready` is told the address once webhooks are taken.
pub(super) async fn run(
    settings: &Settings,
    dispatching: bool,
    stop: CancellationToken,
    ready: impl FnOnce(std::net::SocketAddr),
) -> anyhow::Result<()> {
    let metrics = Metrics::new()?;
    let (url, patience) = (database(settings)?, settings.database.db_timeout);
    let store = Store::new(url.clone(), 1);
    assemble::wait_for_database(&store, &stop).await?;
    // A migration takes as long as it takes.
    store.run(migrate::up).await?;
    let store = Store::bounded(url, settings.database.db_pool, patience);
    // A newer schema has nothing pending and is still not ours.
    store.require_schema().await?;
    let max_body_bytes = assemble::max_body(settings, &store, &stop).await?;
    let (publisher, consumer) = in_process::pair();
    let (ingest, relay, writer, announcer) =
        assemble::intake(settings, &store, &Publisher::InProcess(publisher), &metrics)?.into_parts();
    let dispatcher = if dispatching {
        let dispatch = assemble::dispatch(settings, &store, &metrics)?;
        let concurrency = settings.dispatch.dispatch_concurrency;
        let run = assemble::run_dispatch(dispatch, concurrency, Consumer::InProcess(consumer), stop.clone());
        Some(tokio::spawn(run))
    } else {
        log::warn!("--no-dispatch: alerts are stored and wait");
        None
    };
    let (server, address) = assemble::serve(settings, max_body_bytes, ingest, store, metrics, &stop)?;
    log::info!("listening on {address}");
    ready(address);
    let relay = tokio::spawn(relay.run(stop));
    server.await?;
    relay.await?;
    if let Some(dispatcher) = dispatcher {
        dispatcher.await?;
    }
    assemble::drain(writer, announcer).await;
    Ok(())
}

fn database(settings: &Settings) -> anyhow::Result<DatabaseUrl> {
    let unset = settings.database.database_url.is_none() && settings.database.database_url_file.is_none();
    if unset && cfg!(feature = "sqlite") { Ok(DatabaseUrl::parse(DEFAULT_DATABASE)?) } else { settings.database.url() }
}
