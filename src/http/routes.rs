//! Every route, and who may call it. What is not listed here is not answered: `gate` looks each request up.

use super::{alerts, executions, openapi, probes, problem::Problem, replays, requests, stats, webhook};
use actix_web::{HttpRequest, Route, guard, http::Method, web};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody: no secrets and no alert text in it.
    Public,
    /// Senders of webhooks.
    Webhook,
    /// People and programs that read, replay and discard.
    Operator,
}

/// One route.
pub(super) struct Entry {
    pub(super) info: RouteInfo,
    handler: fn() -> Route,
}

/// GET, and HEAD with it: the same answer without its body (RFC 9110). Load balancers and `curl -I` ask so.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// What of a route is known to everybody.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// Who may call it.
    pub access: Access,
    /// HTTP method.
    pub method: &'static str,
    /// Path, with `{parameters}`.
    pub path: &'static str,
}

impl RouteInfo {
    /// For the header `Allow`.
    fn allowed(&self) -> &'static str {
        if self.method == "GET" { "GET, HEAD" } else { self.method }
    }
}

const fn entry(access: Access, method: &'static str, path: &'static str, handler: fn() -> Route) -> Entry {
    Entry { info: RouteInfo { access, method, path }, handler }
}

use Access::{Operator, Public, Webhook};

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
pub fn table() -> impl Iterator<Item = &'static RouteInfo> {
    INGEST.iter().map(|entry| &entry.info)
}

/// Registers a table with actix, one resource per path.
pub(super) fn register(config: &mut web::ServiceConfig, table: &'static [Entry]) {
    config.app_data(web::Data::new(Table(table)));
    let mut paths: Vec<&str> = table.iter().map(|entry| entry.info.path).collect();
    paths.dedup();
    for path in paths {
        let mut resource = web::resource(path);
        for entry in table.iter().filter(|entry| entry.info.path == path) {
            resource = resource.route((entry.handler)());
        }
        config.service(resource);
    }
}

/// The table that is in force.
pub(super) struct Table(&'static [Entry]);

impl Table {
    /// Who may call this, by the pattern that actix matched; a problem where the answer is nobody.
    pub(super) fn access(&self, request: &HttpRequest) -> Result<Access, Problem> {
        let pattern = request.match_pattern().ok_or(Problem::NoSuchPath)?;
        let of_path: Vec<&RouteInfo> =
            self.0.iter().map(|entry| &entry.info).filter(|info| info.path == pattern).collect();
        let method = match request.method() {
            &Method::HEAD => Method::GET.as_str(),
            other => other.as_str(),
        };
        match of_path.iter().find(|info| info.method == method) {
            Some(info) => Ok(info.access),
            None if of_path.is_empty() => Err(Problem::NoSuchPath),
            None => Err(Problem::WrongMethod {
                allow: of_path.iter().map(|info| info.allowed()).collect::<Vec<_>>().join(", "),
            }),
        }
    }
}
