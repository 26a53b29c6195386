//! Orquesta workflows: tasks, transitions, published variables, output, as far as [`crate::definition`] lets them in.

use serde_json::{Map, Value, json};

use super::yaql;
use crate::{
    create::Child,
    definition::orquesta::{first_tasks, target, transitions},
    execution::Execution,
    parameters, python,
    state::State,
    status::Status,
    step::Step,
};

impl State {
    pub(super) fn start_workflow(&mut self, id: &str) {
        let workflow = self.ids.next();
        if let Some(execution) = self.execution_mut(id) {
            execution.context.insert("workflow_execution".to_owned(), json!(workflow));
            execution.set_result(json!({ "output": null }));
        }
        // The execution's own event comes with its first task.
        self.announce_liveaction(id, "update");
        self.after(self.pace.start, Step::Advance(id.to_owned()));
    }

    /// A workflow or chain starts, one of its tasks has ended, or it is to go on after a pause.
    pub(super) fn advance(&mut self, id: &str) {
        match self.status_of(id) {
            Some(Status::Canceling) => self.finish_cancel(id),
            Some(Status::Pausing) if !self.has_active_children(id) => self.set_status(id, Status::Paused),
            Some(Status::Resuming) => {
                self.set_status(id, Status::Running);
                self.advance_running(id);
            }
            Some(Status::Running) => self.advance_running(id),
            _ => {}
        }
    }

    fn advance_running(&mut self, id: &str) {
        if self.has_active_children(id) {
            return;
        }
        match self.execution(id).map(Execution::runner_name) {
            Some("action-chain") => self.advance_chain(id),
            Some(_) => self.advance_workflow(id),
            None => {}
        }
    }

    fn advance_workflow(&mut self, id: &str) {
        match self.next_in_workflow(id) {
            Next::Task(task) => self.start_task(id, &task),
            Next::Done(output) => self.complete(id, Status::Succeeded, Some(json!({ "output": output }))),
            Next::Failed { errors, output } => {
                self.complete(id, Status::Failed, Some(json!({ "output": output, "errors": errors })));
            }
        }
    }

    fn start_task(&mut self, id: &str, task: &Task) {
        let Some(parent) = self.execution(id) else { return };
        let (workflow, user) = (parent.context.get("workflow_execution").cloned().unwrap_or_default(), parent.user());
        let pack = parent.context.get("pack").cloned().unwrap_or_default();
        let task_execution = self.ids.next();
        let context = json!({
            "user": user, "parent": { "execution_id": id, "user": user, "pack": pack },
            "orquesta": {
                "workflow_execution_id": workflow, "task_execution_id": task_execution, "task_name": task.name,
                "task_id": task.name, "task_route": 0,
            },
        });
        let child = Child {
            parent: id.to_owned(),
            action: task.action.clone(),
            parameters: task.parameters.clone(),
            context: parameters::object(&context),
            workflow: Some((workflow.as_str().unwrap_or_default().to_owned(), task_execution)),
        };
        if let Err(message) = self.create_child(child) {
            let errors = json!([{ "type": "error", "message": message, "task_id": task.name }]);
            self.complete(id, Status::Failed, Some(json!({ "output": null, "errors": errors })));
        }
    }

    /// Replays the transitions of the tasks that have ended, and says what comes then.
    fn next_in_workflow(&self, id: &str) -> Next {
        let Some(execution) = self.execution(id) else { return Next::Done(Value::Null) };
        let definition = self.content.definition(&execution.action);
        let declared = parameters::declared(&execution.action, &execution.runner);
        let mut context = parameters::complete(&declared, &execution.parameters);
        let mut errors = Vec::new();
        if let Err(message) = inputs(&definition, &mut context) {
            return failed(&definition, &context, vec![json!({ "type": "error", "message": message })]);
        }
        let mut current = first_tasks(&definition).into_iter().next();
        for child in execution.children.iter().filter_map(|child| self.execution(child)) {
            let Some(name) = current.take() else { break };
            let succeeded = child.status == Status::Succeeded;
            if !succeeded {
                errors.push(json!({
                    "type": "error", "message": "Execution failed. See result for details.", "task_id": name,
                    "result": child.result,
                }));
            }
            current = match transition(&definition["tasks"][&name], child, &mut context) {
                Ok(next) => next,
                Err(message) => {
                    errors.push(json!({ "type": "error", "message": message, "task_id": name }));
                    return failed(&definition, &context, errors);
                }
            };
            if !succeeded && matches!(current.as_deref(), None | Some("continue")) {
                return failed(&definition, &context, errors);
            }
        }
        match current.as_deref() {
            None | Some("noop" | "continue") => output(&definition, &context),
            Some("fail") => {
                errors.push(json!({
                    "type": "error", "message": "Execution failed. See result for details.", "task_id": "fail",
                }));
                failed(&definition, &context, errors)
            }
            Some(name) => task(&definition, name, &context).unwrap_or_else(|message| {
                errors.push(json!({ "type": "error", "message": message, "task_id": name }));
                failed(&definition, &context, errors)
            }),
        }
    }
}

enum Next {
    Task(Task),
    Done(Value),
    Failed { errors: Vec<Value>, output: Value },
}

struct Task {
    name: String,
    action: String,
    parameters: Map<String, Value>,
}

/// The inputs that were not given, and the workflow's own variables.
fn inputs(definition: &Value, context: &mut Map<String, Value>) -> Result<(), String> {
    for input in definition["input"].as_array().into_iter().flatten() {
        match input {
            Value::String(name) => drop(context.entry(name.as_str()).or_insert(Value::Null)),
            other => {
                for (name, default) in pairs(other) {
                    context.entry(name).or_insert(default);
                }
            }
        }
    }
    for (name, value) in definition["vars"].as_array().into_iter().flatten().flat_map(pairs) {
        let value = evaluated(&value, context)?;
        context.insert(name, value);
    }
    Ok(())
}

/// Publishes what an ended task publishes, and names what comes after it.
fn transition(task: &Value, child: &Execution, context: &mut Map<String, Value>) -> Result<Option<String>, String> {
    let (succeeded, result) = (child.status == Status::Succeeded, child.result.as_ref());
    let mut followers = Vec::new();
    for step in transitions(task) {
        let when = json!(step["when"].as_str().unwrap_or("<% completed() %>"));
        if !python::truth(&yaql::evaluate(&when, &yaql::Surroundings { context, result, succeeded })?) {
            continue;
        }
        for (name, text) in published(&step["publish"]) {
            let value = yaql::evaluate(&text, &yaql::Surroundings { context, result, succeeded })?;
            context.insert(name, value);
        }
        followers.extend(target(step)?.map(str::to_owned));
    }
    if followers.len() > 1 {
        let names = followers.join(", ");
        return Err(format!("the stand-in runs one task at a time, and several would follow: {names}"));
    }
    Ok(followers.pop())
}

/// `publish` as `a=<% … %>` or as a list of mappings.
fn published(publish: &Value) -> Vec<(String, Value)> {
    match publish {
        Value::String(text) => {
            text.split_once('=').map(|(name, text)| (name.trim().to_owned(), json!(text))).into_iter().collect()
        }
        Value::Array(items) => items.iter().flat_map(pairs).collect(),
        other => pairs(other),
    }
}

fn pairs(mapping: &Value) -> Vec<(String, Value)> {
    mapping.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn evaluated(value: &Value, context: &Map<String, Value>) -> Result<Value, String> {
    yaql::evaluate(value, &yaql::Surroundings { context, result: None, succeeded: true })
}

fn task(definition: &Value, name: &str, context: &Map<String, Value>) -> Result<Next, String> {
    let spec = &definition["tasks"][name];
    let line = spec["action"].as_str().unwrap_or("core.noop");
    let (action, inline) = line.split_once(' ').unwrap_or((line, ""));
    let mut given: Vec<_> = pairs(&spec["input"]);
    if let Some((key, text)) = inline.split_once('=') {
        given.push((key.trim().to_owned(), json!(text.trim().trim_matches('"'))));
    }
    let mut parameters = Map::new();
    for (key, text) in given {
        parameters.insert(key, evaluated(&text, context)?);
    }
    Ok(Next::Task(Task { name: name.to_owned(), action: action.to_owned(), parameters }))
}

fn output(definition: &Value, context: &Map<String, Value>) -> Next {
    match outputs(definition, context) {
        (output, errors) if errors.is_empty() => Next::Done(output),
        (_, errors) => Next::Failed { errors, output: Value::Null },
    }
}

/// A failed workflow has an output, too: what of it can be evaluated.
fn failed(definition: &Value, context: &Map<String, Value>, mut errors: Vec<Value>) -> Next {
    let (output, more) = outputs(definition, context);
    errors.extend(more);
    Next::Failed { errors, output }
}

fn outputs(definition: &Value, context: &Map<String, Value>) -> (Value, Vec<Value>) {
    let (mut out, mut errors) = (Map::new(), Vec::new());
    for (name, text) in definition["output"].as_array().into_iter().flatten().flat_map(pairs) {
        match evaluated(&text, context) {
            Ok(value) => drop(out.insert(name, value)),
            Err(message) => errors.push(json!({ "type": "error", "message": message })),
        }
    }
    (if out.is_empty() { Value::Null } else { Value::Object(out) }, errors)
}
