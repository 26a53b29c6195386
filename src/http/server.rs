//! Serves HTTP or HTTPS on the process's tokio runtime until the stop token.
//!
//! After the stop token no connection is accepted, idle ones are closed, and what is in flight is finished.

use super::{
    auth::{Auth, TokensError},
    body::Limits,
    connections::Connections,
    context::{Parts, Shared},
    gate,
    listener::{ListenError, Listener},
    page::{Logins, shown::Shown},
    probes::Probes,
    routes, table,
    tls::{self, TlsError},
};
use crate::{config::HttpSettings, history::History, ingest::Ingest, metrics::Metrics};
use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, web};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// Alertmanager keeps idle connections for 5 minutes; closing them first would race with its next request.
const KEEP_ALIVE: Duration = Duration::from_mins(6);
/// How long a request's head may take. actix answers 408 after it, also when it was this process that stood still (SIGSTOP,
/// a frozen VM) with the request in its socket; Alertmanager drops what comes to a 4xx. So: longer than any sender waits.
const HEAD_TIMEOUT: Duration = KEEP_ALIVE;
/// How long what is in flight may take after the stop token, in seconds: below the 30 s in which a process must end.
const DRAIN_SECONDS: u64 = 25;

/// What a server is for.
#[derive(Clone)]
pub enum Role {
    /// All routes.
    Ingest {
        /// Takes the webhooks.
        ingest: Box<Ingest>,
        /// Answers the questions.
        history: Box<History>,
        /// What the operator page shows of the settings.
        shown: Arc<Shown>,
    },
    /// `/livez`, `/readyz` and `/metrics` only: nothing secret, so no tokens.
    Probes,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could reach it, and nothing would stop them.
    #[error(
        "POUNDCAKE_LISTEN={listen} is not loopback, so tokens are required: set {missing} to a file of name:token lines"
    )]
    Exposed {
        /// The address asked for.
        listen: String,
        /// The variables that are not set.
        missing: String,
    },
    /// A tokens file cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address was taken since it was bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system refuses the server's threads or sockets.
    #[error("the HTTP server cannot be set up")]
    SetUp(#[source] io::Error),
}

/// Returns the server as a future, to be awaited or spawned. It listens already; what was connected is answered once it runs.
///
/// Must be called on a tokio runtime, which outlives the server. The server ends by itself after the stop token.
pub fn serve(
    settings: &HttpSettings,
    role: Role,
    listener: Listener,
    parts: Parts,
) -> Result<impl Future<Output = io::Result<()>> + Send + use<>, ServeError> {
    let auth = authority(settings, &role, &listener, &parts.metrics)?;
    let tls = match (&settings.tls_cert, &settings.tls_key) {
        (Some(cert), Some(key)) => {
            Some(tls::config(cert, key, parts.metrics.unusable_files.with_label_values(&["certificate"]))?)
        }
        _ => None,
    };
    let (workers, for_handlers) = match role {
        Role::Ingest { ingest, history, shown } => {
            let limits = web::Data::new(Limits::new(settings.max_body_bytes));
            (workers(), Some((web::Data::new(*ingest), limits, web::Data::new(*history), web::Data::from(shown))))
        }
        Role::Probes => (1, None),
    };
    let most = listener.most();
    let connections = Connections::new(most);
    let probes = web::Data::new(Probes::new(Instant::now(), &parts.store));
    let shared = web::Data::new(Shared::new(parts, auth, Arc::clone(&connections)));
    let watched = shared.clone();
    let logins = web::Data::new(Logins::default());
    let of_ingest = if settings.page { routes::WITH_PAGE } else { routes::WITHOUT_PAGE };
    let app = move || {
        let app = App::new().app_data(shared.clone()).app_data(probes.clone()).wrap(from_fn(gate::gate));
        match &for_handlers {
            Some((ingest, limits, history, shown)) => {
                let app = app.app_data(ingest.clone()).app_data(limits.clone()).app_data(history.clone());
                let app = app.app_data(shown.clone());
                app.app_data(logins.clone()).configure(|config| table::register(config, of_ingest))
            }
            None => app.configure(|config| table::register(config, routes::PROBES_ALONE)),
        }
    };
    let mut server = HttpServer::new(app)
        .workers(workers)
        .max_connections(most.div_ceil(workers))
        .on_connect(move |socket, data| connections.opened(socket, data))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals()
        .shutdown_signal(watched.stop.clone().cancelled_owned());
    for socket in listener.listen()? {
        server = match tls.clone() {
            Some(tls) => server.listen_rustls_0_23(socket, tls),
            None => server.listen(socket),
        }
        .map_err(ServeError::SetUp)?;
    }
    Ok(run(server.run(), watched))
}

/// actix closes idle HTTP/1.1 connections by itself, and would wait for idle HTTP/2 ones to the end of the drain time:
/// dropping the server closes those.
async fn run(server: Server, shared: web::Data<Shared>) -> io::Result<()> {
    tokio::select! {
        ended = server => ended,
        () = shared.drained() => Ok(()),
        () = shared.connections.relieve() => Ok(()),
    }
}

/// Handlers wait for the database; what they compute is on the process's runtime.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8))
}

fn authority(settings: &HttpSettings, role: &Role, listener: &Listener, metrics: &Metrics) -> Result<Auth, ServeError> {
    if matches!(role, Role::Probes) {
        return Ok(Auth::open());
    }
    let files = [
        ("POUNDCAKE_WEBHOOK_TOKENS_FILE", &settings.webhook_tokens_file),
        ("POUNDCAKE_OPERATOR_TOKENS_FILE", &settings.operator_tokens_file),
    ];
    let missing: Vec<&str> = files.iter().filter(|(_, file)| file.is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() && !listener.is_loopback() {
        return Err(ServeError::Exposed { listen: listener.asked().to_string(), missing: missing.join(" and ") });
    }
    Ok(Auth::read(settings.webhook_tokens_file.as_deref(), settings.operator_tokens_file.as_deref(), metrics)?)
}
