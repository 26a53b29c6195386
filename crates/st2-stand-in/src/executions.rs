//! Reading executions: one, its parts, lists with all their filters.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Call, Outcome, Refusal},
    execution::{Execution, Shown},
    query::{Attributes, Page},
    state::State,
    times::{self, Time},
};

/// Filters by name, with the path that each compares.
const FILTERS: [(&str, &str); 10] = [
    ("action", "action.ref"),
    ("status", "status"),
    ("liveaction", "liveaction.id"),
    ("parent", "parent"),
    ("rule", "rule.name"),
    ("runner", "runner.name"),
    ("trigger", "trigger.name"),
    ("trigger_type", "trigger_type.name"),
    ("trigger_instance", "trigger_instance.id"),
    ("user", "context.user"),
];

/// What the values of `views/filters` are of; those without a null in them first.
const VALUES_OF: [&str; 7] = ["action", "status", "runner", "user", "rule", "trigger", "trigger_type"];

/// What an advanced filter may begin with.
const FIELDS: [&str; 21] = [
    "trigger",
    "trigger_type",
    "trigger_instance",
    "rule",
    "action",
    "runner",
    "liveaction",
    "workflow_execution",
    "task_execution",
    "status",
    "start_timestamp",
    "end_timestamp",
    "parameters",
    "result",
    "result_size",
    "context",
    "parent",
    "children",
    "log",
    "delay",
    "id",
];

impl State {
    /// `GET /v1/executions/{id}`.
    pub(super) fn get_execution(&self, id: &str, call: &Call) -> Outcome {
        let attributes = Attributes::read(call)?;
        let shown = Shown { fresh: false, secrets: call.query_flag("show_secrets") };
        Ok(Answer::json(200, &attributes.of(&self.known(id)?.show(shown))))
    }

    fn known(&self, id: &str) -> Result<&Execution, Refusal> {
        let found = if id == "last" { self.executions.last() } else { self.execution(id) };
        found.ok_or_else(|| Refusal::no_resource(id))
    }

    /// `GET /v1/executions/{id}/{part}`.
    pub(super) fn get_execution_part(&self, id: &str, part: &[&str]) -> Outcome {
        let execution = self.known(id)?;
        match part {
            ["children"] => Ok(Answer::json(200, &Value::Array(self.descendants(execution)))),
            ["result"] => {
                let result = execution.result.clone().unwrap_or_else(|| json!({}));
                Ok(Answer::raw(200, "text/json", result.to_string().into_bytes()))
            }
            ["output"] => {
                let text = self.output_of(execution);
                Ok(Answer::raw(200, "text/plain; charset=UTF-8", text.into_bytes()))
            }
            ["attribute", name @ ("result" | "status" | "trigger_instance")] => {
                let shown = execution.show(Shown::READ);
                Ok(Answer::json(200, shown.get(name).unwrap_or(&Value::Null)))
            }
            ["attribute", name] => Err(Refusal::bad(format!(
                "Invalid attribute \"{name}\" specified. Valid attributes are: result, trigger_instance, status"
            ))),
            _ => Err(Refusal::no_route()),
        }
    }

    fn descendants(&self, execution: &Execution) -> Vec<Value> {
        let mut all = Vec::new();
        for child in execution.children.iter().filter_map(|child| self.execution(child)) {
            all.push(child.show(Shown::READ));
            all.extend(self.descendants(child));
        }
        all
    }

    /// `GET /v1/executions/views/filters`.
    pub(super) fn execution_filters(&self) -> Answer {
        let mut out = Map::new();
        for (name, path) in FILTERS.iter().filter(|(name, _)| VALUES_OF.contains(name)) {
            let mut values: Vec<Value> = Vec::new();
            for value in self.executions.iter().filter_map(|execution| execution.stored(path)) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            out.insert((*name).to_owned(), Value::Array(values));
        }
        Answer::json(200, &Value::Object(out))
    }

    /// `GET /v1/executions`.
    pub(super) fn list_executions(&self, call: &Call, user: &str) -> Outcome {
        let (page, attributes, filter) = (Page::read(call, Some(100))?, Attributes::read(call)?, Filter::read(call)?);
        let hidden = |own: &Execution| self.faults.hides(&own.id, own.user().as_str().unwrap_or_default(), user);
        let shown = |own: &&Execution| filter.fits(own) && !hidden(own);
        let mut found: Vec<&Execution> = self.executions.iter().filter(shown).collect();
        found.sort_by_key(|execution| execution.start);
        if !filter.ascending {
            found.reverse();
        }
        let shown = Shown { fresh: false, secrets: call.query_flag("show_secrets") };
        Ok(page.answer_with(found, |execution| attributes.of(&execution.show(shown))))
    }
}

/// What a list is narrowed to.
struct Filter {
    ids: Option<HashSet<String>>,
    /// Path and text; none is null.
    equal: Vec<(String, Option<String>)>,
    after: Option<Time>,
    before: Option<Time>,
    ascending: bool,
}

impl Filter {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let time = |name: &str| {
            let wrong = || Refusal::bad("Datetime value does not match expected format.");
            call.query(name).map(|text| times::parse(text).ok_or_else(wrong)).transpose()
        };
        let mut equal = advanced(call)?;
        for (name, path) in FILTERS {
            if let Some(value) = call.query(name) {
                equal.push((path.to_owned(), (value.to_lowercase() != "null").then(|| value.to_owned())));
            }
        }
        let (after, before) = (time("timestamp_gt")?, time("timestamp_lt")?);
        let ascending = before.is_none()
            && call.query("sort_desc").is_none()
            && (after.is_some() || call.query("sort_asc").is_some());
        let ids = call.query_list("id").map(|ids| ids.into_iter().map(str::to_owned).collect());
        Ok(Self { ids, equal, after, before, ascending })
    }

    fn fits(&self, execution: &Execution) -> bool {
        let listed = self.ids.as_ref().is_none_or(|ids| ids.contains(&execution.id));
        let later = self.after.is_none_or(|after| execution.start > after);
        let earlier = self.before.is_none_or(|before| execution.start < before);
        if !listed || !later || !earlier {
            return false;
        }
        self.equal.iter().all(|(path, wanted)| equals(execution.stored(path).as_ref(), wanted.as_deref()))
    }
}

/// As `MongoDB` compares: texts with texts, and a list by any of its items.
fn equals(own: Option<&Value>, wanted: Option<&str>) -> bool {
    match (own, wanted) {
        (None | Some(Value::Null), None) => true,
        (Some(Value::String(own)), Some(wanted)) => own == wanted,
        (Some(Value::Array(items)), Some(wanted)) => items.iter().any(|item| item == wanted),
        _ => false,
    }
}

/// `filter=field:value field:value`.
fn advanced(call: &Call) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let mut out = Vec::new();
    for token in call.query("filter").into_iter().flat_map(|filter| filter.split(' ')) {
        let Some((path, value)) = token.split_once(':') else {
            return Err(Refusal::bad(format!("invalid format for filter \"{token}\"")));
        };
        let first = path.split('.').next().unwrap_or(path);
        if !FIELDS.contains(&first) {
            return Err(Refusal::bad(format!("Cannot resolve field \"{first}\"")));
        }
        out.push((path.to_owned(), Some(value.to_owned())));
    }
    Ok(out)
}
