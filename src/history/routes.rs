//! How far the limits of routes are used now.

use super::{History, HistoryError};
use crate::{
    model::guards::{GuardPolicy, Release},
    store::read::{
        self, Guards,
        route_use::{self, RouteUse},
    },
};

/// The use of the limits of all routes.
#[derive(Debug, Clone, Default)]
pub struct RoutesUse {
    /// In the order in which they were asked for.
    pub routes: Vec<RouteUse>,
    /// Places of all guarded routes together.
    pub all_places: u32,
    /// Failed alerts of the last 24 hours, by route.
    pub failed: Vec<(Option<String>, i64)>,
}

impl History {
    /// What guards hold and count, route by route, without what the routes file allows.
    pub async fn held(&self) -> Result<Guards, HistoryError> {
        Ok(self.ours(read::guards).await?)
    }

    /// What ends the brake of this route; `None` where the routes file of this process does not say.
    pub fn release_of(&self, route: &str) -> Option<Release> {
        let table = self.routes.as_ref()?.routes.table();
        let route = table.routes().iter().find(|known| known.name == route)?;
        route.guards.brake.as_ref().map(|brake| brake.release)
    }

    /// The use of the limits of these routes.
    pub async fn routes(&self, policies: Vec<(String, GuardPolicy)>) -> Result<RoutesUse, HistoryError> {
        let counted = self.ours(move |conn| {
            let each = policies.iter().map(|(name, policy)| route_use::route_use(conn, name, policy));
            let routes = each.collect::<Result<_, _>>()?;
            Ok(RoutesUse {
                routes,
                all_places: route_use::all_places(conn)?,
                failed: route_use::failed_by_route(conn)?,
            })
        });
        Ok(counted.await?)
    }
}
