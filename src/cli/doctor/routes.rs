//! Checks the routes file itself: routes without a limit, placeholders that may be empty, and alerts that wait without a resolve.

use super::finding::Finding;
use crate::{
    config::Settings,
    database::Database,
    dispatcher::{
        Routes,
        parameters::may_be_empty,
        routing::{route::Route, table::RouteTable},
    },
    logging,
    model::{guards::Mode, target::Target},
    store::read::backlog,
};
use std::sync::Arc;

const AREA: &str = "routes";

/// Of an invalid file `stackstorm` tells.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let Some(table) = table(settings) else { return Vec::new() };
    table.routes().iter().filter_map(of_placeholders).chain(unlimited(&table)).collect()
}

fn table(settings: &Settings) -> Option<Arc<RouteTable>> {
    Some(Routes::open(Some(settings.dispatch.routes.as_deref()?)).ok()?.table())
}

fn of_placeholders(route: &Route) -> Option<Finding> {
    let found = may_be_empty(route);
    let shown = |(name, placeholder): &(&str, _)| format!("{name} ({placeholder})");
    let names = found.iter().map(shown).collect::<Vec<_>>().join(", ");
    let advice = "an alert for which one of them is empty is failed/rejected: add the label to the route's match, such as cluster!=\"\", or \
                  write a question mark, such as ${labels.cluster?}, if an empty value is right";
    let text = format!("placeholders that may be empty in parameters: {names}");
    (!found.is_empty()).then(|| Finding::note(AREA, format!("route {}", route.name), text).advice(advice))
}

/// A storm starts everything that such a route takes at once.
fn unlimited(table: &RouteTable) -> Option<Finding> {
    if table.max_in_flight().is_some() {
        return None;
    }
    let limited = |route: &Route| route.guards.max_in_flight.is_some() || !route.guards.rates.is_empty();
    let starts = |route: &Route| matches!(route.guards.mode, Mode::Run) && matches!(route.target, Target::Action(_));
    let all = table.routes().iter().filter(|route| starts(route) && !limited(route));
    let names: Vec<&str> = all.map(|route| route.name.as_str()).collect();
    let advice = "give them guards: {max_in_flight: …} or guards: {rate: […]}, or guards: {max_in_flight: …} at the top of the file for all \
                  routes together; docs/routes.md describes them";
    let found = format!("routes that start an action without a limit: {}", names.join(", "));
    (!names.is_empty()).then(|| Finding::note(AREA, "limits", found).advice(advice))
}

/// An alert that waits should be skipped when it is over: that needs its resolve.
pub(super) async fn resolves(store: &Database) -> Option<Finding> {
    match store.run(backlog::held_without_resolves).await {
        Ok(0) => None,
        Ok(held) => {
            let found = format!("{held} alerts wait behind guards, and no alert was resolved in the last 24 h");
            let advice = "set send_resolved: true for the receiver in alertmanager.yml: without it PoundCake starts what is over already";
            Some(Finding::note(AREA, "resolves", found).advice(advice))
        }
        Err(error) => Some(Finding::unknown(AREA, "resolves", logging::chain(&error))),
    }
}
