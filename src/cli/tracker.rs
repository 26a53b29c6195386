//! `poundcake tracker`: executions followed to their end, in StackStorm's tables in SQL.

use super::assemble;
use crate::{
    config::Settings,
    http::{self, Role},
    metrics::Metrics,
    shutdown,
    tasks::Tasks,
};
use std::process::ExitCode;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new()?;
    let database = settings.database.url()?;
    settings.stackstorm.client_config()?;
    settings.tracker.database()?;
    let store = assemble::store(&settings, database, &stop).await?;
    let tables = assemble::migrated_st2_tables(&settings, &store, &stop).await?;
    let role = Role::Probes { listen: settings.http.tracker_listen };
    let tasks = Tasks::new(stop.clone(), metrics.clone());
    assemble::watch_store(&store, &tasks);
    if !tables.store.is_same(&store) {
        assemble::watch_store(&tables.store, &tasks);
    }
    let tracker = assemble::tracker(&settings, &store, tables, &metrics)?;
    let (server, address) = http::serve(&settings.http, role, store, metrics, stop.clone())?;
    log::info!("probes and metrics on {address}");
    let tracker = tasks.spawn("tracker", tracker.run(stop));
    tasks.spawn_fallible("HTTP server", server).await?;
    tracker.await?;
    tasks.verdict()?;
    Ok(ExitCode::SUCCESS)
}
