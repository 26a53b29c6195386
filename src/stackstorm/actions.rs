//! The parameters of an action: its own and those of its runner.
//!
//! Asked from `GET /v1/actions/views/overview/{ref}`: one call, by ref, with the runner's declarations merged in as
//! StackStorm merges them for an execution. The action's own declaration alone is not enough: `hosts`, `cwd`, `timeout`
//! and `private_key` are the runner's, and StackStorm refuses what neither of the two declares.

use super::{client::Client, error::LookupError};
use crate::model::target::ActionRef;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// An action's declaration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Action {
    /// False when StackStorm would refuse to run it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its parameters and its runner's, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
}

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "StackStorm's own flags, each independent of the others")]
pub struct Parameter {
    /// Must be given, unless there is a default.
    pub required: bool,
    /// Must not be given.
    pub immutable: bool,
    /// Masked wherever StackStorm shows it.
    pub secret: bool,
    /// `string`, `integer`, `number`, `boolean`, `array` or `object`; `None` for any, or for a choice of several.
    #[serde(rename = "type", deserialize_with = "single_type")]
    pub kind: Option<String>,
    /// StackStorm fills it by itself.
    #[serde(rename = "default", deserialize_with = "is_given")]
    pub has_default: bool,
    /// The only values that it may have.
    #[serde(rename = "enum")]
    pub choices: Option<Vec<Value>>,
}

impl Parameter {
    /// True when a trigger without it would be refused.
    pub const fn must_be_filled(&self) -> bool {
        self.required && !self.has_default && !self.immutable
    }
}

const fn yes() -> bool {
    true
}

fn single_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_str().map(str::to_owned))
}

fn is_given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(!Value::deserialize(deserializer)?.is_null())
}

/// An action that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// StackStorm has no such action: a trigger would be rejected.
    #[error("StackStorm has no action {0}")]
    NotFound(ActionRef),
    /// StackStorm could not be asked: nothing was sent.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

/// Declarations, kept for a few minutes. One that is missing is asked for again every time, so that an action that has
/// just been registered works at once.
#[derive(Debug)]
pub struct ActionCache {
    keep: Duration,
    kept: Mutex<HashMap<ActionRef, (Instant, Arc<Action>)>>,
}

/// More actions than routes name; the bound only keeps a mistake from growing without a limit.
const MAX_KEPT: usize = 512;

impl ActionCache {
    /// A cache that asks again after `keep`.
    pub fn new(keep: Duration) -> Self {
        Self { keep, kept: Mutex::default() }
    }

    /// The declaration of an action, from the cache or from StackStorm.
    pub async fn get(&self, client: &Client, action: &ActionRef) -> Result<Arc<Action>, ActionError> {
        if let Some(known) = self.fresh(action) {
            return Ok(known);
        }
        let found: Option<Action> = client.find_json(&["actions", "views", "overview", action.as_str()], &[]).await?;
        let found = Arc::new(found.ok_or_else(|| ActionError::NotFound(action.clone()))?);
        self.keep(action, &found);
        Ok(found)
    }

    /// Drops what is known of an action: StackStorm has just refused a call that agreed with it.
    pub fn forget(&self, action: &ActionRef) {
        self.lock().remove(action);
    }

    fn fresh(&self, action: &ActionRef) -> Option<Arc<Action>> {
        let kept = self.lock();
        let (since, found) = kept.get(action)?;
        (since.elapsed() < self.keep).then(|| Arc::clone(found))
    }

    fn keep(&self, action: &ActionRef, found: &Arc<Action>) {
        let mut kept = self.lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(action.clone(), (Instant::now(), Arc::clone(found)));
    }

    /// A panic elsewhere leaves the map whole: no update of it can stop half-way.
    fn lock(&self) -> MutexGuard<'_, HashMap<ActionRef, (Instant, Arc<Action>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
