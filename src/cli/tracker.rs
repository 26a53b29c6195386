//! `poundcake tracker`: follows executions to their end, and fills StackStorm's tables in SQL.

use crate::{
    app::{self, serving},
    config::Settings,
    heartbeat::{self, Sources},
    metrics::Metrics,
    shutdown,
    tasks::Tasks,
};
use std::process::ExitCode;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let listener = serving::bind(&settings, "POUNDCAKE_TRACKER_LISTEN", &settings.http.tracker_listen)?;
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new()?;
    let database = settings.database.url()?;
    settings.stackstorm.client_config()?;
    settings.tracker.database(settings.database.tls_files())?;
    let store = app::store(&settings, database, &stop).await?;
    let tables = app::migrated_st2_tables(&settings, &store, &stop).await?;
    let tasks = Tasks::new(stop.clone(), metrics.clone());
    app::watch_store(&store, &tasks);
    if !tables.store.is_same(&store) {
        app::watch_store(&tables.store, &tasks);
    }
    let tracker = app::tracker(&settings, &store, tables, &metrics)?;
    let addresses = listener.addresses().to_vec();
    let streams = settings.tracker.st2_stream_url.is_some();
    let sources = Sources { tracks: true, streams, ..Sources::new("tracker", &addresses, &metrics) };
    let heartbeat = heartbeat::start(store.clone(), sources, stop.clone());
    let server = serving::probes(&settings, listener, store, &tasks)?;
    let tracker = tasks.spawn("tracker", tracker.run(stop));
    let server = tasks.spawn_fallible("HTTP server", server);
    tasks.started();
    serving::say_listening(&addresses);
    server.await?;
    tracker.await?;
    heartbeat.await?;
    tasks.verdict()?;
    Ok(ExitCode::SUCCESS)
}
