//! The guards of a held alert's route, with their use now: which one holds it, and when that lets go.

use super::{
    super::problem::Problem,
    limits::{self, Limit},
    shown::Shown,
};
use crate::{
    history::History,
    model::status::{DispatchReason, DispatchStatus},
    store::read::AlertSummary,
};

/// The limits of the route, the one that holds the alert first.
pub(super) struct Guards {
    pub(super) route: String,
    /// For the address of the route.
    pub(super) anchor: String,
    pub(super) limits: Vec<Limit>,
    /// Places of all routes together.
    pub(super) all: Option<Limit>,
}

/// `None`: nothing holds the alert, or this process has no routes file with its route.
pub(super) async fn of(alert: &AlertSummary, history: &History, shown: &Shown) -> Result<Option<Guards>, Problem> {
    let (DispatchStatus::Held, Some(name)) = (alert.dispatch_status, alert.dispatch_route.as_deref()) else {
        return Ok(None);
    };
    let Some(Ok(routes)) = shown.routes().await else { return Ok(None) };
    let table = routes.table();
    let Some(route) = table.named(name) else { return Ok(None) };
    let held = history.held().await?;
    let used = history.routes(vec![(name.to_owned(), route.guards.clone())]).await?;
    let Some(now) = used.routes.first() else { return Ok(None) };
    let mut limits = limits::of_route(route, &held, now);
    let holds = alert.dispatch_reason.map(DispatchReason::as_str);
    limits.sort_by_key(|limit| Some(limit.name) != holds);
    Ok(Some(Guards {
        route: name.to_owned(),
        anchor: super::routes::form_value(name),
        limits,
        all: table.max_in_flight().map(|most| Limit::places(used.all_places, most)),
    }))
}
