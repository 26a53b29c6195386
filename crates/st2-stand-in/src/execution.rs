//! One execution, and how the API and the stream show it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    parameters, query,
    status::Status,
    times::{self, Time},
};

/// What replaces a secret.
pub(super) const MASK: &str = "********";

/// What a rule adds to the executions it starts.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) trigger: Value,
    pub(super) trigger_type: Value,
    pub(super) trigger_instance: Value,
    pub(super) rule: Value,
}

/// An execution and its live action.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) liveaction: String,
    pub(super) action: Arc<Value>,
    pub(super) runner: Arc<Value>,
    pub(super) status: Status,
    pub(super) start: Time,
    pub(super) end: Option<Time>,
    pub(super) parameters: Map<String, Value>,
    pub(super) context: Map<String, Value>,
    pub(super) log: Vec<(Time, Status)>,
    pub(super) result: Option<Value>,
    pub(super) result_size: Option<usize>,
    pub(super) children: Vec<String>,
    pub(super) parent: Option<String>,
    pub(super) workflow: Option<String>,
    pub(super) task: Option<String>,
    pub(super) delay: Option<i64>,
    pub(super) origin: Option<Box<Origin>>,
    /// The trace it hangs in.
    pub(super) trace: String,
    /// Whether a runner has taken it.
    pub(super) on_runner: bool,
    /// Whether the message that makes the scheduler run it was sent.
    pub(super) published: bool,
}

/// How an execution is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The log's times with micros: only in the answer to the request that creates it.
    pub(super) fresh: bool,
    pub(super) secrets: bool,
}

impl Shown {
    /// As a GET shows it.
    pub(super) const READ: Self = Self { fresh: false, secrets: false };
    /// As the database holds it: what filters see.
    pub(super) const STORED: Self = Self { fresh: false, secrets: true };
}

impl Execution {
    pub(super) fn action_ref(&self) -> &str {
        self.action["ref"].as_str().unwrap_or_default()
    }

    pub(super) fn runner_name(&self) -> &str {
        self.runner["name"].as_str().unwrap_or_default()
    }

    pub(super) fn is_workflow(&self) -> bool {
        matches!(self.runner_name(), "orquesta" | "action-chain")
    }

    /// Whether a runner ever had it: it ran, or part of it.
    pub(super) fn has_started(&self) -> bool {
        self.log.iter().any(|(_, status)| *status == Status::Running)
    }

    /// The user it runs for.
    pub(super) fn user(&self) -> Value {
        self.context.get("user").cloned().unwrap_or_default()
    }

    /// Sets a result as a runner does, with its size.
    pub(super) fn set_result(&mut self, result: Value) {
        self.result_size = Some(result.to_string().len());
        self.result = Some(result);
    }

    /// The whole object.
    pub(super) fn show(&self, shown: Shown) -> Value {
        let time = if shown.fresh { times::micros } else { times::millis };
        let log: Vec<_> =
            self.log.iter().map(|(at, status)| json!({ "timestamp": time(*at), "status": status.as_str() })).collect();
        let parameters = self.shown_parameters(shown);
        let mut out = json!({
            "id": self.id, "action": *self.action, "runner": *self.runner, "status": self.status.as_str(),
            "start_timestamp": times::micros(self.start), "context": self.context, "log": log,
            "liveaction": self.show_embedded(&parameters),
            "web_url": format!("https://st2.example.local/#/history/{}/general", self.id),
        });
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                out[name] = value;
            }
        };
        put("parameters", (!parameters.is_empty()).then(|| json!(parameters)));
        put("end_timestamp", self.end.map(|end| json!(times::micros(end))));
        put("elapsed_seconds", self.end.map(|end| json!(times::seconds_between(self.start, end))));
        put("result", self.result.clone());
        put("result_size", self.result_size.map(|size| json!(size)));
        put("children", (!self.children.is_empty()).then(|| json!(self.children)));
        put("parent", self.parent.as_ref().map(|parent| json!(parent)));
        put("workflow_execution", self.workflow.as_ref().map(|id| json!(id)));
        put("task_execution", self.task.as_ref().map(|id| json!(id)));
        put("delay", self.delay.map(|delay| json!(delay)));
        if let Some(origin) = &self.origin {
            put("trigger", Some(origin.trigger.clone()));
            put("trigger_type", Some(origin.trigger_type.clone()));
            put("trigger_instance", Some(origin.trigger_instance.clone()));
            put("rule", Some(origin.rule.clone()));
        }
        out
    }

    /// What the database holds at a dotted path; a shortcut past building the whole object, for filters.
    pub(super) fn stored(&self, path: &str) -> Option<Value> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let inside =
            |value: &Value| if rest.is_empty() { Some(value.clone()) } else { query::at(value, rest).cloned() };
        let origin = self.origin.as_ref();
        match first {
            "status" => Some(json!(self.status.as_str())),
            "parent" => self.parent.as_ref().map(|parent| json!(parent)),
            "action" => inside(&self.action),
            "runner" => inside(&self.runner),
            "rule" => origin.and_then(|origin| inside(&origin.rule)),
            "trigger_instance" => origin.and_then(|origin| inside(&origin.trigger_instance)),
            "context" | "parameters" => {
                let map = if first == "context" { &self.context } else { &self.parameters };
                let (name, deeper) = rest.split_once('.').unwrap_or((rest, ""));
                let value = map.get(name)?;
                if deeper.is_empty() { Some(value.clone()) } else { query::at(value, deeper).cloned() }
            }
            _ => query::at(&self.show(Shown::STORED), path).cloned(),
        }
    }

    /// The live action as the stream's `st2.liveaction__*` events carry it.
    pub(super) fn show_liveaction(&self) -> Value {
        let mut out = self.show_embedded(&self.shown_parameters(Shown::READ));
        out["status"] = json!(self.status.as_str());
        out["start_timestamp"] = json!(times::micros(self.start));
        out["context"] = json!(self.context);
        // A live action's result is a text of JSON there, unlike an execution's.
        out["result"] = json!(self.result.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string));
        if let Some(end) = self.end {
            out["end_timestamp"] = json!(times::micros(end));
        }
        out
    }

    fn show_embedded(&self, parameters: &Map<String, Value>) -> Value {
        let runner_info =
            if self.on_runner { json!({ "hostname": "stand-in", "pid": std::process::id() }) } else { json!({}) };
        json!({
            "id": self.liveaction, "action": self.action_ref(), "action_is_workflow": self.is_workflow(),
            "parameters": parameters, "callback": {}, "runner_info": runner_info,
        })
    }

    fn shown_parameters(&self, shown: Shown) -> Map<String, Value> {
        let mut out = self.parameters.clone();
        if shown.secrets {
            return out;
        }
        let declared = parameters::declared(&self.action, &self.runner);
        for (name, value) in &mut out {
            if declared.get(name).is_some_and(|schema| schema["secret"] == json!(true)) {
                *value = json!(MASK);
            }
        }
        out
    }
}
