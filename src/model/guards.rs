//! Guards: what delays the start of a dispatch. The settings of one route, and the words for what is counted.
//!
//! A guard only delays. What it stops is a row with the state `held` and a reason; an alert that resolves while it is held
//! costs nothing. [`admission`] is the decision over what waits, [`step`] what a claim does with one row. Both are pure.

pub mod admission;
pub mod forecast;
pub mod rate;
pub mod step;

use chrono::TimeDelta;
use rate::Rate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A POST may follow its admission by this long, so a window counts starts of its length and this.
pub const POST_AFTER_START: TimeDelta = TimeDelta::seconds(10);

/// What happens to alerts of a route (`mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are started.
    #[default]
    Run,
    /// A person must approve each of them first.
    Approve,
    /// What would be sent is shown, and nothing is sent.
    Shadow,
    /// Nothing is done with them.
    Off,
}

impl Mode {
    /// As in the routes file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Approve => "approve",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

/// What ends a brake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// It ends when no more targets than `above` wait or were started.
    #[default]
    Auto,
    /// It ends when a person releases all, or when nothing waits any more.
    ByHand,
}

/// `brake`: too many different targets at once stop the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brake {
    /// So many different targets are not too many.
    pub above: u32,
    /// Targets that wait count, and those that were started within this time.
    pub within: TimeDelta,
    /// What ends it.
    pub release: Release,
}

/// `per_target`: how often one target may be started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerTarget {
    /// The label whose value is the target; without it `instance`.
    pub label: Option<String>,
    /// Every window must allow a start.
    pub rates: Vec<Rate>,
}

/// The guards of one route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardPolicy {
    /// Routes with a higher one are admitted first.
    pub priority: i32,
    /// What happens to its alerts.
    pub mode: Mode,
    /// How long after its last start a fingerprint is not started again; `None`: `POUNDCAKE_REFIRE_COOLDOWN`.
    pub cooldown: Option<TimeDelta>,
    /// How many of its dispatches may be unfinished at once.
    pub max_in_flight: Option<u32>,
    /// Every window must allow a start.
    pub rates: Vec<Rate>,
    /// How often one target may be started.
    pub per_target: Option<PerTarget>,
    /// Too many different targets at once stop it.
    pub brake: Option<Brake>,
    /// How long a row waits for an approval; `None`: 1 h.
    pub approval_timeout: Option<TimeDelta>,
}

impl GuardPolicy {
    /// True when its alerts stand in a line before they are started. `global`: all routes have `max_in_flight` together.
    pub fn is_guarded(&self, global: Option<u32>) -> bool {
        global.is_some()
            || self.max_in_flight.is_some()
            || !self.rates.is_empty()
            || self.per_target.is_some()
            || self.brake.is_some()
            || self.mode == Mode::Approve
    }

    /// What `per_target` and `brake` count: the value of `per_target`'s label, else of `instance`, else the fingerprint.
    pub fn target(&self, labels: &BTreeMap<String, String>, fingerprint: &str) -> String {
        let label = self.per_target.as_ref().and_then(|per_target| per_target.label.as_deref());
        let value = |name: &str| labels.get(name).filter(|value| !value.is_empty());
        label.and_then(value).or_else(|| value("instance")).map_or_else(|| fingerprint.to_owned(), Clone::clone)
    }

    /// The longest window that can hold a row of the route.
    pub fn longest_window(&self) -> TimeDelta {
        let per_target = self.per_target.iter().flat_map(|per_target| &per_target.rates);
        self.rates.iter().chain(per_target).map(|rate| rate.window).max().unwrap_or_default()
    }

    /// How long a row waits for an approval.
    pub fn approval_timeout(&self) -> TimeDelta {
        self.approval_timeout.unwrap_or(TimeDelta::hours(1))
    }
}
