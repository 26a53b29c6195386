//! Reads what StackStorm has under a trace tag; `verdict` decides what it means.
//!
//! The order matters. The trace tells of the arrivals; each arrival's status is read, then its enforcements, then the
//! trace again: an arrival that was `processed` before the enforcements and the trace were read has left everything in
//! them. Nothing is written here, so a crash anywhere changes nothing. What cannot be read is part of the evidence.

use super::verdict::{Arrival, Evidence, Seen, Started};
use crate::stackstorm::{
    Client, ExecutionId, Trace,
    traces::{self, TraceEntry},
    webhooks::EnforcementStatus,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything under a tag. `cancelled` are the executions that we cancelled: they are always read.
pub(super) async fn read(client: &Client, tag: &str, cancelled: &[String]) -> Evidence {
    let mut reader = Reader { client, cancelled, evidence: Evidence::default() };
    let Some(traces) = reader.traces(tag).await else { return reader.evidence };
    reader.arrivals(&traces).await;
    reader.enforcements().await;
    // The second reading; without it the first has to do, and the evidence says that it is not whole.
    let traces = reader.traces(tag).await.unwrap_or(traces);
    reader.late_arrivals(&traces);
    reader.executions(&traces).await;
    reader.evidence
}

struct Reader<'a> {
    client: &'a Client,
    cancelled: &'a [String],
    evidence: Evidence,
}

impl Reader<'_> {
    async fn traces(&mut self, tag: &str) -> Option<Vec<Trace>> {
        match self.client.traces_by_tag(tag).await {
            Ok(traces) => Some(traces),
            Err(error) => {
                self.evidence.unread.push(format!("the traces cannot be read: {error}"));
                None
            }
        }
    }

    async fn arrivals(&mut self, traces: &[Trace]) {
        for entry in traces::root_arrivals(traces) {
            let (id, trigger) = (entry.object_id.clone(), entry.reference.clone());
            let status = self.client.trigger_instance(&id).await.unwrap_or_else(|error| {
                self.evidence.unread.push(format!("trigger instance {id} cannot be read: {error}"));
                None
            });
            self.evidence.arrivals.push(Arrival { id, trigger, status });
        }
    }

    async fn enforcements(&mut self) {
        for arrival in &self.evidence.arrivals {
            match self.client.rule_enforcements(&arrival.id).await {
                Ok(found) => self.evidence.enforcements.extend(found),
                Err(error) => {
                    self.evidence.unread.push(format!("enforcements of {} cannot be read: {error}", arrival.id));
                }
            }
        }
    }

    /// An arrival that only the second reading has is not worked off yet, as far as we know.
    fn late_arrivals(&mut self, traces: &[Trace]) {
        for entry in traces::root_arrivals(traces) {
            if !self.evidence.arrivals.iter().any(|known| known.id == entry.object_id) {
                let (id, trigger) = (entry.object_id.clone(), entry.reference.clone());
                self.evidence.arrivals.push(Arrival { id, trigger, status: None });
            }
        }
    }

    /// What the enforcements name, and what the traces hold. A root without a cause is StackStorm's own retry or a
    /// person's run of what a rule started: it counts, too.
    async fn executions(&mut self, traces: &[Trace]) {
        let rules = rules_of(traces, &self.evidence);
        self.evidence.rules = rules.values().cloned().collect();
        let mut started: BTreeMap<ExecutionId, Started> = BTreeMap::new();
        for entry in traces.iter().flat_map(|trace| &trace.action_executions) {
            if !is_ours(entry, &self.evidence) {
                continue;
            }
            let rule_ref = cause(entry).and_then(|(rule, _)| rules.get(rule).cloned());
            let action_ref = Some(entry.reference.clone()).filter(|reference| !reference.is_empty());
            let id = entry.object_id.clone();
            started.insert(id.clone(), Started { id, rule_ref, action_ref, named: false, seen: Seen::NotAsked });
        }
        for enforcement in &self.evidence.enforcements {
            let Some(id) = enforcement.execution_id.clone() else { continue };
            let blank =
                Started { id: id.clone(), rule_ref: None, action_ref: None, named: false, seen: Seen::NotAsked };
            let known = started.entry(id).or_insert(blank);
            known.named |= enforcement.status == EnforcementStatus::Succeeded;
            known.rule_ref = Some(enforcement.rule_ref.clone());
        }
        for execution in started.values_mut() {
            self.look(execution).await;
        }
        self.evidence.executions = started.into_values().collect();
    }

    /// Reads an execution that the enforcements alone do not decide, or whose action the trace does not tell.
    async fn look(&self, execution: &mut Started) {
        let ours = self.cancelled.iter().any(|id| id == execution.id.as_str());
        if execution.named && !ours && execution.action_ref.is_some() {
            return;
        }
        execution.seen = match self.client.execution(&execution.id).await {
            Ok(Some(found)) => {
                execution.action_ref = execution.action_ref.take().or_else(|| found.action_ref.clone());
                execution.rule_ref = execution.rule_ref.take().or_else(|| found.rule_ref.clone());
                Seen::Is(Box::new(found))
            }
            Ok(None) => Seen::Gone,
            Err(_) => Seen::Unread,
        };
    }
}

/// The refs of the rules that the arrivals matched, by the rules' ids.
fn rules_of(traces: &[Trace], evidence: &Evidence) -> BTreeMap<String, String> {
    let arrivals: BTreeSet<&str> = evidence.arrivals.iter().map(|arrival| arrival.id.as_str()).collect();
    let entries = traces.iter().flat_map(|trace| &trace.rules);
    let ours =
        entries.filter(|entry| entry.caused_by.as_ref().is_some_and(|cause| arrivals.contains(cause.id.as_str())));
    ours.map(|entry| (entry.object_id.to_string(), entry.reference.clone())).collect()
}

/// A rule of our arrivals caused it, or nothing did. A chained rule hangs its executions into our trace as well: those are
/// not ours.
fn is_ours(entry: &TraceEntry, evidence: &Evidence) -> bool {
    let of_rule = |arrival: &str| evidence.arrivals.iter().any(|known| known.id.as_str() == arrival);
    entry.caused_by.is_none() || cause(entry).is_some_and(|(_, arrival)| of_rule(arrival))
}

/// The ids of the rule and of the arrival that caused it.
fn cause(entry: &TraceEntry) -> Option<(&str, &str)> {
    entry.caused_by.as_ref().filter(|cause| cause.kind == "rule")?.id.split_once(':')
}
