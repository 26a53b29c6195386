//! The policy `action.retry`: StackStorm runs a failed execution again, as a copy with the same context.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{create::Request, execution::Execution, state::State, status::Status, step::Step};

/// How often a policy retries that does not say it.
const DEFAULT_MAX: u64 = 2;

impl State {
    /// Looks for a policy that runs what has just ended again. Tasks of workflows are never retried.
    pub(super) fn consider_retry(&mut self, id: &str) {
        let Some(execution) = self.execution(id) else { return };
        if execution.parent.is_some() {
            return;
        }
        let applies = |policy: &&Value| {
            policy["policy_type"] == "action.retry"
                && policy["enabled"] != Value::Bool(false)
                && policy["resource_ref"] == execution.action_ref()
                && is_for(policy, execution.status)
                && retries(execution) < policy["parameters"]["max_retry_count"].as_u64().unwrap_or(DEFAULT_MAX)
        };
        let Some(policy) = self.content.policies.iter().find(applies) else { return };
        let delay = policy["parameters"]["delay"].as_f64().and_then(|delay| Duration::try_from_secs_f64(delay).ok());
        let reference = policy["ref"].as_str().unwrap_or_default().to_owned();
        self.after(self.pace.schedule.max(delay.unwrap_or_default()), Step::Retry(id.to_owned(), reference));
    }

    /// The copy: its context is the old one and the policy's, so a tag makes a second trace, and a rule's execution
    /// joins its trace as caused by the rule again. The parameters are those that ran: they are not rendered again.
    pub(super) fn retry(&mut self, id: &str, policy: &str) {
        let Some(old) = self.execution(id) else { return };
        let mut context = old.context.clone();
        let retry = json!({
            "applied_policy": policy, "retry_count": retries(old) + 1, "retried_liveaction_id": old.liveaction,
        });
        context.insert("policies".to_owned(), json!({ "retry": retry }));
        let request = Request {
            action: old.action_ref().to_owned(),
            parameters: old.parameters.clone(),
            caused_by: caused_by(&context),
            context,
            delay: None,
            publish: true,
            origin: old.origin.clone(),
        };
        match self.store(request) {
            Ok(copy) => self.publish(&copy),
            Err(refusal) => log::warn!("the policy {policy} could not run {id} again: {}", refusal.text),
        }
    }
}

fn is_for(policy: &Value, status: Status) -> bool {
    match policy["parameters"]["retry_on"].as_str() {
        Some("failure") => status == Status::Failed,
        Some("timeout") => status == Status::Timeout,
        _ => false,
    }
}

fn retries(execution: &Execution) -> u64 {
    execution.context.get("policies").and_then(|policies| policies["retry"]["retry_count"].as_u64()).unwrap_or(0)
}

fn caused_by(context: &Map<String, Value>) -> Value {
    let id = |name: &str| context.get(name).and_then(|own| own["id"].as_str());
    match (id("rule"), id("trigger_instance")) {
        (Some(rule), Some(instance)) => json!({ "type": "rule", "id": format!("{rule}:{instance}") }),
        _ => json!({}),
    }
}
