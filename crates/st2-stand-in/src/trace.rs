//! Traces: what hangs together, and why.

use serde_json::{Value, json};

use super::{
    ids::digest32,
    times::{self, Time},
};

/// One trace. Tags are not unique.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) start: Time,
    pub(super) trigger_instances: Vec<Component>,
    pub(super) rules: Vec<Component>,
    pub(super) executions: Vec<Component>,
}

/// One thing in a trace.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: String,
    pub(super) reference: String,
    pub(super) at: Time,
    pub(super) caused_by: Value,
}

/// The cause that another execution is.
pub(super) fn by_execution(id: &str) -> Value {
    json!({ "type": "action_execution", "id": id })
}

impl Trace {
    pub(super) fn new(id: String, tag: &str, start: Time) -> Self {
        Self {
            id,
            tag: tag.to_owned(),
            start,
            trigger_instances: Vec::new(),
            rules: Vec::new(),
            executions: Vec::new(),
        }
    }

    /// As the API shows it.
    pub(super) fn show(&self) -> Value {
        let (trigger_instances, rules) = (show(&self.trigger_instances), show(&self.rules));
        let executions = show(&self.executions);
        // The uid follows the content, as StackStorm's does: it changes as the trace grows.
        let content = format!("{}{}{trigger_instances}{rules}{executions}", self.id, self.tag);
        json!({
            "uid": format!("trace:{}", digest32(&content)), "trace_tag": self.tag, "id": self.id,
            "start_timestamp": times::micros(self.start), "trigger_instances": trigger_instances, "rules": rules,
            "action_executions": executions,
        })
    }

    /// Whether it holds an object of that id.
    pub(super) fn holds(&self, kind: Kind, id: &str) -> bool {
        let components = match kind {
            Kind::Execution => &self.executions,
            Kind::Rule => &self.rules,
            Kind::TriggerInstance => &self.trigger_instances,
        };
        components.iter().any(|component| component.id == id)
    }

    /// The executions that nothing in the trace but a POST or a webhook's rule has started.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        let is_root = |component: &&Component| component.caused_by["type"] != "action_execution";
        self.executions.iter().filter(is_root).map(|component| component.id.as_str())
    }
}

/// The three lists of a trace.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Execution,
    Rule,
    TriggerInstance,
}

fn show(components: &[Component]) -> Value {
    let show = |component: &Component| {
        json!({
            "object_id": component.id, "ref": component.reference, "updated_at": times::micros(component.at),
            "caused_by": component.caused_by,
        })
    };
    components.iter().map(show).collect()
}
