//! `poundcake dispatcher`: messages in, executions and links out.

use crate::{
    app::{self, serving, waiting},
    broker::{
        Consumer,
        amqp::{self, Repair},
    },
    config::Settings,
    heartbeat::{self, Sources},
    metrics::Metrics,
    shutdown,
    tasks::Tasks,
};
use std::process::ExitCode;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let listener = serving::bind(&settings, "POUNDCAKE_DISPATCHER_LISTEN", &settings.http.dispatcher_listen)?;
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new()?;
    let concurrency = settings.dispatch.dispatch_concurrency;
    let repair =
        Repair::new(settings.broker.queue_repair, metrics.queue_refused.clone(), metrics.queue_repairs.clone());
    let connected = metrics.rabbitmq_connected.with_label_values(&["consumer"]);
    let consumer = amqp::Consumer::new(settings.broker.url()?, concurrency.saturating_mul(2), repair, connected);
    let database = settings.database.url()?;
    settings.stackstorm.client_config()?;
    let store = app::store(&settings, database, &stop).await?;
    waiting::check_writes(&store).await?;
    let dispatch = app::dispatch(&settings, &store, &metrics)?;
    let tasks = Tasks::new(stop, metrics);
    app::watch_store(&store, &tasks);
    let addresses = listener.addresses().to_vec();
    let routes = Some(dispatch.routes.clone());
    let sources = Sources { routes, consumes: true, ..Sources::new("dispatcher", &addresses, tasks.metrics()) };
    let heartbeat = heartbeat::start(store.clone(), sources, tasks.stop().clone());
    let server = tasks.spawn_fallible("HTTP server", serving::probes(&settings, listener, store, &tasks)?);
    tasks.started();
    serving::say_listening(&addresses);
    app::run_dispatch(dispatch, concurrency, Consumer::Amqp(Box::new(consumer)), tasks.clone()).await;
    server.await?;
    heartbeat.await?;
    tasks.verdict()?;
    Ok(ExitCode::SUCCESS)
}
