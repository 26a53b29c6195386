//! Starts the HTTP servers: binds the address first, logs it, serves.

use crate::{
    app,
    config::{ListenAddress, Settings},
    database::Database,
    descriptors::{self, Needs},
    http::{self, Doctor, Listener, Parts, Role, ServeError, Shown},
    ingest::Ingest,
    tasks::Tasks,
};
use std::{io, net::SocketAddr, sync::Arc};

/// Binds an address: the first thing that a server does, so that one that is taken is the first thing that is said. HTTP
/// gets what the limit of open files leaves when our own calls have theirs.
pub(crate) fn bind(settings: &Settings, variable: &'static str, listen: &ListenAddress) -> anyhow::Result<Listener> {
    let databases = if settings.tracker.database(settings.database.tls_files())?.is_some() { 2 } else { 1 };
    let database = settings.database.db_pool.saturating_mul(databases);
    let shares = Needs { database, calls: settings.dispatch.dispatch_concurrency }.share(descriptors::raise_limit());
    let listener = Listener::bind(variable, listen, shares.senders)?;
    if !shares.is_enough() {
        log::warn!(event = "open_files_too_few", limit = shares.limit, needed = shares.needed();
            "this process may open too few files for POUNDCAKE_DB_POOL and POUNDCAKE_DISPATCH_CONCURRENCY; raise the \
             limit (ulimit -n, LimitNOFILE=) or lower these");
    }
    log::info!(event = "open_files", limit = shares.limit, reserve = shares.reserve, senders = shares.senders;
        "open files are shared out between our own calls (reserve) and HTTP connections (senders)");
    Ok(listener)
}

/// Says where a server listens, in words that stay the same: programs read the address from this line.
pub(crate) fn say_listening(addresses: &[SocketAddr]) {
    for address in addresses {
        log::info!(event = "listening", address:%; "listening on {address}");
    }
}

/// Serves webhooks and questions.
pub(crate) fn ingest(
    settings: &Settings,
    ingest: Ingest,
    listener: Listener,
    store: Database,
    tasks: &Tasks,
    doctor: Doctor,
) -> anyhow::Result<impl Future<Output = io::Result<()>> + Send + use<>> {
    let shown = Shown {
        routes: settings.dispatch.routes.clone(),
        template_text: Some(settings.dispatch.template_text),
        mute: settings.ingest.mute.clone(),
        doctor: Some(doctor),
        ..Shown::default()
    };
    let history = Box::new(app::history(settings, &store)?);
    app::watch_shown_routes(&history, tasks);
    if settings.http.page {
        let (history, stop) = (history.clone(), tasks.stop().clone());
        // Nobody waits for it, and nothing depends on it.
        drop(tokio::spawn(async move { stop.run_until_cancelled(history.warm()).await }));
    }
    let role = Role::Ingest { ingest: Box::new(ingest), history, shown: Arc::new(shown) };
    Ok(http::serve(&settings.http, role, listener, parts(store, tasks))?)
}

/// Serves probes and metrics.
pub(crate) fn probes(
    settings: &Settings,
    listener: Listener,
    store: Database,
    tasks: &Tasks,
) -> Result<impl Future<Output = io::Result<()>> + Send + use<>, ServeError> {
    http::serve(&settings.http, Role::Probes, listener, parts(store, tasks))
}

fn parts(store: Database, tasks: &Tasks) -> Parts {
    Parts { store, metrics: tasks.metrics().clone(), stop: tasks.stop().clone() }
}
