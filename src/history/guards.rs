//! What guards hold and count at this moment, next to what the routes file allows.

mod limits;

pub use limits::{BrakeUse, Limits, PerTargetLimit, WindowUse};

use super::{History, HistoryError};
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    dispatcher::routing::table::RouteTable,
    model::pause::Pause,
    store::{
        dispatch::admission::{self, Request, Sight},
        read::{self, RouteGuards},
    },
};
use chrono::TimeDelta;
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// The guards of all routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guards {
    /// The places of all routes together, if the routes file limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Places>,
    /// The routes of the routes file, in its order; then others that hold or count something, by name.
    pub routes: Vec<RouteShown>,
    /// In force, oldest first.
    pub pauses: Vec<Pause>,
}

/// Places and their limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Places {
    /// So many dispatches may be unfinished at once.
    pub max_in_flight: u32,
    /// So many are.
    pub places: u32,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteShown {
    /// What its guards hold and count.
    #[serde(flatten)]
    pub now: RouteGuards,
    /// What the routes file says; absent where this process has none, or it has no such route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

impl History {
    /// Route by route, and the pauses in force.
    pub async fn guards(&self) -> Result<Guards, HistoryError> {
        let table = self.routes.as_ref().map(|routes| (routes.routes.table(), routes.cooldown));
        Ok(self.ours(move |conn| guards(conn, table)).await?)
    }
}

fn guards(conn: &mut AnyConnection, table: Option<(Arc<RouteTable>, TimeDelta)>) -> Result<Guards, DatabaseError> {
    let read::Guards { routes, pauses } = read::guards(conn)?;
    let shown = |now| RouteShown { now, limits: None };
    let mut others: Vec<RouteShown> = routes.into_iter().map(shown).collect();
    let Some((table, cooldown)) = table else { return Ok(Guards { all: None, routes: others, pauses }) };
    let guarded = table.guarded(cooldown);
    let request = Request {
        routes: &guarded,
        max_in_flight: table.max_in_flight(),
        pauses: &pauses,
        slots: 0,
        token: "",
        lease: Duration::ZERO,
    };
    let Sight { now, routes: seen, all_places } = admission::look(conn, &request)?;
    let mut routes = Vec::new();
    for route in table.routes() {
        let index = others.iter().position(|other| other.now.route.as_deref() == Some(&route.name));
        let nothing = || shown(RouteGuards { route: Some(route.name.clone()), ..RouteGuards::default() });
        let mut route_shown = index.map_or_else(nothing, |index| others.remove(index));
        let seen = guarded.iter().position(|guarded| guarded.name == route.name).and_then(|index| seen.get(index));
        route_shown.limits = Some(Limits::of(route, cooldown, seen, now));
        routes.push(route_shown);
    }
    routes.extend(others);
    let all = all_places.map(|(max_in_flight, places)| Places { max_in_flight, places });
    Ok(Guards { all, routes, pauses })
}
