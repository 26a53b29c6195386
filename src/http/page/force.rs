//! What holds alerts on purpose: pauses, and brakes that are on.

use super::{
    routes::form_value,
    words::{Moment, State, count},
};
use crate::{
    history::History,
    model::{
        guards::Release,
        pause::{Pause, Scope},
        status::DispatchReason,
    },
    store::read::{Guards, RouteGuards},
};

/// One of them.
pub(super) struct Force {
    pub(super) state: State,
    pub(super) what: String,
    /// By whom.
    pub(super) by: String,
    pub(super) since: Option<Moment>,
    /// Why, or what it does.
    pub(super) reason: String,
    pub(super) until: Option<Moment>,
    /// Where it has no end.
    pub(super) open_end: &'static str,
    /// What ends it.
    pub(super) button: &'static str,
    pub(super) href: String,
}

/// Those in force, brakes first: they hold more.
pub(super) fn of(guards: &Guards, history: &History) -> Vec<Force> {
    let brakes = guards.routes.iter().filter_map(|route| brake(route, history));
    brakes.chain(guards.pauses.iter().map(pause)).collect()
}

fn pause(pause: &Pause) -> Force {
    let what = match &pause.scope {
        Scope::Everything => "Everything".to_owned(),
        Scope::Route(name) => format!("Route {name}"),
        Scope::Matchers(matchers) => format!("Alerts with {matchers}"),
        Scope::Unreadable(why) => format!("Everything: its row cannot be read ({why})"),
    };
    Force {
        state: State::new("hold", "pause"),
        what,
        by: pause.operator.clone(),
        since: Some(Moment::clock(pause.since)),
        reason: pause.reason.clone(),
        until: pause.until.map(Moment::clock),
        open_end: "until it is resumed",
        button: "Resume…",
        href: format!("/resume?id={}", pause.id),
    }
}

fn brake(route: &RouteGuards, history: &History) -> Option<Force> {
    let name = route.route.as_ref()?;
    let held = route.held.iter().find(|held| held.reason == Some(DispatchReason::Brake));
    if held.is_none() && route.brake_since.is_none() {
        return None;
    }
    let open_end = match history.release_of(name) {
        Some(Release::Auto) => "until enough of them resolve, or a person releases the route",
        Some(Release::ByHand) => "until a person releases the route",
        None => "until it lets go as its routes file says, or a person releases the route",
    };
    Some(Force {
        state: State::new("hold", "brake"),
        what: format!("Route {name}: too many targets at once"),
        by: String::new(),
        since: held.and_then(|held| held.oldest_since).map(Moment::clock),
        reason: format!("holds {}", count(held.map_or(0, |held| held.rows), "alert")),
        until: None,
        open_end,
        button: "Release…",
        href: format!("/order?order=release&which=filter&route={}&back=%2F", form_value(name)),
    })
}
