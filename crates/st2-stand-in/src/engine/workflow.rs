//! Orquesta workflows: tasks, transitions, published variables, output. Joins, loops and retries are not played.

use serde_json::{Map, Value, json};

use super::yaql;
use crate::{
    content::{self, Content},
    create::Child,
    execution::Execution,
    parameters,
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
            Next::Failed(errors) => {
                self.complete(id, Status::Failed, Some(json!({ "output": null, "errors": errors })));
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
        let definition = content::parsed(Content::entry_point(&execution.action).unwrap_or_default());
        let declared = parameters::declared(&execution.action, &execution.runner);
        let mut context = parameters::complete(&declared, &execution.parameters);
        for name in definition["input"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            context.entry(name).or_insert(Value::Null);
        }
        let mut current = first_task(&definition);
        for child in execution.children.iter().filter_map(|child| self.execution(child)) {
            let Some(name) = current.take() else { break };
            match transition(&definition["tasks"][&name], child, &mut context) {
                Ok(next) => current = next,
                Err(message) => return Next::Failed(json!([{ "type": "error", "message": message, "task_id": name }])),
            }
            if child.status != Status::Succeeded && current.is_none() {
                return Next::Failed(json!([{
                    "type": "error", "message": "Execution failed. See result for details.", "task_id": name,
                    "result": child.result,
                }]));
            }
        }
        match current {
            Some(name) => task(&definition, &name, &context),
            None => output(&definition, &context),
        }
    }
}

enum Next {
    Task(Task),
    Done(Value),
    Failed(Value),
}

struct Task {
    name: String,
    action: String,
    parameters: Map<String, Value>,
}

/// The task that no other leads to.
fn first_task(definition: &Value) -> Option<String> {
    let tasks = definition["tasks"].as_object()?;
    let followers: Vec<_> = tasks.values().flat_map(transitions).filter_map(|next| next["do"].as_str()).collect();
    tasks.keys().find(|name| !followers.contains(&name.as_str())).cloned()
}

fn transitions(task: &Value) -> impl Iterator<Item = &Value> {
    task["next"].as_array().into_iter().flatten()
}

/// Publishes what an ended task publishes, and names the task after it.
fn transition(task: &Value, child: &Execution, context: &mut Map<String, Value>) -> Result<Option<String>, String> {
    let succeeded = child.status == Status::Succeeded;
    let mut next = None;
    for step in transitions(task) {
        let before = context.clone();
        let scope = yaql::Surroundings { context: &before, result: child.result.as_ref(), succeeded };
        let when = step["when"].as_str().unwrap_or("<% completed() %>");
        if yaql::evaluate(when, &scope)? != Value::Bool(true) {
            continue;
        }
        for (name, text) in published(&step["publish"]) {
            context.insert(name, yaql::evaluate(&text, &scope)?);
        }
        next = next.or_else(|| step["do"].as_str().map(str::to_owned));
    }
    Ok(next)
}

/// `publish` as `a=<% … %>` or as a list of mappings.
fn published(publish: &Value) -> Vec<(String, String)> {
    match publish {
        Value::String(text) => {
            text.split_once('=').map(|(name, text)| (name.trim().to_owned(), text.to_owned())).into_iter().collect()
        }
        Value::Array(items) => items.iter().flat_map(pairs).collect(),
        other => pairs(other),
    }
}

fn pairs(mapping: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    mapping.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn task(definition: &Value, name: &str, context: &Map<String, Value>) -> Next {
    let scope = yaql::Surroundings { context, result: None, succeeded: true };
    let spec = &definition["tasks"][name];
    let line = spec["action"].as_str().unwrap_or("core.noop");
    let (action, inline) = line.split_once(' ').unwrap_or((line, ""));
    let mut given: Vec<_> = pairs(&spec["input"]);
    if let Some((key, text)) = inline.split_once('=') {
        given.push((key.trim().to_owned(), text.trim().trim_matches('"').to_owned()));
    }
    let mut parameters = Map::new();
    for (key, text) in given {
        match yaql::evaluate(&text, &scope) {
            Ok(value) => drop(parameters.insert(key, value)),
            Err(message) => return Next::Failed(json!([{ "type": "error", "message": message, "task_id": name }])),
        }
    }
    Next::Task(Task { name: name.to_owned(), action: action.to_owned(), parameters })
}

fn output(definition: &Value, context: &Map<String, Value>) -> Next {
    let scope = yaql::Surroundings { context, result: None, succeeded: true };
    let Some(items) = definition["output"].as_array() else { return Next::Done(Value::Null) };
    let mut out = Map::new();
    for (name, text) in items.iter().flat_map(pairs) {
        match yaql::evaluate(&text, &scope) {
            Ok(value) => drop(out.insert(name, value)),
            Err(message) => return Next::Failed(json!([{ "type": "error", "message": message }])),
        }
    }
    Next::Done(Value::Object(out))
}
