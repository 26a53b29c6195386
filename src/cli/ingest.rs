//! `poundcake ingest`: webhooks in, rows and messages out.

use crate::{
    app::{self, serving, waiting},
    broker::{Publisher, amqp},
    config::Settings,
    heartbeat::{self, Sources},
    metrics::Metrics,
    shutdown,
    tasks::Tasks,
};
use std::process::ExitCode;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let listener = serving::bind(&settings, "POUNDCAKE_LISTEN", &settings.http.listen)?;
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new()?;
    let publisher = Publisher::Amqp(amqp::Publisher::new(settings.broker.url()?, settings.broker.confirm_timeout));
    let store = app::store(&settings, settings.database.url()?, &stop).await?;
    waiting::check_writes(&store).await?;
    let settings = app::fitted(&settings, &store, &stop).await?;
    let tasks = Tasks::new(stop.clone(), metrics.clone());
    app::watch_store(&store, &tasks);
    let (ingest, relay, writer, announcer) =
        app::ingest_parts(&settings, &store, &publisher, &metrics, &tasks)?.into_parts();
    let addresses = listener.addresses().to_vec();
    let sources = Sources { publisher: Some(publisher), ..Sources::new("ingest", &addresses, &metrics) };
    let heartbeat = heartbeat::start(store.clone(), sources, stop.clone());
    let doctor = super::doctor::for_page(&settings);
    let server = serving::ingest(&settings, ingest, listener, store, &tasks, doctor)?;
    let relay = tasks.spawn("relay", relay.run(stop));
    let server = tasks.spawn_fallible("HTTP server", server);
    tasks.started();
    serving::say_listening(&addresses);
    server.await?;
    relay.await?;
    heartbeat.await?;
    app::drain(writer, announcer).await;
    tasks.verdict()?;
    Ok(ExitCode::SUCCESS)
}
