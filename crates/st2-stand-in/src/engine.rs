//! What happens after a request: scheduler, action runner, workflow engine, rules engine, one step at a time.
//!
//! A step finds the world as it is when it is due: an execution that was canceled meanwhile is left alone.

mod chain;
mod finish;
mod policy;
mod retry;
mod workflow;
mod yaql;

use std::time::Duration;

use serde_json::{Value, json};

use super::{faults::Component, parameters, rules::Dispatch, shell, state::State, status::Status};

/// One thing to do later.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The scheduler takes an execution from its queue.
    Schedule(String),
    /// An execution's delay is over.
    EndDelay(String),
    /// A runner takes it.
    Run(String),
    /// Its command ends.
    Finish(String, Box<shell::Ending>),
    /// A workflow looks for what to do next.
    Advance(String),
    /// A cancellation is through.
    FinishCancel(String),
    /// The policy `action.retry` runs an execution again, under this policy.
    Retry(String, String),
    /// The rules engine receives a trigger.
    Receive(Box<Dispatch>),
    /// And applies its rules.
    Enforce(String),
}

impl Step {
    /// The part of StackStorm which takes this step; it waits while that is stopped.
    const fn taken_by(&self) -> Option<Component> {
        match self {
            Self::Schedule(_) | Self::EndDelay(_) => Some(Component::Scheduler),
            Self::Run(_) => Some(Component::ActionRunner),
            Self::Receive(_) | Self::Enforce(_) => Some(Component::RulesEngine),
            _ => None,
        }
    }
}

impl State {
    /// Takes one step, or keeps it for when its component is back.
    pub(super) fn take(&mut self, step: Step) {
        if let Some(component) = step.taken_by()
            && self.faults.is_stopped(component)
        {
            self.faults.park(step);
            return;
        }
        match step {
            Step::Schedule(id) => self.schedule(&id),
            Step::EndDelay(id) => self.end_delay(&id),
            Step::Run(id) => self.run(&id),
            Step::Finish(id, ending) => self.finish(&id, *ending),
            Step::Advance(id) => self.advance(&id),
            Step::FinishCancel(id) => self.finish_cancel(&id),
            Step::Retry(id, policy) => self.retry(&id, &policy),
            Step::Receive(dispatch) => self.receive(&dispatch),
            Step::Enforce(instance) => self.enforce(&instance),
        }
    }

    /// Takes up what waited for a component.
    pub(super) fn unpark(&mut self) {
        for step in self.faults.unpark() {
            self.after(self.pace.schedule, step);
        }
    }

    fn status_of(&self, id: &str) -> Option<Status> {
        self.execution(id).map(|execution| execution.status)
    }

    fn schedule(&mut self, id: &str) {
        if self.status_of(id) != Some(Status::Requested) {
            return;
        }
        let delay =
            self.execution(id).and_then(|execution| execution.delay).and_then(|delay| u64::try_from(delay).ok());
        if let Some(delay) = delay.filter(|delay| *delay > 0) {
            self.set_status(id, Status::Delayed);
            self.after(Duration::from_millis(delay), Step::EndDelay(id.to_owned()));
        } else {
            self.admit(id);
        }
    }

    fn end_delay(&mut self, id: &str) {
        if self.status_of(id) == Some(Status::Delayed) {
            self.admit(id);
        }
    }

    /// Past the policies, to the runners.
    fn admit(&mut self, id: &str) {
        match self.policy_verdict(id) {
            policy::Verdict::Go => {
                self.set_status(id, Status::Scheduled);
                self.after(self.pace.start, Step::Run(id.to_owned()));
            }
            policy::Verdict::Cancel => {
                self.set_status(id, Status::Canceling);
                self.after(self.pace.start, Step::FinishCancel(id.to_owned()));
            }
            policy::Verdict::Delay => {
                self.set_status(id, Status::Delayed);
                self.after(self.pace.schedule * 10, Step::EndDelay(id.to_owned()));
            }
        }
    }

    fn run(&mut self, id: &str) {
        if self.status_of(id) != Some(Status::Scheduled) {
            return;
        }
        if let Some(execution) = self.execution_mut(id) {
            execution.on_runner = true;
        }
        self.set_status(id, Status::Running);
        match self.execution(id).map(|execution| execution.runner_name().to_owned()).as_deref() {
            Some("orquesta") => self.start_workflow(id),
            Some("action-chain") => self.after(self.pace.start, Step::Advance(id.to_owned())),
            Some("local-shell-cmd" | "remote-shell-cmd") => self.start_command(id),
            _ => {
                self.finish_soon(
                    id,
                    shell::Ending { status: Status::Succeeded, result: noop(), takes: Duration::ZERO },
                );
            }
        }
    }

    fn start_command(&mut self, id: &str) {
        let Some(execution) = self.execution(id) else { return };
        let declared = parameters::declared(&execution.action, &execution.runner);
        let all = parameters::complete(&declared, &execution.parameters);
        let timeout = all.get("timeout").and_then(Value::as_u64).unwrap_or(60);
        let command = all.get("cmd").and_then(Value::as_str).unwrap_or_default();
        let mut ending = shell::play(command, Duration::from_secs(timeout));
        if let Some(hosts) = all.get("hosts").and_then(Value::as_str) {
            ending = ending.on_hosts(hosts);
        }
        self.finish_soon(id, ending);
    }

    fn finish_soon(&mut self, id: &str, ending: shell::Ending) {
        let wait = self.pace.work + ending.takes;
        self.after(wait, Step::Finish(id.to_owned(), Box::new(ending)));
    }
}

/// What the runner `noop` answers.
fn noop() -> Value {
    json!({ "failed": false, "succeeded": true, "return_code": 0 })
}
