//! Executions that the stream showed before their link was read: the event comes with the POST, the link with a COMMIT
//! after it. Without this each followed execution would cost StackStorm a question whose answer was just thrown away.
//!
//! Only what we started is kept, and its tasks; not for long and not without bounds. What is dropped is asked for.

use crate::stackstorm::{Execution, ExecutionId};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// A rule's link may take some seconds.
const KEPT: Duration = Duration::from_mins(1);
/// Executions kept, and bytes of their results.
const MOST: usize = 2_000;
const BYTES: usize = 16 << 20;

/// What the stream showed too early.
#[derive(Default)]
pub(super) struct Early {
    held: HashMap<ExecutionId, Held>,
    /// The oldest first; one that was shown again is in it twice.
    order: VecDeque<(Instant, ExecutionId)>,
    bytes: usize,
    /// A link that is not read yet may be there.
    new: bool,
}

struct Held {
    at: Instant,
    bytes: usize,
    execution: Box<Execution>,
}

/// Started by us: its link will come, or is only not read yet.
fn is_ours(execution: &Execution) -> bool {
    let tag = execution.in_context("trace_context").and_then(|trace| trace.get("trace_tag"));
    execution.in_context("poundcake").is_some()
        || tag.and_then(serde_json::Value::as_str).is_some_and(|tag| tag.starts_with("poundcake:"))
}

impl Early {
    /// Keeps it, if it is ours.
    pub(super) fn keep(&mut self, execution: Box<Execution>, at: Instant) {
        let ours = is_ours(&execution);
        let task = execution.parent.as_ref().is_some_and(|parent| self.held.contains_key(parent));
        self.new |= ours;
        let id = execution.id.clone();
        let is_older = self.held.get(&id).is_some_and(|held| held.execution.log.len() > execution.log.len());
        if is_older || !(ours || task) {
            return;
        }
        let bytes = execution.result.as_ref().map_or(0, |result| result.to_string().len());
        self.forget(&id);
        self.bytes += bytes;
        self.order.push_back((at, id.clone()));
        self.held.insert(id, Held { at, bytes, execution });
        self.tidy(at);
    }

    /// True once after one of ours came: its link may be there.
    pub(super) fn take_new(&mut self) -> bool {
        std::mem::take(&mut self.new)
    }

    /// What is kept of an execution that is followed now, and when it was shown.
    pub(super) fn take(&mut self, id: &ExecutionId) -> Option<(Instant, Box<Execution>)> {
        let held = self.forget(id)?;
        Some((held.at, held.execution))
    }

    /// The tasks of an execution that is followed now.
    pub(super) fn tasks_of(&self, parent: &ExecutionId) -> Vec<ExecutionId> {
        let is_task = |held: &&Held| held.execution.parent.as_ref() == Some(parent);
        self.held.values().filter(is_task).map(|held| held.execution.id.clone()).collect()
    }

    fn forget(&mut self, id: &ExecutionId) -> Option<Held> {
        let held = self.held.remove(id)?;
        self.bytes -= held.bytes;
        Some(held)
    }

    fn tidy(&mut self, now: Instant) {
        while let Some((at, id)) = self.order.front() {
            let is_full = self.held.len() > MOST || self.bytes > BYTES;
            if !is_full && now.saturating_duration_since(*at) < KEPT {
                return;
            }
            let is_newest = self.held.get(id).is_some_and(|held| held.at == *at);
            let id = id.clone();
            self.order.pop_front();
            if is_newest {
                self.forget(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(id: &str, log: usize, result: &str) -> Box<Execution> {
        let log = vec![json!({ "status": "running" }); log];
        let context = json!({ "poundcake": {} });
        Box::new(
            serde_json::from_value(
                json!({ "id": id, "status": "running", "log": log, "context": context, "result": result }),
            )
            .unwrap(),
        )
    }

    fn id(text: &str) -> ExecutionId {
        ExecutionId::parse(text).unwrap()
    }

    #[test]
    fn our_executions_and_their_tasks_are_kept_and_reported_once() {
        let (mut early, now) = (Early::default(), Instant::now());
        let mut foreign = shown("f", 1, "");
        foreign.context = None;
        early.keep(foreign.clone(), now);
        assert!(!early.take_new());
        early.keep(shown("a", 2, ""), now);
        early.keep(shown("a", 1, ""), now);
        assert!(early.take_new() && !early.take_new());
        let mut task = foreign;
        (task.id, task.parent) = (id("t"), Some(id("a")));
        early.keep(task, now);
        assert!(!early.take_new(), "it has no link of its own");
        assert_eq!(early.tasks_of(&id("a")), [id("t")]);
        assert_eq!(early.take(&id("a")).unwrap().1.log.len(), 2, "an older event that came late");
        assert!(early.take(&id("a")).is_none() && early.take(&id("f")).is_none());
        assert!(early.take(&id("t")).is_some());
    }

    #[test]
    fn it_is_bounded_in_time_number_and_bytes() {
        let (mut early, now) = (Early::default(), Instant::now());
        for n in 0..MOST + 10 {
            early.keep(shown(&format!("e{n}"), 1, ""), now);
        }
        assert_eq!(early.held.len(), MOST);
        assert!(early.take(&id("e9")).is_none() && early.take(&id("e10")).is_some());
        let large = "x".repeat(1 << 20);
        for n in 0..20 {
            early.keep(shown(&format!("big{n}"), 1, &large), now);
        }
        assert!(early.bytes <= BYTES && early.held.len() <= 15, "{}", early.held.len());
        early.keep(shown("late", 1, ""), now + KEPT);
        assert_eq!((early.held.len(), early.order.len(), early.bytes), (1, 1, 2), "its result is two quotes");
    }
}
