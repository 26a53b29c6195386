//! What the routes file says of one route, and how much of it is in use.

use crate::{
    database::json::optional_time,
    dispatcher::routing::route::Route,
    model::{
        guards::{Brake, Mode, Release, rate::Rate},
        status::DispatchReason,
    },
    store::dispatch::admission::Seen,
};
use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;

/// The guards of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// What happens to its alerts.
    pub mode: Mode,
    /// Routes with a higher one are admitted first.
    pub priority: i32,
    /// The cooldown in force.
    pub cooldown_seconds: i64,
    /// How many of its dispatches may be unfinished at once.
    pub max_in_flight: Option<u32>,
    /// Its windows.
    pub rate: Vec<WindowUse>,
    /// How often one target may be started.
    pub per_target: Option<PerTargetLimit>,
    /// Its brake.
    pub brake: Option<BrakeUse>,
    /// What would hold the next alert of its line, if that has no reason of its own: `paused`, `brake`, `in_flight` or `rate`;
    /// `null`: it would be started.
    pub holds: Option<DispatchReason>,
    /// The places of all routes together are taken (`holds` is `in_flight`).
    pub held_by_all: bool,
    /// When the window that holds the line allows the next start. A place or a brake has no such time.
    #[serde(serialize_with = "optional_time")]
    pub next_start_at: Option<NaiveDateTime>,
}

/// One window and its use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowUse {
    /// As in the routes file: `20/h`.
    pub rate: String,
    /// So many starts it allows.
    pub starts: u32,
    /// So many it holds now.
    pub used: usize,
}

/// `per_target`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PerTargetLimit {
    /// The label whose value is the target.
    pub label: String,
    /// As in the routes file.
    pub rate: Vec<String>,
}

/// `brake` and what it counts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrakeUse {
    /// So many different targets are not too many.
    pub above: u32,
    /// Started targets count for so long.
    pub within_seconds: i64,
    /// What ends it.
    pub release: Release,
    /// Different targets that count now. Exact up to `above`; a higher number means more than `above`.
    pub targets: usize,
    /// It is on.
    pub on: bool,
}

impl Limits {
    /// `seen`: what an admission sees; a route that is not guarded has no line. `cooldown`: `POUNDCAKE_REFIRE_COOLDOWN`.
    pub(super) fn of(route: &Route, cooldown: TimeDelta, seen: Option<&Seen>, now: NaiveDateTime) -> Self {
        let guards = &route.guards;
        let starts = seen.map_or(&[][..], |seen| &seen.counts.starts);
        let window = |rate: &Rate| WindowUse {
            rate: rate.to_string(),
            starts: rate.starts,
            used: rate.in_use(starts, now).min(usize::try_from(rate.starts).unwrap_or(usize::MAX)),
        };
        let brake = |brake: &Brake| BrakeUse {
            above: brake.above,
            within_seconds: brake.within.num_seconds(),
            release: brake.release,
            targets: seen.map_or(0, |seen| seen.targets),
            on: seen.is_some_and(|seen| seen.counts.braked),
        };
        let per_target = guards.per_target.as_ref().map(|per_target| PerTargetLimit {
            label: per_target.label.clone().unwrap_or_else(|| "instance".to_owned()),
            rate: per_target.rates.iter().map(Rate::to_string).collect(),
        });
        let blocked = seen.and_then(|seen| seen.blocked);
        Self {
            mode: guards.mode,
            priority: guards.priority,
            cooldown_seconds: route.cooldown(cooldown).num_seconds(),
            max_in_flight: guards.max_in_flight,
            rate: guards.rates.iter().map(window).collect(),
            per_target,
            brake: guards.brake.as_ref().map(brake),
            holds: blocked.map(|blocked| blocked.reason),
            held_by_all: blocked.is_some_and(|blocked| blocked.by_all),
            next_start_at: blocked.and_then(|blocked| blocked.until),
        }
    }
}
