//! One route: which alerts it takes, where they go, and with what.

use crate::{
    dispatcher::template::Template,
    model::{
        guards::{GuardPolicy, Mode},
        matcher::Matchers,
        target::Target,
    },
};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// What follows a POST to a webhook that StackStorm may or may not have got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// `failed/uncertain` at the deadline: a person decides.
    #[default]
    Fail,
    /// The same POST again after a settle time: for workflows that bear two runs.
    PostAgain,
}

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
    /// For webhooks.
    pub on_uncertain: OnUncertain,
    /// What delays its alerts.
    pub guards: GuardPolicy,
    /// Its alerts stand in a line before they are started: it has a guard, or all routes together have one.
    pub guarded: bool,
}

impl Route {
    /// Its alerts are rendered and shown before anything is sent, or instead of it.
    pub fn shows(&self) -> bool {
        matches!(self.guards.mode, Mode::Approve | Mode::Shadow)
    }

    /// The cooldown in force. `default`: `POUNDCAKE_REFIRE_COOLDOWN`.
    pub fn cooldown(&self, default: TimeDelta) -> TimeDelta {
        self.guards.cooldown.unwrap_or(default)
    }

    /// How old an alert may be when it is sent: the longest of `POUNDCAKE_DISPATCH_MAX_AGE`, the cooldown and the windows that may
    /// hold it.
    pub fn allowed_age(&self, max_age: TimeDelta, cooldown: TimeDelta) -> TimeDelta {
        max_age.max(self.cooldown(cooldown)).max(self.guards.longest_window())
    }
}
