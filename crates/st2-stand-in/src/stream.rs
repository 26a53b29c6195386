//! The event stream: what is sent, and to whom.

use serde_json::Value;

use super::{answer::Call, status::Status};

/// One event, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Event {
    name: String,
    action: String,
    /// None for a live action's events.
    execution: Option<String>,
    terminal: bool,
    frame: String,
}

impl Event {
    pub(super) fn new(name: String, action: &str, execution: Option<&str>, status: Status, data: &Value) -> Self {
        let frame = format!("event: {name}\ndata: {data}\n\n");
        let (action, execution) = (action.to_owned(), execution.map(str::to_owned));
        Self { name, action, execution, terminal: status.is_terminal(), frame }
    }

    /// The bytes on the wire; no id, no retry.
    pub(super) fn frame(&self) -> &str {
        &self.frame
    }
}

/// What a client gets that asks for no certain events.
const DEFAULT_EVENTS: [&str; 7] = [
    "st2.announcement__*",
    "st2.execution__create",
    "st2.execution__update",
    "st2.execution__delete",
    "st2.liveaction__create",
    "st2.liveaction__update",
    "st2.liveaction__delete",
];

/// What a reader asks for.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    events: Vec<String>,
    actions: Option<Vec<String>>,
    executions: Option<Vec<String>>,
    end_event: Option<String>,
    end_execution: Option<String>,
}

impl Selection {
    pub(super) fn read(call: &Call) -> Self {
        let list = |name: &str| call.query_list(name).map(|list| list.into_iter().map(str::to_owned).collect());
        let default = || DEFAULT_EVENTS.map(str::to_owned).to_vec();
        Self {
            events: list("events").unwrap_or_else(default),
            actions: list("action_refs"),
            executions: list("execution_ids"),
            end_event: call.query("end_event").map(str::to_owned),
            end_execution: call.query("end_execution_id").map(str::to_owned),
        }
    }

    pub(super) fn includes(&self, event: &Event) -> bool {
        let among = |list: &Option<Vec<String>>, own: Option<&String>| {
            list.as_ref().is_none_or(|list| own.is_some_and(|own| list.contains(own)))
        };
        self.events.iter().any(|glob| fits(glob, &event.name))
            && among(&self.actions, Some(&event.action))
            && among(&self.executions, event.execution.as_ref())
    }

    /// Whether the stream ends with this event.
    pub(super) fn ends_with(&self, event: &Event) -> bool {
        event.terminal
            && self.end_event.as_ref() == Some(&event.name)
            && self.end_execution.is_some()
            && self.end_execution == event.execution
    }
}

/// `fnmatch`, of `*` and `?`.
fn fits(glob: &str, name: &str) -> bool {
    let pattern = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
    regex::Regex::new(&format!("^{pattern}$")).is_ok_and(|pattern| pattern.is_match(name))
}

#[cfg(test)]
mod tests;
