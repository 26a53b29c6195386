//! Builds the parts of a process from its settings, for all commands that need them.

pub(crate) mod serving;
pub(crate) mod waiting;
use crate::{
    broker::Publisher,
    config::Settings,
    database::{Database, connect::DatabaseUrl, max_packet},
    dispatcher::{
        self, Circuit, Dispatch, Keeper, Lease, Pauses, Policy, Resolver, Routes, Worker, routing::route::OnUncertain,
    },
    history::History,
    ingest::{Ingest, Writer, WriterSettings},
    metrics::Metrics,
    model::episode::EpisodePolicy,
    relay::{Announcer, Relay},
    retry::Schedule,
    st2_tables::St2Tables,
    stackstorm::{ActionCache, Client},
    tasks::Tasks,
    tracker::Tracker,
};
use anyhow::{Context, anyhow};
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use waiting::{answered, wait_for_database};

/// The store, once its database answers and has exactly our schema. Waits for the former, fails on the latter.
pub(crate) async fn store(settings: &Settings, url: DatabaseUrl, stop: &CancellationToken) -> anyhow::Result<Database> {
    let store = Database::bounded(url, settings.database.db_pool, settings.database.db_timeout);
    wait_for_database(&store, stop).await?;
    answered(&store, stop, || store.require_schema()).await?;
    Ok(store)
}

/// Where StackStorm's tables are: in the same database unless `ST2_DATABASE_URL` says otherwise; that one may be silent for
/// `patience`, if there is one. Nothing is asked yet.
pub(crate) fn st2_tables(
    settings: &Settings,
    store: &Database,
    patience: Option<Duration>,
) -> anyhow::Result<St2Tables> {
    let size = settings.database.db_pool;
    let other = settings.tracker.database(settings.database.tls_files())?.map(|url| match patience {
        Some(patience) => Database::bounded(url, size, patience),
        None => Database::new(url, size),
    });
    let prefix = settings.tracker.st2_table_prefix.clone().unwrap_or_default();
    Ok(St2Tables { store: other.unwrap_or_else(|| store.clone()), prefix })
}

/// What takes webhooks: the judge, the writer's thread, and the announcer behind it.
pub(crate) struct IngestParts {
    pub(crate) ingest: Ingest,
    pub(crate) relay: Relay,
    writer: JoinHandle<()>,
    announcer: JoinHandle<()>,
}

pub(crate) fn ingest_parts(
    settings: &Settings,
    store: &Database,
    publisher: &Publisher,
    metrics: &Metrics,
    tasks: &Tasks,
) -> anyhow::Result<IngestParts> {
    let (announcer, publishing) = Announcer::start(store.clone(), publisher.clone(), metrics.clone(), tasks);
    let identity = settings.ingest.identity()?;
    let writer_settings = WriterSettings {
        batch_rows: settings.ingest.batch_rows.max(1),
        batch_bytes: settings.ingest.batch_bytes,
        queue: settings.ingest.write_queue,
        policy: EpisodePolicy {
            refire_cooldown: settings.ingest.refire_cooldown,
            several_sources: identity.ignores_labels(),
        },
    };
    let (writer, thread) = Writer::start(store, writer_settings, move |due| announcer.announce(due), metrics.clone())?;
    let thread = tasks.watch_thread("writer", thread);
    let interval = settings.broker.sweep_interval;
    let relay = Relay::new(store.clone(), publisher.clone(), metrics.clone(), interval);
    let ingest = Ingest::new(settings.ingest.mute.clone(), writer, metrics.clone()).identified_by(identity);
    Ok(IngestParts { ingest, relay, writer: thread, announcer: publishing })
}

/// Waits for the writer and the announcer after the last `Ingest` is gone. What is not published by then is the relay's,
/// here or in another process.
pub(crate) async fn drain(writer: JoinHandle<()>, announcer: JoinHandle<()>) {
    const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
    if tokio::time::timeout(DRAIN_TIMEOUT, writer).await.is_err() {
        log::warn!(
            event = "writer_abandoned";
            "stopping while the writer waits for the database; its webhooks got no answer, and Alertmanager sends them \
             again"
        );
    }
    if tokio::time::timeout(DRAIN_TIMEOUT, announcer).await.is_err() {
        log::info!(
            event = "publishing_left_to_relay";
            "stopping before all rows are published; the relay publishes them"
        );
    }
}

impl IngestParts {
    /// Takes it apart: the front for HTTP, the relay to run, and what to [`drain`] at the end.
    pub(crate) fn into_parts(self) -> (Ingest, Relay, JoinHandle<()>, JoinHandle<()>) {
        (self.ingest, self.relay, self.writer, self.announcer)
    }
}

/// The settings with what MariaDB can take of one webhook: above half of `max_allowed_packet` the limit is lowered, with a
/// warning.
pub(crate) async fn fitted(
    settings: &Settings,
    store: &Database,
    stop: &CancellationToken,
) -> anyhow::Result<Settings> {
    let wanted = settings.http.max_body_bytes;
    let mut settings = settings.clone();
    let Some(packet) = answered(store, stop, || store.run(max_packet::max_allowed)).await? else { return Ok(settings) };
    let fits = packet / 2;
    if wanted > fits {
        log::warn!(
            event = "max_body_lowered";
            "POUNDCAKE_MAX_BODY_BYTES={wanted} is above half of the database's max_allowed_packet ({packet}); webhooks \
             above {fits} bytes are refused until it is raised: SET GLOBAL max_allowed_packet = {}",
            wanted.saturating_mul(2)
        );
        settings.http.max_body_bytes = fits;
    }
    Ok(settings)
}

/// Both sides of the history, and the limits of the routes if there is a routes file.
pub(crate) fn history(settings: &Settings, store: &Database) -> anyhow::Result<History> {
    let tables = st2_tables(settings, store, Some(settings.database.db_timeout))?;
    let history = History::new(store.clone(), tables, settings.tracker.st2_web_url.clone());
    let Some(routes) = routes_for_display(settings) else { return Ok(history) };
    let cooldown = delta(settings.ingest.refire_cooldown, "POUNDCAKE_REFIRE_COOLDOWN")?;
    let max_age = delta(settings.dispatch.dispatch_max_age, "POUNDCAKE_DISPATCH_MAX_AGE")?;
    Ok(history.with_routes(routes, cooldown, max_age))
}

/// The routes file as a process reads it that decides nothing by it: one that cannot be read is not shown.
fn routes_for_display(settings: &Settings) -> Option<Routes> {
    let path = settings.dispatch.routes.as_deref()?;
    Routes::open(Some(path))
        .inspect_err(|error| log::warn!(event = "routes_not_shown"; "limits of routes are not shown: {error:#}"))
        .ok()
}

/// What dispatches: shared by worker, resolver and route watcher.
pub(crate) fn dispatch(settings: &Settings, store: &Database, metrics: &Metrics) -> anyhow::Result<Arc<Dispatch>> {
    let client = Client::new(settings.stackstorm.client_config()?)?;
    let routes = Routes::open(settings.dispatch.routes.as_deref())?;
    let policy = policy(settings)?;
    warn_of_deadline(&routes, &policy);
    let actions = ActionCache::new(dispatcher::ACTIONS_KEPT);
    let (pauses, lines) = (Pauses::default(), Arc::default());
    let circuit = Circuit::new(metrics.clone());
    let (store, metrics) = (store.clone(), metrics.clone());
    Ok(Arc::new(Dispatch { store, client, actions, routes, policy, pauses, lines, circuit, metrics }))
}

/// A deadline that ends the settle time before it is over is a mistake that nothing else would show.
fn warn_of_deadline(routes: &Routes, policy: &Policy) {
    let (table, earliest) = (routes.table(), policy.posts_again_after());
    let again = table.routes().iter().find(|route| route.on_uncertain == OnUncertain::PostAgain);
    if let Some(route) = again.filter(|_| earliest >= policy.rule_deadline) {
        let (deadline_s, earliest_s) = (policy.rule_deadline.num_seconds(), earliest.num_seconds());
        log::warn!(
            event = "post_again_ineffective", route = route.name, deadline_s, earliest_s;
            "on_uncertain: post_again has no effect after a silent call: POUNDCAKE_RULE_DEADLINE must be longer than \
             POUNDCAKE_ST2_TIMEOUT and POUNDCAKE_SILENT_SETTLE_TIME together"
        );
    }
}

fn policy(settings: &Settings) -> anyhow::Result<Policy> {
    let (dispatch, timeout) = (&settings.dispatch, settings.stackstorm.st2_timeout);
    let lease = Lease::divide(dispatch.lease, timeout).map_err(|shortest| {
        anyhow!(
            "POUNDCAKE_LEASE ({:?}) is too short: with POUNDCAKE_ST2_TIMEOUT={timeout:?} it must be at least {shortest:?}",
            dispatch.lease
        )
    })?;
    Ok(Policy {
        max_attempts: dispatch.dispatch_max_attempts.max(1),
        max_age: delta(dispatch.dispatch_max_age, "POUNDCAKE_DISPATCH_MAX_AGE")?,
        cooldown: delta(settings.ingest.refire_cooldown, "POUNDCAKE_REFIRE_COOLDOWN")?,
        execution_deadline: delta(settings.tracker.execution_deadline, "POUNDCAKE_EXECUTION_DEADLINE")?,
        schedule: Schedule::new(dispatch.retry_schedule.clone()),
        http_timeout: delta(timeout, "POUNDCAKE_ST2_TIMEOUT")?,
        settle_time: delta(dispatch.settle_time, "POUNDCAKE_SETTLE_TIME")?,
        silent_settle_time: delta(dispatch.silent_settle_time, "POUNDCAKE_SILENT_SETTLE_TIME")?,
        lease,
        rule_deadline: delta(dispatch.rule_deadline, "POUNDCAKE_RULE_DEADLINE")?,
        template_text: dispatch.template_text,
    })
}

fn delta(duration: Duration, name: &str) -> anyhow::Result<TimeDelta> {
    TimeDelta::from_std(duration).with_context(|| format!("{name} is too long"))
}

/// Runs worker, resolver and route watcher until cancelled.
pub(crate) async fn run_dispatch(
    dispatch: Arc<Dispatch>,
    concurrency: u16,
    consumer: crate::broker::Consumer,
    tasks: Tasks,
) {
    let stop = tasks.stop();
    let routes = watch_routes(dispatch.routes.clone(), dispatch.metrics.clone(), stop.clone());
    let watcher = tasks.spawn("routes watcher", routes);
    let resolver = tasks.spawn("resolver", Resolver::new(Arc::clone(&dispatch)).run(stop.clone()));
    let keeper = tasks.spawn("held rows", Keeper::new(Arc::clone(&dispatch)).run(stop.clone()));
    let places = tasks.spawn("places", dispatcher::places::watch(Arc::clone(&dispatch), stop.clone()));
    let worker = Worker::new(dispatch, concurrency, &tasks);
    let admission = tasks.spawn("admission", worker.admission().run());
    let consumer = tasks.spawn("consumer", worker.run(consumer));
    for task in [watcher, resolver, keeper, places, admission, consumer] {
        // What it came to is known to `tasks`.
        drop(task.await);
    }
}

/// Follows the routes file that a process only shows.
pub(crate) fn watch_shown_routes(history: &History, tasks: &Tasks) {
    if let Some(routes) = history.known_routes() {
        drop(tasks.spawn("routes watcher", watch_routes(routes, tasks.metrics().clone(), tasks.stop().clone())));
    }
}

/// Without a file there is nothing to watch, and no task that could end too early.
async fn watch_routes(routes: Routes, metrics: Metrics, stop: CancellationToken) {
    routes.watch(metrics, stop.clone()).await;
    stop.cancelled().await;
}

/// Ends the process when its lost threads are too many.
pub(crate) fn watch_store(store: &Database, tasks: &Tasks) {
    let (store, stop) = (store.clone(), tasks.stop().clone());
    let watched = async move {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = store.exhausted() => Err("too many statements were never answered"),
        }
    };
    drop(tasks.spawn_fallible("database", watched));
}

/// What follows executions.
pub(crate) fn tracker(
    settings: &Settings,
    store: &Database,
    tables: St2Tables,
    metrics: &Metrics,
) -> anyhow::Result<Tracker> {
    Ok(Tracker {
        store: store.clone(),
        tables,
        client: Arc::new(Client::new(settings.stackstorm.client_config()?)?),
        stream_url: settings.tracker.st2_stream_url.clone(),
        deadline: settings.tracker.execution_deadline,
        metrics: metrics.clone(),
    })
}

/// The tables of StackStorm, once their database answers and has exactly our schema.
pub(crate) async fn migrated_st2_tables(
    settings: &Settings,
    store: &Database,
    stop: &CancellationToken,
) -> anyhow::Result<St2Tables> {
    let tables = st2_tables(settings, store, Some(settings.database.db_timeout))?;
    wait_for_database(&tables.store, stop).await?;
    answered(&tables.store, stop, || tables.require_schema()).await?;
    Ok(tables)
}

/// For talking to our own ingest: no proxy of the environment, and the private CA if there is one.
pub(crate) fn http_client(settings: &Settings) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
    if let Some(path) = &settings.http.tls_cert {
        let pem = std::fs::read(path).with_context(|| format!("cannot read POUNDCAKE_TLS_CERT {}", path.display()))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    Ok(builder.build()?)
}
