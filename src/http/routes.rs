//! Every route, and who may call it. `gate` refuses every path that is not listed here.

use super::{
    access::{
        Access::{Operator, Public, Viewer, Webhook},
        RouteInfo,
    },
    alerts, executions, guards, openapi, orders, page, pauses, probes, processes, replays, requests, stats,
    table::{self, RouteEntry, get, route},
    webhook,
};
use actix_web::web;

/// The routes of `ingest` and `standalone`.
pub(super) static INGEST: &[RouteEntry] = &[
    route(Public, "GET", "/livez", || get().to(probes::livez)),
    route(Public, "GET", "/readyz", || get().to(probes::readyz)),
    route(Public, "GET", "/metrics", || get().to(probes::metrics)),
    route(Webhook, "POST", "/api/v1/webhook", || web::post().to(webhook::take)),
    // The same handler, never a redirect: Alertmanager follows a 301 with a GET and loses the alert.
    route(Webhook, "POST", "/api/v1/webhook/", || web::post().to(webhook::take)),
    route(Viewer, "GET", "/api/v1/requests", || get().to(requests::list)),
    route(Viewer, "GET", "/api/v1/requests/{request_id}", || get().to(requests::one)),
    route(Viewer, "GET", "/api/v1/alerts", || get().to(alerts::list)),
    route(Viewer, "GET", "/api/v1/alerts/{id}", || get().to(alerts::one)),
    route(Viewer, "GET", "/api/v1/executions", || get().to(executions::list)),
    route(Viewer, "GET", "/api/v1/executions/{st2_execution_id}", || get().to(executions::one)),
    route(Viewer, "GET", "/api/v1/stats", || get().to(stats::show)),
    route(Viewer, "GET", "/api/v1/openapi.json", || get().to(openapi::document)),
    route(Viewer, "GET", "/api/v1/orders", || get().to(orders::list)),
    route(Operator, "POST", "/api/v1/replays", || web::post().to(replays::replay)),
    route(Operator, "POST", "/api/v1/discards", || web::post().to(replays::discard)),
    route(Operator, "POST", "/api/v1/releases", || web::post().to(replays::release)),
    route(Operator, "POST", "/api/v1/approvals", || web::post().to(replays::approve)),
    route(Viewer, "GET", "/api/v1/guards", || get().to(guards::show)),
    route(Viewer, "GET", "/api/v1/processes", || get().to(processes::list)),
    route(Viewer, "GET", "/api/v1/pauses", || get().to(pauses::list)),
    route(Operator, "POST", "/api/v1/pauses", || web::post().to(pauses::begin)),
    route(Operator, "DELETE", "/api/v1/pauses/{id}", || web::delete().to(pauses::resume)),
];

/// The operator page, on `ingest` and `standalone` unless `POUNDCAKE_PAGE=off`.
pub(super) static PAGE: &[RouteEntry] = &[
    table::page(Viewer, "GET", "/", || get().to(page::now::show)),
    table::page(Viewer, "GET", "/alerts", || get().to(page::alerts::list)),
    table::page(Viewer, "GET", "/alerts/{id}", || get().to(page::alert::one)),
    table::page(Operator, "GET", "/order", || get().to(page::order::ask)),
    table::page(Operator, "POST", "/order", || web::post().to(page::order::give)),
    table::page(Operator, "GET", "/pause", || get().to(page::pause::ask)),
    table::page(Operator, "POST", "/pause", || web::post().to(page::pause::begin)),
    table::page(Operator, "GET", "/resume", || get().to(page::resume::ask)),
    table::page(Operator, "POST", "/resume", || web::post().to(page::resume::end)),
    table::page(Viewer, "GET", "/routes", || get().to(page::routes::show)),
    table::page(Viewer, "GET", "/approvals", || get().to(page::approvals::list)),
    table::page(Viewer, "GET", "/doctor", || get().to(page::doctor::show)),
    table::page(Viewer, "GET", "/audit", || get().to(page::audit::list)),
    table::page(Viewer, "GET", "/requests/{request_id}", || get().to(page::request::one)),
    table::page(Viewer, "GET", "/executions", || get().to(page::executions::list)),
    table::page(Viewer, "GET", "/executions/{st2_execution_id}", || get().to(page::execution::one)),
    table::page(Viewer, "GET", "/stats", || get().to(page::stats::show)),
    table::page(Public, "GET", "/login", || get().to(page::login::form)),
    table::page(Public, "POST", "/login", || web::post().to(page::login::sign_in)),
    table::page(Public, "POST", "/logout", || web::post().to(page::login::sign_out)),
    table::page(Public, "GET", "/page/style.css", || get().to(page::assets::style)),
    table::page(Public, "GET", "/page/page.js", || get().to(page::assets::script)),
    table::page(Public, "GET", "/page/icon.svg", || get().to(page::assets::icon)),
];

/// What a server with the page answers.
pub(super) static WITH_PAGE: &[&[RouteEntry]] = &[INGEST, PAGE];
/// What a server without it answers.
pub(super) static WITHOUT_PAGE: &[&[RouteEntry]] = &[INGEST];
/// What a server of probes answers.
pub(super) static PROBES_ALONE: &[&[RouteEntry]] = &[PROBES];

/// The routes of a process that serves nothing but its probes.
pub(super) static PROBES: &[RouteEntry] = &[
    route(Public, "GET", "/livez", || get().to(probes::livez)),
    route(Public, "GET", "/readyz", || get().to(probes::readyz)),
    route(Public, "GET", "/metrics", || get().to(probes::metrics)),
];

/// All routes, for documentation and for tests that walk them.
pub fn all_routes() -> impl Iterator<Item = &'static RouteInfo> {
    WITH_PAGE.iter().copied().flatten().map(|route| &route.info)
}
