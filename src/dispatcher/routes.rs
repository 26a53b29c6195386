//! Which alert triggers what: the routes file (`POUNDCAKE_ROUTES`).
//!
//! ```yaml
//! routes:
//!   - name: hosts                       # optional, shown in logs
//!     match: alertname="HostDown", severity=~"critical|page"
//!     action: remediation.host_down     # direct mode; or `webhook: name` (rule mode)
//!     parameters:                       # optional; added to the default ones
//!       host: ${labels.instance}
//! ```
//!
//! The first route that matches wins; one without `match` takes every alert; an alert that none takes is
//! `skipped/no_route`. Without a file every alert goes to the StackStorm webhook `poundcake_alert`.

mod file;
mod watch;

pub use file::RoutesError;
pub use watch::{Refresh, RoutesFile};

use super::template::Template;
use crate::model::{
    matcher::Matchers,
    target::{Target, TargetError, WebhookName},
};
use std::collections::BTreeMap;

/// The webhook that takes every alert where there is no routes file.
pub const DEFAULT_WEBHOOK: &str = "poundcake_alert";

/// One way to StackStorm.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// As given, or `route N`, counted from 1.
    pub name: String,
    /// Which alerts it takes.
    pub matchers: Matchers,
    /// Where they go.
    pub target: Target,
    /// By name; they override the default ones.
    pub parameters: BTreeMap<String, Template>,
}

/// All routes, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouteTable {
    routes: Vec<Route>,
}

impl RouteTable {
    /// Reads a routes file.
    pub fn parse(yaml: &str) -> Result<Self, RoutesError> {
        file::parse(yaml).map(|routes| Self { routes })
    }

    /// What holds without a file: everything to [`DEFAULT_WEBHOOK`].
    pub fn without_file() -> Result<Self, TargetError> {
        let route = Route {
            name: "default".to_owned(),
            matchers: Matchers::default(),
            target: Target::Webhook(WebhookName::parse(DEFAULT_WEBHOOK)?),
            parameters: BTreeMap::new(),
        };
        Ok(Self { routes: vec![route] })
    }

    /// The first route that takes an alert with these labels.
    pub fn route(&self, labels: &BTreeMap<String, String>) -> Option<&Route> {
        self.routes.iter().find(|route| route.matchers.matches(labels))
    }

    /// All of them, in order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

#[cfg(test)]
mod tests;
