//! Changing an execution from outside: DELETE, PUT, `re_run`.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Call, Outcome, Refusal},
    body,
    create::Request,
    execution::Shown,
    parameters, python,
    state::State,
    status::Status,
    step::Step,
    trace::Kind,
};

impl State {
    /// DELETE: cancels; what cannot be canceled is still answered 200.
    pub(super) fn cancel(&mut self, id: &str, user: &str) -> Outcome {
        self.seen.cancels += 1;
        let status = self.execution(id).map(|execution| execution.status).ok_or_else(|| Refusal::no_resource(id))?;
        if status == Status::Canceled {
            return self.shown(id);
        }
        if !status.is_cancelable() {
            return Err(Refusal::new(200, format!("Action cannot be canceled. State = {status}.")));
        }
        self.request_cancellation(id, user);
        self.shown(id)
    }

    fn request_cancellation(&mut self, id: &str, user: &str) {
        let Some(execution) = self.execution_mut(id) else { return };
        let was = execution.status;
        execution.context.insert("cancelled_by".to_owned(), json!(user));
        execution.result = Some(json!({ "message": "Action canceled by user.", "user": user }));
        if was == Status::Running || execution.parent.is_some() {
            self.set_status(id, Status::Canceling);
            self.after(self.pace.schedule, Step::FinishCancel(id.to_owned()));
        } else {
            self.set_status(id, Status::Canceled);
        }
    }

    fn shown(&self, id: &str) -> Outcome {
        let execution = self.execution(id).ok_or_else(|| Refusal::no_resource(id))?;
        Ok(Answer::json(200, &execution.show(Shown::READ)))
    }

    /// PUT: sets a state; nothing is checked but that the execution has not ended.
    pub(super) fn put_execution(&mut self, id: &str, call: &Call, user: &str) -> Outcome {
        let body = body::object(call)?;
        let now = self.execution(id).map(|execution| execution.status).ok_or_else(|| Refusal::no_resource(id))?;
        let wanted = body.get("status").cloned().unwrap_or_default();
        let Some(wanted) = wanted.as_str().and_then(Status::named) else {
            return Err(Refusal::bad(format!("{} is not a valid status", python::repr(&wanted))));
        };
        if now.is_terminal() {
            return Err(Refusal::bad("Execution is already in completed state."));
        }
        match wanted {
            Status::Canceling | Status::Canceled if now != Status::Canceling => self.request_cancellation(id, user),
            Status::Pausing | Status::Paused => self.pause(id, now, user)?,
            Status::Resuming => self.resume(id, now, user)?,
            wanted if wanted != now => self.force(id, wanted, body.get("result")),
            _ => {}
        }
        self.shown(id)
    }

    /// Any other state is set as it is; the scheduler runs what is `requested` again.
    fn force(&mut self, id: &str, wanted: Status, result: Option<&Value>) {
        if let Some(execution) = self.execution_mut(id) {
            execution.result_size = Some(result.map_or(2, |result| result.to_string().len()));
            execution.result = result.cloned().or(execution.result.take());
            execution.published |= wanted == Status::Requested;
        }
        self.set_status(id, wanted);
        match wanted {
            Status::Requested => self.after(self.pace.schedule, Step::Schedule(id.to_owned())),
            Status::Scheduled => self.after(self.pace.start, Step::Run(id.to_owned())),
            _ => {}
        }
    }

    fn pause(&mut self, id: &str, now: Status, user: &str) -> Result<(), Refusal> {
        let liveaction = self.workflow_only(id, "pause")?;
        match now {
            Status::Pausing | Status::Paused => {}
            Status::Running => {
                if let Some(execution) = self.execution_mut(id) {
                    execution.context.insert("paused_by".to_owned(), json!(user));
                }
                self.set_status(id, Status::Pausing);
                self.after(self.pace.schedule, Step::Advance(id.to_owned()));
            }
            _ => {
                return Err(Refusal::bad(format!(
                    "Failed updating execution. Unable to pause liveaction \"{liveaction}\" because it is not in a \
                     running state."
                )));
            }
        }
        Ok(())
    }

    fn resume(&mut self, id: &str, now: Status, user: &str) -> Result<(), Refusal> {
        let liveaction = self.workflow_only(id, "resume")?;
        match now {
            Status::Running | Status::Resuming => {}
            Status::Paused => {
                if let Some(execution) = self.execution_mut(id) {
                    execution.context.insert("resumed_by".to_owned(), json!(user));
                }
                self.set_status(id, Status::Resuming);
                self.after(self.pace.schedule, Step::Advance(id.to_owned()));
            }
            _ => {
                return Err(Refusal::bad(format!(
                    "Failed updating execution. Unable to resume liveaction \"{liveaction}\" because it is in \
                     \"{now}\" state and not in \"paused\" state."
                )));
            }
        }
        Ok(())
    }

    /// The live action's id, of a workflow.
    fn workflow_only(&self, id: &str, verb: &str) -> Result<String, Refusal> {
        let execution = self.execution(id).ok_or_else(|| Refusal::no_resource(id))?;
        if execution.is_workflow() {
            return Ok(execution.liveaction.clone());
        }
        let (liveaction, runner) = (&execution.liveaction, execution.runner_name());
        Err(Refusal::bad(format!(
            "Failed updating execution. Unable to {verb} liveaction \"{liveaction}\" because it is not supported by the \
             \"{runner}\" runner."
        )))
    }

    /// `POST /v1/executions/{id}/re_run`: the old parameters, the given ones over them, in the old trace.
    pub(super) fn re_run(&mut self, id: &str, call: &Call, user: &str, publish: bool) -> Outcome {
        let body = body::object(call)?;
        let old = self.execution(id).ok_or_else(|| Refusal::no_resource(id))?;
        let mut given: Map<String, Value> =
            if call.query_flag("no_merge") { Map::new() } else { old.parameters.clone() };
        given.extend(body.get("parameters").map(parameters::object).unwrap_or_default());
        let user = body.get("user").and_then(Value::as_str).unwrap_or(user);
        let mut context = json!({ "re-run": { "ref": id }, "user": user, "pack": old.action["pack"] });
        if let Some(trace) = self.trace_with(Kind::Execution, id) {
            context["trace_context"] = json!({ "id_": trace.id });
        }
        let request = Request {
            action: old.action_ref().to_owned(),
            parameters: given,
            context: parameters::object(&context),
            delay: body.get("delay").and_then(Value::as_i64),
            publish,
            origin: None,
            caused_by: json!({}),
        };
        let new = self.request(request)?;
        let shown = self.execution(&new).map(|new| new.show(Shown { fresh: true, secrets: false })).unwrap_or_default();
        Ok(Answer::json(201, &shown))
    }
}
