//! An execution, as GET, the lists and the event stream return it.
//!
//! Only `id` and `status` must be there: which other fields come depends on how the execution was started and how far it
//! got, and one odd field must not hide the rest.

use crate::{model::execution_status::ExecutionStatus, stackstorm::ids::ExecutionId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An execution.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Its status in StackStorm's word, also where that word is unknown to us: see [`Self::known_status`].
    pub status: String,
    /// The action's ref.
    #[serde(default, rename = "action", deserialize_with = "reference")]
    pub action_ref: Option<String>,
    /// The ref of the rule that started it, if one did.
    #[serde(default, rename = "rule", deserialize_with = "reference")]
    pub rule_ref: Option<String>,
    /// The workflow execution it belongs to.
    #[serde(default)]
    pub parent: Option<ExecutionId>,
    /// The executions it started.
    #[serde(default)]
    pub children: Vec<ExecutionId>,
    /// When it was created.
    #[serde(default, deserialize_with = "time")]
    pub start_timestamp: Option<DateTime<Utc>>,
    /// When it ended; also absent when it was abandoned.
    #[serde(default, deserialize_with = "time")]
    pub end_timestamp: Option<DateTime<Utc>>,
    /// How long it took.
    #[serde(default)]
    pub elapsed_seconds: Option<f64>,
    /// Its parameters; secret ones are masked by StackStorm. `None` where StackStorm shows none, which is not `{}`.
    #[serde(default)]
    pub parameters: Option<Map<String, Value>>,
    /// Its context: trace tag, `poundcake`, user. `None` where StackStorm shows none.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
    /// Its result, whose shape depends on the runner; absent while it runs.
    #[serde(default)]
    pub result: Option<Value>,
    /// The statuses it went through.
    #[serde(default)]
    pub log: Vec<LogEntry>,
    /// The call behind it, for `liveaction_db`.
    #[serde(default)]
    pub liveaction: Option<Liveaction>,
    /// Its page in StackStorm's web UI.
    #[serde(default)]
    pub web_url: Option<String>,
}

impl Execution {
    /// Its status, unless a StackStorm newer than this program invented one.
    pub fn known_status(&self) -> Option<ExecutionStatus> {
        self.status.parse().ok()
    }

    /// True when it will not change any more. An unknown status is not an end.
    pub fn is_terminal(&self) -> bool {
        self.known_status().is_some_and(ExecutionStatus::is_terminal)
    }

    /// A member of its context.
    pub fn in_context(&self, name: &str) -> Option<&Value> {
        self.context.as_ref()?.get(name)
    }

    /// True when StackStorm's retry policy or a person's re-run made it out of another execution: its context says so.
    pub fn is_made_again(&self) -> bool {
        let retried = self.in_context("policies").is_some_and(|policies| policies.get("retry").is_some());
        retried || self.in_context("re-run").is_some()
    }

    /// True when StackStorm handed it to a runner at any time: a `canceled` one may have run.
    pub fn has_run(&self) -> bool {
        let running = ExecutionStatus::Running.as_str();
        self.status == running || self.log.iter().any(|entry| entry.status == running)
    }
}

/// One entry of [`Execution::log`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogEntry {
    /// The status it took.
    pub status: String,
    /// When, to the millisecond.
    #[serde(default, deserialize_with = "time")]
    pub timestamp: Option<DateTime<Utc>>,
}

/// The call behind an execution.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Liveaction {
    /// Its id.
    pub id: ExecutionId,
    /// What StackStorm was asked to call at its end.
    #[serde(default)]
    pub callback: Value,
}

/// `{"ref": "pack.name", …}`, or the ref alone.
fn reference<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.get("ref").unwrap_or(&value).as_str().map(str::to_owned))
}

/// A time, or nothing where there is none that can be read.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|time| time.to_utc()))
}
