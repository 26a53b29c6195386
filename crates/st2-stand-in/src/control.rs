//! The handle by which a test or a demo steers the stand-in and looks into it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    execution::{Execution, Shown},
    faults::{ActiveFault, Fault},
    front::Front,
    pace::Pace,
    state::{Seen, State},
    trace::Trace,
};

/// What a test wants to know of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionView {
    /// Its id.
    pub id: String,
    /// `pack.name`.
    pub action: String,
    /// Its status, in StackStorm's words.
    pub status: String,
    /// Whether a runner ever had it.
    pub started: bool,
    /// Whether the message that makes the scheduler run it was never sent: it stays `requested`.
    pub orphan: bool,
    /// Whether it will not change any more.
    pub ended: bool,
    /// The tag of its trace.
    pub trace_tag: String,
    /// The execution whose task it is.
    pub parent: Option<String>,
    /// The whole object, secrets included.
    pub document: Value,
}

/// A handle to a running stand-in; clones steer the same one.
#[derive(Clone)]
pub struct Control {
    state: Arc<Mutex<State>>,
}

impl Control {
    pub(super) fn new(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The state; a panic elsewhere does not make it unusable.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All executions, tasks of workflows included, in the order of their creation.
    pub fn executions(&self) -> Vec<ExecutionView> {
        let state = self.lock();
        state.executions.iter().map(|execution| view(&state, execution)).collect()
    }

    /// The executions that a POST or a rule has started in traces of this tag.
    pub fn executions_with_tag(&self, tag: &str) -> Vec<ExecutionView> {
        let state = self.lock();
        let traces = state.traces.iter().filter(|trace| trace.tag == tag);
        let roots: Vec<_> = traces.flat_map(Trace::roots).filter_map(|id| state.execution(id)).collect();
        roots.into_iter().map(|execution| view(&state, execution)).collect()
    }

    /// How many requests came.
    pub fn seen(&self) -> Seen {
        self.lock().seen
    }

    /// The POSTs that came with a trace tag, in the order in which they came, whatever became of them.
    pub fn arrivals(&self) -> Vec<(String, DateTime<Utc>)> {
        self.lock().arrivals.clone()
    }

    /// Sets a fault until it is cleared.
    pub fn set_fault(&self, fault: Fault) {
        self.lock().faults.add(ActiveFault { fault, times: None, for_millis: None });
    }

    /// Sets a fault for the next requests that it strikes.
    pub fn set_fault_times(&self, fault: Fault, times: u32) {
        self.lock().faults.add(ActiveFault { fault, times: Some(times), for_millis: None });
    }

    /// Sets a fault that ends by itself.
    pub fn set_fault_for(&self, fault: Fault, time: Duration) {
        let for_millis = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self.lock().faults.add(ActiveFault { fault, times: None, for_millis });
    }

    /// Puts something in front of StackStorm, or takes it away.
    pub fn set_front(&self, front: Front) {
        self.lock().front = front;
    }

    /// Ends all faults; what waited for a stopped component goes on.
    pub fn clear_faults(&self) {
        let mut state = self.lock();
        state.faults.clear();
        state.unpark();
    }

    /// How long tokens live from now on, in seconds; StackStorm's default is a day.
    pub fn set_token_ttl(&self, seconds: i64) {
        self.lock().access.token_ttl = seconds;
    }

    /// Registers a rule, written as in a pack's `rules/*.yaml`.
    pub fn add_rule(&self, pack: &str, yaml: &str) -> Result<(), serde_saphyr::Error> {
        let rule = serde_saphyr::from_str(yaml)?;
        let mut state = self.lock();
        let State { content, ids, .. } = &mut *state;
        content.add_rule(pack, "", rule, ids);
        Ok(())
    }

    /// Registers a policy, written as in a pack's `policies/*.yaml`: `action.concurrency.attr` or `action.retry`.
    pub fn add_policy(&self, pack: &str, yaml: &str) -> Result<(), serde_saphyr::Error> {
        let policy = serde_saphyr::from_str(yaml)?;
        let mut state = self.lock();
        let State { content, ids, .. } = &mut *state;
        content.add_policy(pack, "", &policy, ids);
        Ok(())
    }

    /// Forgets an execution, as StackStorm's garbage collector does: it is 404 from now on.
    pub fn forget(&self, id: &str) {
        self.lock().forget(id);
    }

    /// Changes how fast the stand-in works from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.lock().pace = pace;
    }

    /// What `GET /_stand_in/state` answers.
    pub fn summary(&self) -> Value {
        self.lock().summary()
    }
}

fn view(state: &State, execution: &Execution) -> ExecutionView {
    ExecutionView {
        id: execution.id.clone(),
        action: execution.action_ref().to_owned(),
        status: execution.status.as_str().to_owned(),
        started: execution.has_started(),
        orphan: !execution.published,
        ended: execution.status.is_terminal(),
        trace_tag: state.trace(&execution.trace).map(|trace| trace.tag.clone()).unwrap_or_default(),
        parent: execution.parent.clone(),
        document: execution.show(Shown::STORED),
    }
}
