//! Orquesta workflows of one line of tasks: no joins, no loops over items, no retries, no tasks side by side.

use serde_json::Value;

/// Names that `do` may have instead of a task's.
pub(crate) const COMMANDS: [&str; 3] = ["continue", "fail", "noop"];

/// Refuses a workflow that the stand-in would not run as StackStorm does.
pub(crate) fn check(definition: &Value) -> Result<(), String> {
    super::only(definition, "the workflow", &["version", "description", "input", "vars", "output", "tasks"])?;
    no_jinja(definition)?;
    let tasks = definition["tasks"].as_object().ok_or("`tasks` is not a map")?;
    for (name, task) in tasks {
        super::only(task, name, &["action", "input", "next"])?;
        let action = task["action"].as_str().ok_or_else(|| format!("{name}: there is no `action`"))?;
        if action.contains("<%") && action.split_once(' ').is_none_or(|(name, _)| name.contains("<%")) {
            return Err(format!("{name}: the stand-in wants an action's name, not an expression"));
        }
        for transition in transitions(task) {
            super::only(transition, name, &["when", "publish", "do"])?;
            let to = target(transition).map_err(|why| format!("{name}: {why}"))?;
            if to.is_some_and(|to| !tasks.contains_key(to) && !COMMANDS.contains(&to)) {
                return Err(format!("{name}: there is no task {:?}", to.unwrap_or_default()));
            }
        }
    }
    match first_tasks(definition).as_slice() {
        [_] => Ok(()),
        several => Err(format!("the stand-in runs one task at a time, and {} tasks come first", several.len())),
    }
}

/// The tasks that no other leads to.
pub(crate) fn first_tasks(definition: &Value) -> Vec<String> {
    let Some(tasks) = definition["tasks"].as_object() else { return Vec::new() };
    let followers: Vec<_> =
        tasks.values().flat_map(transitions).filter_map(|next| target(next).ok().flatten()).collect();
    tasks.keys().filter(|name| !followers.contains(&name.as_str())).cloned().collect()
}

/// What may follow a task.
pub(crate) fn transitions(task: &Value) -> impl Iterator<Item = &Value> {
    task["next"].as_array().into_iter().flatten()
}

/// Where a transition leads.
pub(crate) fn target(transition: &Value) -> Result<Option<&str>, String> {
    match &transition["do"] {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some(name.trim())),
        Value::Array(names) if names.len() == 1 => Ok(names[0].as_str()),
        _ => Err("the stand-in runs one task at a time; `do` names several".to_owned()),
    }
}

fn no_jinja(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains("{{") || text.contains("{%") => {
            Err(format!("the stand-in reads YAQL (<% … %>) in workflows, not Jinja: {text:?}"))
        }
        Value::Array(items) => items.iter().try_for_each(no_jinja),
        Value::Object(map) => map.values().try_for_each(no_jinja),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(task: &Value) -> String {
        check(&json!({ "version": 1.0, "tasks": { "a": task } })).unwrap_err()
    }

    #[test]
    fn uninterpreted_syntax_is_refused() {
        check(&json!({ "tasks": { "a": { "action": "core.noop", "next": [{ "do": "fail" }] } } })).unwrap();
        assert!(refused(&json!({ "action": "core.noop", "join": "all" })).contains("does not interpret `join`"));
        assert!(refused(&json!({ "action": "core.noop", "retry": {} })).contains("does not interpret `retry`"));
        assert!(
            refused(&json!({ "action": "core.echo", "input": { "message": "{{ ctx().x }}" } })).contains("not Jinja")
        );
        assert_eq!(refused(&json!({ "action": "core.noop", "next": [{ "do": "b" }] })), "a: there is no task \"b\"");
        assert!(refused(&json!({ "action": "<% ctx(x) %>" })).contains("not an expression"));
        let two = json!({ "tasks": { "a": { "action": "core.noop" }, "b": { "action": "core.noop" } } });
        assert_eq!(check(&two).unwrap_err(), "the stand-in runs one task at a time, and 2 tasks come first");
    }
}
