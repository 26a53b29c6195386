//! The text of `/output`: what a command printed, or what a workflow's engine did, told from its tasks.

use std::fmt::Write as _;

use super::{execution::Execution, state::State, status::Status};

impl State {
    /// An execution's output so far.
    pub(super) fn output_of(&self, execution: &Execution) -> String {
        if execution.runner_name() == "orquesta" && execution.has_started() {
            return self.workflow_output(execution);
        }
        match execution.result.as_ref().and_then(|result| result["stdout"].as_str()) {
            Some(stdout) if !stdout.is_empty() => format!("{stdout}\n"),
            _ => String::new(),
        }
    }

    fn workflow_output(&self, execution: &Execution) -> String {
        let workflow = execution.context.get("workflow_execution").and_then(|id| id.as_str()).unwrap_or_default();
        let tasks: Vec<_> = execution.children.iter().filter_map(|child| self.execution(child)).collect();
        let mut out = format!(
            "Workflow execution \"{workflow}\" is created.\nProcessing request for workflow execution.\n\
             Requesting conductor to start running workflow execution.\n\
             Identifying next set (iter 0) of tasks for workflow execution in status \"running\".\n"
        );
        if let Some(first) = tasks.first() {
            identified(&mut out, first);
            out.push_str("Updating workflow execution from status \"requested\" to \"running\".\n");
            requested(&mut out, first);
        }
        for (at, task) in tasks.iter().enumerate() {
            followed(&mut out, task);
            if !task.status.is_terminal() {
                break;
            }
            let next = tasks.get(at + 1).copied();
            after(&mut out, task, next, execution.status);
        }
        if execution.status.is_terminal() {
            told(
                &mut out,
                format_args!("The workflow execution is completed with status \"{}\".\n\n", execution.status),
            );
        }
        out
    }
}

fn told(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn name(task: &Execution) -> &str {
    task.context.get("orquesta").and_then(|own| own["task_name"].as_str()).unwrap_or_default()
}

fn identified(out: &mut String, task: &Execution) {
    told(out, format_args!("Identified the following set of tasks to execute next: {} (route 0)", name(task)));
}

fn requested(out: &mut String, task: &Execution) {
    let (name, own) = (name(task), task.task.as_deref().unwrap_or_default());
    told(out, format_args!("Requesting execution for task \"{name}\", route \"0\"."));
    told(out, format_args!("Task execution \"{own}\" created for task \"{name}\", route \"0\"."));
    told(out, format_args!("Action execution \"{}\" requested for task \"{name}\", route \"0\".", task.id));
    told(out, format_args!("Identifying next set (iter 1) of tasks for workflow execution in status \"running\"."));
    told(out, format_args!("No tasks identified to execute next.\n\n"));
}

fn followed(out: &mut String, task: &Execution) {
    for (_, status) in task.log.iter().filter(|(_, status)| *status != Status::Requested) {
        let (id, name) = (&task.id, name(task));
        told(out, format_args!("Action execution \"{id}\" for task \"{name}\" is updated and in \"{status}\" state."));
    }
}

fn after(out: &mut String, task: &Execution, next: Option<&Execution>, workflow: Status) {
    let (id, name, status) = (&task.id, name(task), task.status);
    let own = task.task.as_deref().unwrap_or_default();
    told(
        out,
        format_args!(
            "Handling completion of action execution \"{id}\" in status \"{status}\" for task \"{name}\", route \"0\"."
        ),
    );
    told(
        out,
        format_args!("Updating task execution \"{own}\" for task \"{name}\" from status \"running\" to \"{status}\"."),
    );
    if next.is_none() && workflow.is_terminal() {
        told(out, format_args!("Updating workflow execution from status \"running\" to \"{workflow}\"."));
        told(out, format_args!("Workflow action execution is completed and invoking post run."));
    }
    told(out, format_args!("Identifying next set (iter 0) of tasks after completion of task \"{name}\", route \"0\"."));
    match next {
        Some(next) => {
            identified(out, next);
            requested(out, next);
        }
        None => told(out, format_args!("No tasks identified to execute next.\n\n")),
    }
}
