//! The library's server in the test's own process, from the store to the socket.

use crate::harness::{TestDatabase, client};
use chrono::TimeDelta;
use poundcake::{
    broker::{Publisher, in_process},
    config::{HttpSettings, ListenAddress},
    database::Database,
    dispatcher::Routes,
    history::History,
    http::{Listener, Parts, Role, ServeError, Shown, serve},
    ingest::{Ingest, Writer, WriterSettings},
    metrics::Metrics,
    model::{episode::EpisodePolicy, matcher::Matchers},
    relay::Announcer,
    st2_tables::{St2Tables, TablePrefix},
    tasks::Tasks,
};
use reqwest::Response;
use serde_json::Value;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The route that Alertmanager posts to.
pub const WEBHOOK: &str = "/api/v1/webhook";

/// A running server; stopped on drop.
pub struct App {
    pub database: TestDatabase,
    pub address: SocketAddr,
    pub metrics: Metrics,
    pub stop: CancellationToken,
    pub server: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    scheme: &'static str,
}

/// The defaults, on a free port.
pub fn settings() -> HttpSettings {
    let any_port = ListenAddress::from(SocketAddr::from(([127, 0, 0, 1], 0)));
    HttpSettings {
        listen: any_port.clone(),
        dispatcher_listen: any_port.clone(),
        tracker_listen: any_port,
        webhook_tokens_file: None,
        operator_tokens_file: None,
        tls_cert: None,
        tls_key: None,
        page: true,
        max_body_bytes: 32 << 20,
    }
}

/// A bound address.
pub fn listener(listen: &ListenAddress) -> Listener {
    Listener::bind("POUNDCAKE_LISTEN", listen, 1024).unwrap()
}

/// Everything that ingest is made of, but the server.
pub fn ingest(database: &TestDatabase, metrics: &Metrics) -> (Database, Ingest) {
    let store = database.store(4);
    let tasks = Tasks::new(CancellationToken::new(), metrics.clone());
    let publisher = Publisher::InProcess(in_process::pair().0);
    let (announcer, _task) = Announcer::start(store.clone(), publisher, metrics.clone(), &tasks);
    let policy = EpisodePolicy { refire_cooldown: Duration::from_mins(10), several_sources: false };
    let writer = WriterSettings { batch_rows: 500, batch_bytes: 4 << 20, queue: 1024, policy };
    let (writer, _thread) = Writer::start(&store, writer, move |due| announcer.announce(due), metrics.clone()).unwrap();
    let mute = Matchers::parse(r#"alertname=~"Watchdog|InfoInhibitor""#).unwrap();
    (store, Ingest::new(mute, writer, metrics.clone()))
}

/// Both sides of the history in one database.
pub fn history(store: &Database) -> History {
    History::new(store.clone(), St2Tables { store: store.clone(), prefix: TablePrefix::default() }, None)
}

/// With the limits of the routes file that the page shows, if there is one that can be read, and the default cooldown and age.
fn known_routes(history: History, shown: &Shown) -> History {
    match shown.routes.as_deref().map(|file| Routes::open(Some(file))) {
        Some(Ok(routes)) => history.with_routes(routes, TimeDelta::minutes(10), TimeDelta::hours(6)),
        _ => history,
    }
}

impl App {
    /// Open, as on loopback without tokens.
    pub fn on(database: TestDatabase) -> Self {
        Self::with(database, &settings()).unwrap()
    }

    /// With settings of the test's own.
    pub fn with(database: TestDatabase, settings: &HttpSettings) -> Result<Self, ServeError> {
        Self::showing(database, settings, Shown::default())
    }

    /// With settings that the operator page shows.
    pub fn showing(database: TestDatabase, settings: &HttpSettings, shown: Shown) -> Result<Self, ServeError> {
        let shown = Arc::new(shown);
        let metrics = Metrics::new().unwrap();
        let (store, ingest) = ingest(&database, &metrics);
        let history = known_routes(history(&store), &shown);
        let stop = CancellationToken::new();
        let listener = listener(&settings.listen);
        let address = listener.addresses()[0];
        let server = serve(
            settings,
            Role::Ingest { ingest: Box::new(ingest), history: Box::new(history), shown },
            listener,
            Parts { store, metrics: metrics.clone(), stop: stop.clone() },
        )?;
        let scheme = if settings.tls_cert.is_some() { "https" } else { "http" };
        Ok(Self { database, address, metrics, stop, server: Some(tokio::spawn(server)), scheme })
    }

    /// An address of the server.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Posts a webhook as Alertmanager does.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Response {
        let request = client().post(self.url(WEBHOOK)).header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    /// Posts what must be accepted, and gives the answer.
    pub async fn accept(&self, body: impl Into<reqwest::Body>) -> Value {
        let response = self.post(body).await;
        let (status, answer) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(status, 202, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Gets JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = client().get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// How many webhooks were answered with this status.
    pub fn webhooks(&self, status: &str) -> u64 {
        self.metrics.webhooks.with_label_values(&[status]).get()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Webhook tokens `am:webhook-token`, operator tokens `alice:operator-token` and `vera:viewer-token:viewer`.
pub fn with_tokens(directory: &tempfile::TempDir) -> HttpSettings {
    let file = |name: &str, text: &str| -> Option<PathBuf> {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    HttpSettings {
        webhook_tokens_file: file("webhook", "am:webhook-token\n"),
        operator_tokens_file: file("operator", "alice:operator-token\nvera:viewer-token:viewer\n"),
        ..settings()
    }
}

/// A problem's members, after its form was checked.
pub async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.status().as_u16(), status);
    let text = response.text().await.unwrap();
    assert!(text.len() < 600, "Alertmanager logs it: {text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status);
    problem
}
