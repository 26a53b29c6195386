//! Every route, and who may call it. `gate` refuses every path that is not listed here.

use super::{
    access::{
        Access::{Operator, Public, Webhook},
        RouteInfo,
    },
    alerts, executions, openapi, probes, replays, requests, stats,
    table::{Entry, entry, get},
    webhook,
};
use actix_web::web;

/// The routes of `ingest` and `standalone`.
pub(super) static INGEST: &[Entry] = &[
    entry(Public, "GET", "/livez", || get().to(probes::livez)),
    entry(Public, "GET", "/readyz", || get().to(probes::readyz)),
    entry(Public, "GET", "/metrics", || get().to(probes::metrics)),
    entry(Webhook, "POST", "/api/v1/webhook", || web::post().to(webhook::take)),
    // The same handler, never a redirect: Alertmanager follows a 301 with a GET and loses the alert.
    entry(Webhook, "POST", "/api/v1/webhook/", || web::post().to(webhook::take)),
    entry(Operator, "GET", "/api/v1/requests", || get().to(requests::list)),
    entry(Operator, "GET", "/api/v1/requests/{request_id}", || get().to(requests::one)),
    entry(Operator, "GET", "/api/v1/alerts", || get().to(alerts::list)),
    entry(Operator, "GET", "/api/v1/alerts/{id}", || get().to(alerts::one)),
    entry(Operator, "GET", "/api/v1/executions", || get().to(executions::list)),
    entry(Operator, "GET", "/api/v1/executions/{st2_execution_id}", || get().to(executions::one)),
    entry(Operator, "GET", "/api/v1/stats", || get().to(stats::show)),
    entry(Operator, "GET", "/api/v1/openapi.json", || get().to(openapi::document)),
    entry(Operator, "POST", "/api/v1/replays", || web::post().to(replays::replay)),
    entry(Operator, "POST", "/api/v1/discards", || web::post().to(replays::discard)),
];

/// The routes of a process that serves nothing but its probes.
pub(super) static PROBES: &[Entry] = &[
    entry(Public, "GET", "/livez", || get().to(probes::livez)),
    entry(Public, "GET", "/readyz", || get().to(probes::readyz)),
    entry(Public, "GET", "/metrics", || get().to(probes::metrics)),
];

/// All routes, for documentation and for tests that walk them.
pub fn all_routes() -> impl Iterator<Item = &'static RouteInfo> {
    INGEST.iter().map(|entry| &entry.info)
}
