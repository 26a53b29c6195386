//! The limits of a route and how far they are used now, line by line.

use super::{
    meter::Meter,
    words::{Moment, age},
};
use crate::{
    dispatcher::routing::{route::Route, table::RouteTable},
    model::{
        guards::{GuardPolicy, Mode, Release},
        status::DispatchReason,
    },
    store::read::{
        Guards, Held, RouteGuards,
        route_use::{RouteUse, WindowUse},
    },
};
use chrono::TimeDelta;

/// One limit.
pub(super) struct Limit {
    pub(super) name: &'static str,
    /// `2 of 5 places`
    pub(super) used: String,
    pub(super) meter: Option<Meter>,
    pub(super) is_full: bool,
    pub(super) more: String,
    /// When it lets go.
    pub(super) next: Option<Moment>,
}

impl Limit {
    fn new(name: &'static str, used: String) -> Self {
        Self { name, used, meter: None, is_full: false, more: String::new(), next: None }
    }

    fn measured(name: &'static str, used: u32, limit: u32, what: &str) -> Self {
        let meter = Some(Meter::new(used, limit));
        Self { meter, is_full: used >= limit, ..Self::new(name, format!("{used} of {limit} {what}")) }
    }

    /// `max_in_flight`.
    pub(super) fn places(used: u32, limit: u32) -> Self {
        Self::measured("in_flight", used, limit, "places")
    }

    fn window(window: &WindowUse) -> Self {
        let used = u32::try_from(window.used).unwrap_or(u32::MAX);
        let what = format!("in {}", length(window.rate.window));
        let limit = Self::measured("rate", used, window.rate.starts, &what);
        let more = if window.free_at.is_some() { "next start about".to_owned() } else { String::new() };
        Self { more, next: window.free_at.map(Moment::clock), ..limit }
    }

    /// What a guard holds that has no counter.
    fn holds(name: &'static str, setting: String, held: Option<&Held>) -> Self {
        let Some(held) = held else { return Self::new(name, setting) };
        let more = format!("holds {}; the first is looked at", held.rows);
        Self { is_full: true, more, next: Some(Moment::clock(held.next_at)), ..Self::new(name, setting) }
    }
}

/// The routes of the file, as far as guards count by them.
pub(super) fn of_table(table: &RouteTable) -> Vec<(String, GuardPolicy)> {
    table.routes().iter().map(|route| (route.name.clone(), route.guards.clone())).collect()
}

/// The routes that rows know, where there is no file.
pub(super) fn of_rows(guards: &Guards) -> Vec<(String, GuardPolicy)> {
    let names = guards.routes.iter().filter_map(|route| route.route.clone());
    names.map(|name| (name, GuardPolicy::default())).collect()
}

/// Of a route of the file.
pub(super) fn of_route(route: &Route, guards: &Guards, used: &RouteUse) -> Vec<Limit> {
    let policy = &route.guards;
    let held = |reason| held_by(guards, &route.name, reason);
    let mut limits = Vec::new();
    if policy.mode == Mode::Approve {
        limits.push(Limit::holds("approval", "each alert".to_owned(), held(DispatchReason::Approval)));
    }
    limits.extend(policy.max_in_flight.map(|most| Limit::places(used.places, most)));
    limits.extend(used.windows.iter().map(Limit::window));
    if let Some(per_target) = &policy.per_target {
        let rates: Vec<String> = per_target.rates.iter().map(ToString::to_string).collect();
        let label = per_target.label.as_deref().unwrap_or("instance");
        let setting = format!("{} by {label}", rates.join(", "));
        limits.push(Limit::holds("target_rate", setting, held(DispatchReason::TargetRate)));
    }
    if let (Some(brake), Some(targets)) = (&policy.brake, used.targets) {
        let targets = u32::try_from(targets).unwrap_or(u32::MAX);
        let release = if brake.release == Release::Auto { "auto" } else { "by_hand" };
        let more =
            format!("different targets that wait or were started within {}; release {release}", length(brake.within));
        let is_full = targets > brake.above;
        let used = if is_full {
            format!("over {} targets", brake.above)
        } else {
            format!("{targets} of {} targets", brake.above)
        };
        let meter = Some(Meter::new(targets, brake.above.saturating_add(1)));
        limits.push(Limit { meter, is_full, more, ..Limit::new("brake", used) });
    }
    let default = "as POUNDCAKE_REFIRE_COOLDOWN says".to_owned();
    if let Some(held) = held(DispatchReason::Cooldown) {
        limits.push(Limit::holds("cooldown", policy.cooldown.map_or(default, length), Some(held)));
    } else if let Some(cooldown) = policy.cooldown {
        limits.push(Limit::holds("cooldown", length(cooldown), None));
    }
    limits
}

/// What is held on a route of which only rows are known.
pub(super) fn of_held(name: &str, guards: &Guards) -> Vec<Limit> {
    let route = guards.routes.iter().find(|route| route.route.as_deref() == Some(name));
    let held = route.into_iter().flat_map(|route| &route.held);
    held.map(|held| Limit::holds(held.reason.map_or("held", DispatchReason::as_str), String::new(), Some(held)))
        .collect()
}

/// Whether a release would move something, or end a brake.
pub(super) fn can_be_released(route: &RouteGuards) -> bool {
    use DispatchReason::{Brake, Cooldown, InFlight, Rate};
    route.brake_since.is_some()
        || route.held.iter().any(|held| matches!(held.reason, Some(Brake | Cooldown | InFlight | Rate)))
}

fn held_by<'g>(guards: &'g Guards, name: &str, reason: DispatchReason) -> Option<&'g Held> {
    let route = guards.routes.iter().find(|route| route.route.as_deref() == Some(name))?;
    route.held.iter().find(|held| held.reason == Some(reason))
}

fn length(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    match seconds {
        3_600.. if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        3_600.. if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        _ => age(seconds),
    }
}
