//! Which alert triggers what: the routes file (`POUNDCAKE_ROUTES`).
//!
//! ```yaml
//! routes:
//!   - name: hosts                       # optional, shown in logs
//!     match: alertname="HostDown", severity=~"critical|page"
//!     action: remediation.host_down     # direct mode; or `webhook: name` (rule mode)
//!     parameters:                       # optional; added to the default ones
//!       host: ${labels.instance}
//!   - match: team="web"
//!     webhook: web_alert
//!     on_uncertain: post_again          # optional, webhooks only; default fail
//! ```
//!
//! `docs/routes.md` describes the guards of a route.
//!
//! The first route that matches wins; one without `match` takes every alert; an alert that none takes is
//! `skipped/no_route`. Without a file every alert goes to the StackStorm webhook `poundcake_alert`.

use super::{
    route::{OnUncertain, Route},
    yaml::{self, RoutesError},
};
use crate::{
    model::{
        guards::{GuardPolicy, Mode},
        matcher::Matchers,
        target::{Target, TargetError, WebhookName},
    },
    store::dispatch::admission::GuardedRoute,
};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// The webhook that takes every alert where there is no routes file.
pub const DEFAULT_WEBHOOK: &str = "poundcake_alert";

/// All routes, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouteTable {
    routes: Vec<Route>,
    max_in_flight: Option<u32>,
}

impl RouteTable {
    /// Reads a routes file.
    pub fn parse(text: &str) -> Result<Self, RoutesError> {
        yaml::parse(crate::bom::without(text)).map(|(routes, max_in_flight)| Self { routes, max_in_flight })
    }

    /// What holds without a file: everything to [`DEFAULT_WEBHOOK`].
    pub fn without_file() -> Result<Self, TargetError> {
        let route = Route {
            name: "default".to_owned(),
            matchers: Matchers::default(),
            target: Target::Webhook(WebhookName::parse(DEFAULT_WEBHOOK)?),
            parameters: BTreeMap::new(),
            on_uncertain: OnUncertain::default(),
            guards: GuardPolicy::default(),
            guarded: false,
        };
        Ok(Self { routes: vec![route], max_in_flight: None })
    }

    /// The first route that takes an alert with these labels.
    pub fn route(&self, labels: &BTreeMap<String, String>) -> Option<&Route> {
        self.routes.iter().find(|route| route.matchers.matches(labels))
    }

    /// The route of this name.
    pub fn named(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// How many dispatches of all routes together may be unfinished at once.
    pub fn max_in_flight(&self) -> Option<u32> {
        self.max_in_flight
    }

    /// Those whose alerts stand in a line before they are started, as the admission needs them. `cooldown`:
    /// `POUNDCAKE_REFIRE_COOLDOWN`.
    pub fn guarded(&self, cooldown: TimeDelta) -> Vec<GuardedRoute> {
        let starts = |mode| matches!(mode, Mode::Run | Mode::Approve);
        let routes = self.routes.iter().filter(|route| route.guarded && starts(route.guards.mode));
        let guarded = routes.map(|route| GuardedRoute {
            name: route.name.clone(),
            policy: route.guards.clone(),
            cooldown: route.cooldown(cooldown),
            target: route.target.clone(),
        });
        guarded.collect()
    }

    /// All of them, in order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

#[cfg(test)]
mod tests;
