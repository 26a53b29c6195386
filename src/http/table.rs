//! The table of routes: its entries, their registration with actix, and the lookup for `gate`.

use super::{
    access::{Access, RouteInfo},
    problem::Problem,
};
use actix_web::{HttpRequest, Route, guard, http::Method, web};

/// One route.
pub(super) struct RouteEntry {
    pub(super) info: RouteInfo,
    handler: fn() -> Route,
}

/// For a table that is a constant.
pub(super) const fn route(
    access: Access,
    method: &'static str,
    path: &'static str,
    handler: fn() -> Route,
) -> RouteEntry {
    RouteEntry { info: RouteInfo { access, method, path, page: false }, handler }
}

/// The same for a route of the operator page.
pub(super) const fn page(
    access: Access,
    method: &'static str,
    path: &'static str,
    handler: fn() -> Route,
) -> RouteEntry {
    RouteEntry { info: RouteInfo { access, method, path, page: true }, handler }
}

/// GET, and HEAD with it: the same answer without its body (RFC 9110). Load balancers and `curl -I` ask so.
pub(super) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Registers tables with actix, one resource per path.
pub(super) fn register(config: &mut web::ServiceConfig, tables: &'static [&'static [RouteEntry]]) {
    config.app_data(web::Data::new(Table(tables)));
    let table = || tables.iter().copied().flatten();
    let mut paths: Vec<&str> = table().map(|route| route.info.path).collect();
    paths.dedup();
    for path in paths {
        let mut resource = web::resource(path);
        for route in table().filter(|route| route.info.path == path) {
            resource = resource.route((route.handler)());
        }
        config.service(resource);
    }
}

/// The tables that are in force.
pub(super) struct Table(&'static [&'static [RouteEntry]]);

impl Table {
    /// The route that answers this, by the pattern that actix matched; a problem where none does.
    pub(super) fn route(&self, request: &HttpRequest) -> Result<&'static RouteInfo, Problem> {
        let pattern = request.match_pattern().ok_or(Problem::NoSuchPath)?;
        let routes = self.0.iter().copied().flatten().map(|route| &route.info);
        let of_path: Vec<&'static RouteInfo> = routes.filter(|info| info.path == pattern).collect();
        let method = match request.method() {
            &Method::HEAD => Method::GET.as_str(),
            other => other.as_str(),
        };
        match of_path.iter().find(|info| info.method == method) {
            Some(info) => Ok(*info),
            None if of_path.is_empty() => Err(Problem::NoSuchPath),
            None => Err(Problem::WrongMethod {
                allow: of_path.iter().map(|info| info.allowed()).collect::<Vec<_>>().join(", "),
            }),
        }
    }
}
