//! Which guards an alert meets on its way, in the order in which they decide. What they hold depends on what was started
//! before: `poundcake guards` shows that.

use crate::{
    dispatcher::routing::route::Route,
    model::guards::{Brake, Mode, PerTarget, Release, rate::Rate},
};
use chrono::TimeDelta;
use std::{collections::BTreeMap, time::Duration};

/// What holds for routes that say nothing of their own.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    /// `POUNDCAKE_REFIRE_COOLDOWN`.
    pub(super) cooldown: Duration,
    /// Of all routes together.
    pub(super) max_in_flight: Option<u32>,
}

/// One line for each guard; nothing for a route whose alerts start at once.
pub(super) fn lines(
    route: &Route,
    labels: &BTreeMap<String, String>,
    fingerprint: &str,
    Defaults { cooldown, max_in_flight }: Defaults,
) -> Vec<String> {
    let guards = &route.guards;
    if guards.mode == Mode::Off {
        return vec!["mode off: skipped/route_off, nothing is sent".to_owned()];
    }
    let mut lines = Vec::new();
    let cooldown = route.cooldown(TimeDelta::from_std(cooldown).unwrap_or(TimeDelta::MAX));
    if cooldown > TimeDelta::zero() {
        lines.push(format!("held/cooldown if this alert was started within the last {}", time(cooldown)));
    }
    match guards.mode {
        Mode::Shadow => {
            lines.push("mode shadow: skipped/shadow, with what would be sent in dispatch_log".to_owned());
            return lines;
        }
        Mode::Approve => {
            let timeout = time(guards.approval_timeout());
            lines.push(format!("held/approval until a person approves it; after {timeout} skipped/not_approved"));
        }
        Mode::Run | Mode::Off => {}
    }
    let target = guards.target(labels, fingerprint);
    lines.extend(guards.per_target.as_ref().map(|per_target| of_target(per_target, &target)));
    lines.extend(guards.brake.as_ref().map(brake));
    lines.extend(guards.max_in_flight.map(|limit| format!("held/in_flight while {limit} of the route are unfinished")));
    if let Some(limit) = max_in_flight {
        lines.push(format!("held/in_flight while {limit} of all routes together are unfinished"));
    }
    if !guards.rates.is_empty() {
        lines.push(format!("held/rate while a window is full: {}", rates(&guards.rates)));
    }
    lines
}

fn of_target(per_target: &PerTarget, target: &str) -> String {
    format!("held/target_rate while {target:?} was started too often: {}", rates(&per_target.rates))
}

fn brake(brake: &Brake) -> String {
    let end = match brake.release {
        Release::Auto => "until fewer do",
        Release::ByHand => "until a person releases the route",
    };
    let within = time(brake.within);
    format!("held/brake while more than {} targets wait or were started within {within}, {end}", brake.above)
}

fn rates(rates: &[Rate]) -> String {
    rates.iter().map(Rate::to_string).collect::<Vec<_>>().join(", ")
}

fn time(time: TimeDelta) -> String {
    humantime::format_duration(time.to_std().unwrap_or_default()).to_string()
}
