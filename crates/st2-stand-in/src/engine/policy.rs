//! Concurrency policies: how many executions with the same parameters may be active at once.

use serde_json::Value;

use crate::{execution::Execution, state::State};

/// What the scheduler does with an execution.
pub(super) enum Verdict {
    Go,
    Cancel,
    Delay,
}

impl State {
    pub(super) fn policy_verdict(&self, id: &str) -> Verdict {
        let Some(execution) = self.execution(id) else { return Verdict::Go };
        let mut policies = self.content.policies.iter().filter(|policy| {
            policy["enabled"] != Value::Bool(false)
                && policy["resource_ref"] == execution.action_ref()
                && policy["policy_type"] == "action.concurrency.attr"
        });
        let broken = policies.find(|policy| {
            let attributes = policy["parameters"]["attributes"].as_array();
            let threshold = policy["parameters"]["threshold"].as_u64().unwrap_or(u64::MAX);
            let active = self.executions.iter().filter(|other| {
                other.id != execution.id
                    && other.status.counts_as_active()
                    && other.action_ref() == execution.action_ref()
                    && attributes.is_some_and(|names| names.iter().all(|name| same(execution, other, name)))
            });
            u64::try_from(active.count()).unwrap_or(u64::MAX) >= threshold
        });
        match broken {
            None => Verdict::Go,
            Some(policy) if policy["parameters"]["action"] == "cancel" => Verdict::Cancel,
            Some(_) => Verdict::Delay,
        }
    }
}

fn same(one: &Execution, other: &Execution, name: &Value) -> bool {
    let name = name.as_str().unwrap_or_default();
    one.parameters.get(name) == other.parameters.get(name)
}
