//! What happens after a request: scheduler, action runner, workflow engine, rules engine, one step at a time.
//!
//! A step finds the world as it is when it is due: an execution that was canceled meanwhile is left alone.

mod chain;
mod finish;
mod policy;
mod python;
mod retry;
mod workflow;
mod yaql;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{parameters, shell, state::State, status::Status, step::Step};

impl State {
    /// Takes the steps that are due, also those they bring about.
    pub(super) fn run_due(&mut self) {
        let now = Instant::now();
        while let Some(step) = self.next_step(now) {
            self.take(step);
        }
    }

    /// Takes one step, or keeps it for when its component is back.
    fn take(&mut self, step: Step) {
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
            Some("python-script") => self.start_program(id),
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
        let environment = parameters::object(all.get("env").unwrap_or(&Value::Null));
        let mut ending = shell::play(command, &environment, Duration::from_secs(timeout));
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
