//! `poundcake standalone`: ingest, dispatcher and tracker in one process, on SQLite and an in-process queue: the same rows, the
//! same sweep, the same promises, for one small machine.

use super::started;
use crate::{
    app::{self, serving, waiting},
    broker::{Consumer, Publisher, in_process},
    config::Settings,
    database::{Database, connect::DatabaseUrl, migrations},
    heartbeat::{self, Sources},
    metrics::Metrics,
    shutdown,
    st2_tables::{St2Tables, schema},
    tasks::Tasks,
};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// The database when `DATABASE_URL` is not set.
const DEFAULT_DATABASE: &str = "sqlite://poundcake.db";

/// `poundcake standalone`
#[derive(Debug, clap::Args)]
pub(super) struct Standalone {
    /// Store and show alerts, but run nothing: all alerts wait
    #[arg(long)]
    no_dispatch: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Standalone {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = started(self.settings);
        run(&settings, !self.no_dispatch, tasks(shutdown::on_signal()?)?, |_| {}).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the tasks of one process are started with.
pub(super) fn tasks(stop: CancellationToken) -> anyhow::Result<Tasks> {
    Ok(Tasks::new(stop, Metrics::new()?))
}

/// Runs until cancelled; `ready` is told the address once webhooks are taken.
pub(super) async fn run(
    settings: &Settings,
    dispatching: bool,
    tasks: Tasks,
    ready: impl FnOnce(std::net::SocketAddr),
) -> anyhow::Result<()> {
    let listener = serving::bind(settings, "POUNDCAKE_LISTEN", &settings.http.listen)?;
    let (metrics, stop) = (tasks.metrics().clone(), tasks.stop().clone());
    let (store, tables) = migrated(settings, &stop).await?;
    app::watch_store(&store, &tasks);
    let settings = &app::fitted(settings, &store, &stop).await?;
    let (publisher, consumer) = in_process::pair();
    let (ingest, relay, writer, announcer) =
        app::ingest_parts(settings, &store, &Publisher::InProcess(publisher), &metrics, &tasks)?.into_parts();
    let addresses = listener.addresses().to_vec();
    let mut sources = Sources::new("standalone", &addresses, &metrics);
    let dispatcher = if dispatching {
        let dispatch = app::dispatch(settings, &store, &metrics)?;
        sources.routes = Some(dispatch.routes.clone());
        let concurrency = settings.dispatch.dispatch_concurrency;
        let run = app::run_dispatch(dispatch, concurrency, Consumer::InProcess(consumer), tasks.clone());
        Some(tokio::spawn(run))
    } else {
        log::warn!(event = "dispatch_disabled"; "--no-dispatch: alerts are stored and not dispatched");
        None
    };
    // What runs already is followed, whether or not more is dispatched.
    let tracker = if dispatching || settings.stackstorm.st2_api_url.is_some() {
        let tracker = app::tracker(settings, &store, tables, &metrics)?;
        sources.tracks = true;
        sources.streams = settings.tracker.st2_stream_url.is_some();
        Some(tasks.spawn("tracker", tracker.run(stop.clone())))
    } else {
        None
    };
    let heartbeat = heartbeat::start(store.clone(), sources, stop.clone());
    let server = serving::ingest(settings, ingest, listener, store, &tasks, super::doctor::for_page(settings))?;
    let relay = tasks.spawn("relay", relay.run(stop));
    let server = tasks.spawn_fallible("HTTP server", server);
    tasks.started();
    serving::say_listening(&addresses);
    if let Some(address) = addresses.first() {
        ready(*address);
    }
    server.await?;
    relay.await?;
    for task in [dispatcher, tracker].into_iter().flatten() {
        task.await?;
    }
    heartbeat.await?;
    app::drain(writer, announcer).await;
    Ok(tasks.verdict()?)
}

/// Both sides of the database, with exactly our schema.
async fn migrated(settings: &Settings, stop: &CancellationToken) -> anyhow::Result<(Database, St2Tables)> {
    let (url, patience) = (database(settings)?, settings.database.db_timeout);
    let store = Database::new(url.clone(), 1);
    waiting::wait_for_database(&store, stop).await?;
    // A migration takes as long as it takes.
    store.run(migrations::up).await?;
    let tables = app::st2_tables(settings, &store, None)?;
    waiting::wait_for_database(&tables.store, stop).await?;
    let prefix = tables.prefix.clone();
    tables.store.run(move |conn| schema::up(conn, &prefix)).await?;
    let store = Database::bounded(url, settings.database.db_pool, patience);
    let tables = app::st2_tables(settings, &store, Some(patience))?;
    // A newer schema has nothing pending and is still not ours.
    store.require_schema().await?;
    waiting::check_writes(&store).await?;
    Ok((store, tables))
}

fn database(settings: &Settings) -> anyhow::Result<DatabaseUrl> {
    let unset = settings.database.database_url.is_none() && settings.database.database_url_file.is_none();
    if unset && cfg!(feature = "sqlite") { Ok(DatabaseUrl::parse(DEFAULT_DATABASE)?) } else { settings.database.url() }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn settings(file: &std::path::Path) -> Settings {
        let command = Settings::augment_args(clap::Command::new("test"));
        let command = command.mut_args(|arg| arg.env(clap::builder::Resettable::<clap::builder::OsStr>::Reset));
        let flags = [
            "test".to_owned(),
            format!("--database-url=sqlite://{}", file.display()),
            "--listen=127.0.0.1:0".to_owned(),
        ];
        Settings::from_arg_matches(&command.get_matches_from(flags)).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_task_that_panics_ends_the_command_in_good_order_with_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&directory.path().join("test.db"));
        let tasks = tasks(CancellationToken::new()).unwrap();
        let victim = tasks.clone();
        let ready = move |_| drop(victim.spawn("consumer", async { panic!("no more") }));
        let error = run(&settings, false, tasks, ready).await.unwrap_err().to_string();
        assert!(error.contains("consumer") && error.contains("no more"), "{error}");
    }
}
