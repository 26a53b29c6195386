//! `poundcake ingest`: webhooks in, rows and messages out.

use super::assemble;
use crate::{
    broker::{Publisher, amqp},
    config::Settings,
    metrics::Metrics,
    shutdown,
    tasks::Tasks,
};
use std::process::ExitCode;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new()?;
    let publisher = Publisher::Amqp(amqp::Publisher::new(settings.broker.url()?, settings.broker.confirm_timeout));
    let store = assemble::store(&settings, settings.database.url()?, &stop).await?;
    let max_body_bytes = assemble::max_body(&settings, &store, &stop).await?;
    let tasks = Tasks::new(stop.clone(), metrics.clone());
    assemble::watch_store(&store, &tasks);
    let (ingest, relay, writer, announcer) =
        assemble::intake(&settings, &store, &publisher, &metrics, &tasks)?.into_parts();
    let (server, address) = assemble::serve(&settings, max_body_bytes, ingest, store, metrics, &stop)?;
    log::info!("listening on {address}");
    let relay = tasks.spawn("relay", relay.run(stop));
    tasks.spawn_fallible("HTTP server", server).await?;
    relay.await?;
    assemble::drain(writer, announcer).await;
    tasks.verdict()?;
    Ok(ExitCode::SUCCESS)
}
