//! `/livez`, `/readyz` and `/metrics`: for orchestrators and Prometheus, without a token, on every listener.

use super::{context::Shared, probe_cache::Cached, problem::Problem};
use crate::{
    database::{Database, DatabaseError},
    ingest::Ingest,
    logging,
    metrics::GuardMetrics,
    store::{
        operate::probe::{self, Refusal},
        read::{
            depth::{self, Depth},
            guard_depth::{self, GuardDepth},
        },
    },
};
use actix_web::{HttpResponse, http::header, web};
use std::time::{Duration, Instant};

/// How long the database may be silent to a probe until its connection is given up.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);

/// What the probes keep between calls.
pub(super) struct Probes {
    started: Instant,
    /// With a connection of its own: a write that hangs takes none from webhooks, and only one hangs at a time.
    store: Database,
    readiness: Cached<()>,
    depths: Cached<(Vec<Depth>, GuardDepth)>,
}

impl Probes {
    pub(super) fn new(started: Instant, store: &Database) -> Self {
        let patience = Duration::from_secs(2);
        Self {
            started,
            store: store.with_patience(1, DATABASE_PATIENCE),
            readiness: Cached::new(Duration::from_secs(1), patience),
            depths: Cached::new(Duration::from_secs(5), patience),
        }
    }
}

/// The process answers.
pub(super) async fn livez(probes: web::Data<Probes>) -> HttpResponse {
    let uptime = probes.started.elapsed().as_secs();
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok", "uptime_seconds": uptime }))
}

/// Whether a webhook could be stored now: the database, nothing else. Where webhooks are taken, by trying to store one; elsewhere
/// by asking for the time. The whole error goes to the log: the caller has no token.
pub(super) async fn readyz(
    shared: web::Data<Shared>,
    probes: web::Data<Probes>,
    ingest: Option<web::Data<Ingest>>,
) -> Result<HttpResponse, Problem> {
    if shared.stop.is_cancelled() {
        return Err(Problem::Unavailable("shutting down"));
    }
    if ingest.as_ref().is_some_and(|ingest| ingest.is_stuck()) {
        return Err(Problem::Unavailable("the database does not answer the writer"));
    }
    if let Some(refusal) = ingest.as_ref().and_then(|ingest| ingest.refused()) {
        return Err(Problem::NotReady(refusal.to_string()));
    }
    let look = look(probes.store.clone(), ingest.is_some());
    match probes.readiness.get(&shared.runtime, look).await {
        Ok(()) => Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "ready" }))),
        Err(reason) => Err(Problem::NotReady(reason)),
    }
}

async fn look(store: Database, stores_webhooks: bool) -> Result<(), Refusal> {
    let looked = if stores_webhooks { store.run(probe::ingest).await } else { store.ping().await };
    looked.map_err(|error: DatabaseError| {
        let refusal = Refusal::of(&error);
        log::warn!(event = "not_ready", reason:% = refusal; "not ready: {}", logging::chain(&error));
        refusal
    })
}

/// What is counted here, and how deep the rows stand; without the latter while the database is away.
pub(super) async fn metrics(shared: web::Data<Shared>, probes: web::Data<Probes>) -> Result<HttpResponse, Problem> {
    let store = shared.store.clone();
    let read =
        async move { store.run(|conn| Ok::<_, DatabaseError>((depth::read(conn)?, guard_depth::read(conn)?))).await };
    match probes.depths.get(&shared.runtime, read).await {
        Ok((depths, guards)) => {
            show(&shared, &depths);
            show_guards(&shared.metrics.guards, &guards);
        }
        Err(reason) => {
            // Old figures would look like a queue that stands still.
            shared.metrics.rows.reset();
            shared.metrics.oldest.reset();
            shared.metrics.guards.forget();
            log::debug!(event = "depths_unavailable"; "this scrape has no queue depths: {reason}");
        }
    }
    shared.metrics.lost_threads.set(i64::try_from(shared.store.lost_threads()).unwrap_or(i64::MAX));
    let text = shared.metrics.render().map_err(|error| Problem::Internal(error.into()))?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(text))
}

fn show(shared: &Shared, depths: &[Depth]) {
    for depth in depths {
        let status = depth.status.as_str();
        shared.metrics.rows.with_label_values(&[status]).set(depth.rows);
        shared.metrics.oldest.with_label_values(&[status]).set(depth.oldest_seconds);
    }
}

fn show_guards(metrics: &GuardMetrics, depth: &GuardDepth) {
    metrics.forget();
    for held in &depth.held {
        metrics.set_held(held.route(), held.reason(), held.n, depth.seconds_since(held.oldest));
    }
    for places in &depth.places {
        metrics.places.with_label_values(&[&places.route]).set(places.n);
    }
    metrics.pauses.set(i64::try_from(depth.pauses.len()).unwrap_or(i64::MAX));
    metrics.oldest_pause.set(depth.oldest_pause_seconds());
}
