//! The routes file's YAML, and what can be wrong with it.

use super::{
    guards_yaml::{AllGuards, GuardKeys},
    route::{OnUncertain, Route},
};
use crate::{
    dispatcher::template::{Template, TemplateError},
    model::{
        guards::Mode,
        matcher::Matchers,
        target::{ActionRef, Target, TargetError, WebhookName},
    },
};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// Why a routes file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    /// It cannot be read.
    #[error("routes file {path}: {problem}")]
    Unreadable {
        /// Its path.
        path: String,
        /// The system's words.
        problem: String,
    },
    /// Not YAML, or not of our form; unknown keys and bad matchers too.
    #[error("routes file: {0}")]
    Form(String),
    /// One route is wrong.
    #[error("routes file, line {line}, {route}: {problem}")]
    Route {
        /// Where the route begins.
        line: u64,
        /// Its name or number.
        route: String,
        /// What is wrong.
        problem: RouteProblem,
    },
}

/// What is wrong with one route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteProblem {
    /// It leads nowhere.
    #[error("give it an action: pack.name or a webhook: name")]
    NoTarget,
    /// It leads to two places.
    #[error("give it an action or a webhook, not both")]
    TwoTargets,
    /// Where it leads is no name of StackStorm's.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// `on_uncertain` says nothing of an action.
    #[error("on_uncertain is for webhook routes; an action is looked up, and called again only when it did not run")]
    OnUncertain,
    /// A guard has nothing to be counted by.
    #[error("give a guarded route a name (up to 64 characters): it is what its alerts are counted by")]
    NoName,
    /// Two routes have this name, and one of them is guarded.
    #[error("another route has this name, and the alerts of guarded routes are counted by name; choose another one")]
    SameName,
    /// A guard's value cannot be used.
    #[error("guards: {0}")]
    Guard(&'static str),
    /// A parameter's value cannot be read.
    #[error("parameter {name}: {problem}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What is wrong with it.
        problem: TemplateError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    guards: AllGuards,
    routes: Vec<Spanned<RouteText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteText {
    name: Option<String>,
    #[serde(default, rename = "match")]
    matchers: Matchers,
    action: Option<String>,
    webhook: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    on_uncertain: Option<OnUncertain>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    guards: GuardKeys,
}

/// Characters of `dispatch_route`.
const NAME: usize = 64;

/// The routes, and `max_in_flight` of all of them together.
pub(super) fn parse(yaml: &str) -> Result<(Vec<Route>, Option<u32>), RoutesError> {
    let file: File = serde_saphyr::from_str(yaml).map_err(|error| form(&error))?;
    let all = file.guards.max_in_flight().map_err(|problem| RoutesError::Form(format!("guards: {problem}")))?;
    let names: Vec<Option<String>> = file.routes.iter().map(|entry| entry.value.name.clone()).collect();
    let route = |(index, entry): (usize, Spanned<RouteText>)| {
        let line = entry.referenced.line();
        let name = entry.value.name.clone().unwrap_or_else(|| format!("route {}", index + 1));
        read(entry.value, &name, all)
            .and_then(|route| named(&names, index, route))
            .map_err(|problem| RoutesError::Route { line, route: name, problem })
    };
    let routes = file.routes.into_iter().enumerate().map(route).collect::<Result<_, _>>()?;
    Ok((routes, all))
}

/// Guarded routes need a name of their own; counts of two routes would be one.
fn named(names: &[Option<String>], index: usize, route: Route) -> Result<Route, RouteProblem> {
    if !route.guarded && !route.shows() {
        return Ok(route);
    }
    let own = names.get(index).and_then(Option::as_deref);
    let name = own.filter(|name| (1..=NAME).contains(&name.chars().count())).ok_or(RouteProblem::NoName)?;
    if names.iter().flatten().filter(|other| *other == name).count() > 1 {
        return Err(RouteProblem::SameName);
    }
    Ok(route)
}

fn form(error: &serde_saphyr::Error) -> RoutesError {
    let plain = error.without_snippet();
    RoutesError::Form(plain.to_string())
}

fn read(entry: RouteText, name: &str, all: Option<u32>) -> Result<Route, RouteProblem> {
    let target = match (entry.action, entry.webhook) {
        (Some(action), None) => Target::Action(ActionRef::parse(&action)?),
        (None, Some(webhook)) => Target::Webhook(WebhookName::parse(&webhook)?),
        (None, None) => return Err(RouteProblem::NoTarget),
        (Some(_), Some(_)) => return Err(RouteProblem::TwoTargets),
    };
    if let (Target::Action(_), Some(_)) = (&target, entry.on_uncertain) {
        return Err(RouteProblem::OnUncertain);
    }
    let guards = entry.guards.policy(entry.priority, entry.mode).map_err(RouteProblem::Guard)?;
    let parameters = entry.parameters.into_iter().map(|(name, value)| match Template::parse(value) {
        Ok(template) => Ok((name, template)),
        Err(problem) => Err(RouteProblem::Parameter { name, problem }),
    });
    Ok(Route {
        name: name.to_owned(),
        matchers: entry.matchers,
        target,
        parameters: parameters.collect::<Result<_, _>>()?,
        on_uncertain: entry.on_uncertain.unwrap_or_default(),
        guarded: guards.is_guarded(all),
        guards,
    })
}
