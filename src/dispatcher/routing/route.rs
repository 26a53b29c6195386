//! One route: which alerts it takes, where they go, and with what.

use crate::{
    dispatcher::template::Template,
    model::{matcher::Matchers, target::Target},
};
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
}
