//! How an execution ends, and what its end sets off: its parent, and the trigger `actiontrigger`.

use serde_json::{Value, json};

use crate::{
    faults::Fault,
    shell::Ending,
    state::State,
    status::Status,
    step::{Cause, Dispatch, Step},
    times, trace,
};

/// Fired by every execution that has ended.
const ACTION_TRIGGER: &str = "core.st2.generic.actiontrigger";

impl State {
    /// A command has come to its end.
    pub(super) fn finish(&mut self, id: &str, ending: Ending) {
        if self.status_of(id) != Some(Status::Running) || self.faults.is_set(&Fault::ActionRunnerKilled) {
            return;
        }
        if self.faults.is_set(&Fault::ActionRunnerTerminated) {
            return self.complete(id, Status::Abandoned, None);
        }
        self.complete(id, ending.status, Some(ending.result));
    }

    /// Sets the end and what follows from it.
    pub(super) fn complete(&mut self, id: &str, status: Status, result: Option<Value>) {
        let Some(execution) = self.execution_mut(id) else { return };
        if let Some(result) = result {
            execution.set_result(result);
        }
        let parent = execution.parent.clone();
        self.set_status(id, status);
        self.fire_action_trigger(id);
        self.consider_retry(id);
        if let Some(parent) = parent {
            self.after(self.pace.start, Step::Advance(parent));
        }
    }

    /// A cancellation is through: for a workflow once no child of it is active any more.
    pub(crate) fn finish_cancel(&mut self, id: &str) {
        if self.status_of(id) == Some(Status::Canceling) && !self.has_active_children(id) {
            let started_workflow = self.execution(id).is_some_and(|own| own.is_workflow() && own.has_started());
            self.complete(id, Status::Canceled, started_workflow.then(|| json!({ "output": null })));
        }
    }

    pub(crate) fn has_active_children(&self, id: &str) -> bool {
        let children = self.execution(id).map(|execution| execution.children.clone()).unwrap_or_default();
        children.iter().filter_map(|child| self.status_of(child)).any(|status| !status.is_terminal())
    }

    fn fire_action_trigger(&mut self, id: &str) {
        let Some(execution) = self.execution(id) else { return };
        let payload = json!({
            "execution_id": execution.id, "status": execution.status.as_str(),
            "start_timestamp": times::micros(execution.start), "parameters": execution.parameters,
            "action_name": execution.action["name"], "action_ref": execution.action_ref(),
            "runner_ref": execution.runner_name(), "result": execution.result,
        });
        let dispatch = Dispatch {
            trigger: ACTION_TRIGGER.to_owned(),
            payload,
            cause: Cause::Trace { id: execution.trace.clone(), caused_by: trace::by_execution(&execution.id) },
        };
        self.after(self.pace.trace, Step::Receive(Box::new(dispatch)));
    }
}
