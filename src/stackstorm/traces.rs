//! Traces: what StackStorm did under our trace tag, and which executions are ours.
//!
//! A tag is not unique: two POSTs under one tag are two traces. And a trace holds more than what we asked for: the
//! workflow's own steps, and executions that other rules hang into it. Only *roots*, which nothing inside StackStorm
//! caused, are ours.

use super::{
    client::Client,
    error::LookupError,
    ids::{ExecutionId, ObjectId, TriggerInstanceId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

/// One trace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Trace {
    /// Its id.
    pub id: ObjectId,
    /// The tag it was found by.
    pub trace_tag: String,
    /// What arrived at StackStorm's rules.
    #[serde(default)]
    pub trigger_instances: Vec<TraceEntry>,
    /// The rules that matched.
    #[serde(default)]
    pub rules: Vec<TraceEntry>,
    /// What was run.
    #[serde(default)]
    pub action_executions: Vec<TraceEntry>,
}

/// A member of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TraceEntry {
    /// The execution's, or the trigger instance's, id.
    pub object_id: ObjectId,
    /// The action's, or the trigger's, ref.
    #[serde(rename = "ref", default)]
    pub reference: String,
    /// When StackStorm put it in.
    pub updated_at: DateTime<Utc>,
    /// What inside StackStorm caused it; `None` for what came from outside.
    #[serde(default, deserialize_with = "cause")]
    pub caused_by: Option<Cause>,
}

/// What caused a member of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cause {
    /// `action_execution`, `rule` or `trigger_instance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose; for a rule `RULE_ID:TRIGGER_INSTANCE_ID`.
    pub id: String,
}

/// An execution that a POST of ours created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its action's ref.
    pub action_ref: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// `{}` means "no cause". Anything else must parse: a caused entry that is taken for a root would make us adopt or
/// cancel an execution that is not ours.
fn cause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cause>, D::Error> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(rename = "type")]
        kind: Option<String>,
        id: Option<String>,
    }
    let raw = Option::<Raw>::deserialize(deserializer)?;
    Ok(raw
        .filter(|raw| raw.kind.is_some() || raw.id.is_some())
        .map(|raw| Cause { kind: raw.kind.unwrap_or_default(), id: raw.id.unwrap_or_default() }))
}

/// The executions that our own POSTs created (direct mode), oldest first.
pub fn roots(traces: &[Trace]) -> Vec<Root> {
    let entries = traces.iter().flat_map(|trace| &trace.action_executions);
    let mut roots: Vec<Root> = entries
        .filter(|entry| entry.caused_by.is_none())
        .map(|entry| Root {
            execution_id: entry.object_id.clone(),
            action_ref: entry.reference.clone(),
            created_at: entry.updated_at,
        })
        .collect();
    roots.sort_by(|a, b| (a.created_at, &a.execution_id).cmp(&(b.created_at, &b.execution_id)));
    roots
}

/// The arrivals of our own webhook posts (rule mode), oldest first; those that a workflow's steps caused are not ours.
pub fn root_arrivals(traces: &[Trace]) -> Vec<&TraceEntry> {
    let entries = traces.iter().flat_map(|trace| &trace.trigger_instances);
    let mut ours: Vec<&TraceEntry> = entries.filter(|entry| entry.caused_by.is_none()).collect();
    ours.sort_by_key(|entry| entry.updated_at);
    ours
}

/// Their ids.
pub fn root_trigger_instances(traces: &[Trace]) -> Vec<TriggerInstanceId> {
    root_arrivals(traces).into_iter().map(|entry| entry.object_id.clone()).collect()
}

impl Client {
    /// All traces under a tag; none is an empty list. StackStorm has an index for this.
    pub async fn traces_by_tag(&self, tag: &str) -> Result<Vec<Trace>, LookupError> {
        let traces: Vec<Trace> = self.list(&["traces"], &[("trace_tag", tag)]).await?;
        if traces.iter().any(|trace| trace.trace_tag != tag) {
            return Err(LookupError::Unreadable("traces of other tags than the one asked for".to_owned()));
        }
        Ok(traces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, second: u32, caused_by: &str) -> String {
        format!(
            r#"{{"object_id":"{id}","ref":"remediation.host_down_workflow","updated_at":"2026-11-22T00:20:{second:02}.861272Z","caused_by":{caused_by}}}"#
        )
    }

    fn trace(executions: &[String], instances: &[String]) -> Trace {
        let json = format!(
            r#"{{"uid":"trace:x","trace_tag":"t","trigger_instances":[{}],"rules":[],"action_executions":[{}],"start_timestamp":"2026-11-22T00:20:30.856795Z","id":"6b02354e3117e68b4306be79"}}"#,
            instances.join(","),
            executions.join(",")
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn only_what_nothing_inside_stackstorm_caused_is_a_root() {
        let step =
            entry("6b02354f5c59aedeefc283de", 31, r#"{"type":"action_execution","id":"6b02354e3117e68b4306be78"}"#);
        let foreign = entry("6b02354f5c59aedeefc283df", 29, r#"{"type":"rule","id":"6b0234078922ff26a12f1b31:6b02"}"#);
        let ours = entry("6b02354e3117e68b4306be78", 30, "{}");
        let earlier = trace(&[entry("6b02354e3117e68b4306be01", 28, "{}")], &[]);
        let roots = roots(&[trace(&[step, foreign, ours], &[]), earlier]);
        let ids: Vec<&str> = roots.iter().map(|root| root.execution_id.as_str()).collect();
        assert_eq!(ids, ["6b02354e3117e68b4306be01", "6b02354e3117e68b4306be78"]);
        assert_eq!(roots[0].action_ref, "remediation.host_down_workflow");
    }

    #[test]
    fn arrivals_that_a_workflow_caused_are_not_our_posts() {
        let ours = entry("6b0235e2dbeb853eff82890c", 1, "{}");
        let theirs =
            entry("6b0235e2dbeb853eff828911", 2, r#"{"type":"action_execution","id":"6b0235e25c59aedeefc28589"}"#);
        let found = root_trigger_instances(&[trace(&[], &[theirs, ours])]);
        assert_eq!(found, [ObjectId::parse("6b0235e2dbeb853eff82890c").unwrap()]);
    }
}
