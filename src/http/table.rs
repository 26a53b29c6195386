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
    RouteEntry { info: RouteInfo { access, method, path }, handler }
}

/// GET, and HEAD with it: the same answer without its body (RFC 9110). Load balancers and `curl -I` ask so.
pub(super) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Registers a table with actix, one resource per path.
pub(super) fn register(config: &mut web::ServiceConfig, table: &'static [RouteEntry]) {
    config.app_data(web::Data::new(Table(table)));
    let mut paths: Vec<&str> = table.iter().map(|route| route.info.path).collect();
    paths.dedup();
    for path in paths {
        let mut resource = web::resource(path);
        for route in table.iter().filter(|route| route.info.path == path) {
            resource = resource.route((route.handler)());
        }
        config.service(resource);
    }
}

/// The table that is in force.
pub(super) struct Table(&'static [RouteEntry]);

impl Table {
    /// Who may call this, by the pattern that actix matched; a problem where no route answers it.
    pub(super) fn access(&self, request: &HttpRequest) -> Result<Access, Problem> {
        let pattern = request.match_pattern().ok_or(Problem::NoSuchPath)?;
        let of_path: Vec<&RouteInfo> =
            self.0.iter().map(|route| &route.info).filter(|info| info.path == pattern).collect();
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
