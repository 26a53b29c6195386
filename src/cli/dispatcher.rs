//! `poundcake dispatcher`: messages in, executions and links out.

use super::assemble;
use crate::{
    broker::{
        Consumer,
        amqp::{self, Repair},
    },
    config::Settings,
    http::{self, Role},
    metrics::Metrics,
    shutdown,
};
use std::process::ExitCode;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new()?;
    let concurrency = settings.dispatch.dispatch_concurrency;
    let repair =
        Repair::new(settings.broker.queue_repair, metrics.queue_refused.clone(), metrics.queue_repairs.clone());
    let consumer = amqp::Consumer::new(settings.broker.url()?, concurrency.saturating_mul(2), repair);
    let database = settings.database.url()?;
    settings.stackstorm.client_config()?;
    let store = assemble::store(&settings, database, &stop).await?;
    let dispatch = assemble::dispatch(&settings, &store, &metrics)?;
    let role = Role::Probes { listen: settings.http.dispatcher_listen };
    let (server, address) = http::serve(&settings.http, role, store, metrics, stop.clone())?;
    log::info!("probes and metrics on {address}");
    let server = tokio::spawn(server);
    assemble::run_dispatch(dispatch, concurrency, Consumer::Amqp(Box::new(consumer)), stop).await;
    server.await??;
    Ok(ExitCode::SUCCESS)
}
