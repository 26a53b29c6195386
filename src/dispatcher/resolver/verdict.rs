//! What StackStorm's rules did with a webhook: decided from what was read, without any I/O. `evidence` reads.
//!
//! Two witnesses tell of an execution: the rule's enforcement and the trace. They can disagree. An enforcement can be
//! `failed` although its execution runs, a run can lack its enforcement, and a rule whose parameters cannot be rendered
//! leaves a failed execution that its enforcement does not name. So both are read, and an execution counts by what it did.

use crate::{
    stackstorm::{
        Execution, ExecutionId, ExecutionStatus, RuleEnforcement, TriggerInstanceId, TriggerInstanceStatus,
        webhooks::EnforcementStatus,
    },
    store::dispatch::links::Link,
};
use std::collections::{BTreeMap, BTreeSet};

/// What was read in StackStorm under one trace tag.
#[derive(Debug, Default)]
pub(in crate::dispatcher) struct Evidence {
    /// The root trigger instances: each is one webhook that reached the rules engine.
    pub(super) arrivals: Vec<Arrival>,
    /// The rules that matched, as the rules engine wrote them down.
    pub(super) enforcements: Vec<RuleEnforcement>,
    /// What those arrivals started, oldest first.
    pub(super) executions: Vec<Started>,
    /// The refs of the rules in the traces.
    pub(super) rules: BTreeSet<String>,
    /// What could not be read.
    pub(super) unread: Vec<String>,
}

/// A webhook that reached the rules engine.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) id: TriggerInstanceId,
    pub(super) trigger: String,
    /// `None` when StackStorm has none of this id any more, or it was not there at the first reading.
    pub(super) status: Option<TriggerInstanceStatus>,
}

/// An execution that a rule started for one of the arrivals.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) id: ExecutionId,
    pub(super) rule_ref: Option<String>,
    pub(super) action_ref: Option<String>,
    /// True when a `succeeded` enforcement names it.
    pub(super) named: bool,
    pub(super) seen: Seen,
}

/// What is known of an execution.
#[derive(Debug)]
pub(super) enum Seen {
    /// There was no need to read it.
    NotAsked,
    /// As StackStorm has it.
    Is(Box<Execution>),
    /// StackStorm has deleted it: it had ended.
    Gone,
    /// It could not be read.
    Unread,
}

/// What the rules did with one webhook.
#[derive(Debug, PartialEq)]
pub(in crate::dispatcher) enum Verdict {
    /// Not known yet, and why.
    Unknown(String),
    /// They ran these.
    Ran(Vec<Link>),
    /// Some matched, and nothing ran.
    Failed(Failure),
    /// None matched.
    NoneMatched,
}

/// Rules that matched and ran nothing.
#[derive(Debug, PartialEq)]
pub(in crate::dispatcher) struct Failure {
    /// The executions that they left.
    pub(super) links: Vec<Link>,
    /// Their refs.
    pub(super) rules: BTreeSet<String>,
    /// For people.
    pub(super) error: String,
}

/// Whether an execution ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Ran,
    DidNotRun,
    Undecided,
}

/// When a look at the evidence is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dispatcher) enum Look {
    /// There will be another one.
    Interim,
    /// The deadline has passed: what is undecided counts as run.
    Last,
}

impl Evidence {
    /// The decision. `cancelled` are the executions that we cancelled ourselves.
    pub(in crate::dispatcher) fn judge(&self, cancelled: &[String], look: Look) -> Verdict {
        let open = self.open();
        if let (Some(open), Look::Interim) = (&open, look) {
            return Verdict::Unknown(open.clone());
        }
        let fates: Vec<(&Started, Fate)> =
            self.executions.iter().map(|started| (started, started.fate(cancelled))).collect();
        let first = |fate| fates.iter().find(|(_, found)| *found == fate).map(|(started, _)| *started);
        let undecided = first(Fate::Undecided);
        if first(Fate::Ran).is_some() || (look == Look::Last && undecided.is_some()) {
            return Verdict::Ran(self.links());
        }
        if let Some(started) = undecided {
            return Verdict::Unknown(format!("execution {} is {}", started.id, started.word()));
        }
        if !self.executions.is_empty() || !self.enforcements.is_empty() {
            return Verdict::Failed(self.failure());
        }
        match open.or_else(|| self.rule_without_a_result()) {
            Some(open) => Verdict::Unknown(open),
            None if self.engine_failed() => Verdict::Failed(Failure {
                links: Vec::new(),
                rules: BTreeSet::new(),
                error: "StackStorm's rules engine failed while it looked for rules".to_owned(),
            }),
            None => Verdict::NoneMatched,
        }
    }

    /// Executions beyond the ones that one webhook should have: more than one arrival of one trigger.
    pub(super) fn duplicates(&self) -> u64 {
        let mut arrivals: BTreeMap<&str, u64> = BTreeMap::new();
        for arrival in &self.arrivals {
            *arrivals.entry(&arrival.trigger).or_default() += 1;
        }
        arrivals.values().map(|count| count - 1).sum()
    }

    /// Executions that are still `requested`: on their way, or forgotten by StackStorm.
    pub(super) fn requested(&self) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter_map(|started| match &started.seen {
            Seen::Is(found) if found.known_status() == Some(ExecutionStatus::Requested) && !found.has_run() => {
                Some(&**found)
            }
            _ => None,
        })
    }

    /// True when StackStorm has nothing at all under the tag, and said so.
    pub(super) fn is_nothing(&self) -> bool {
        self.arrivals.is_empty() && self.executions.is_empty() && self.unread.is_empty()
    }

    /// Why more may come: enforcements and executions are complete once every arrival is `processed`.
    fn open(&self) -> Option<String> {
        if let Some(unread) = self.unread.first() {
            return Some(unread.clone());
        }
        if self.arrivals.is_empty() {
            return Some("no trace of the webhook yet".to_owned());
        }
        // The rules engine does not try again after a failure: what it has started counts, and nothing more comes.
        let done = [Some(TriggerInstanceStatus::Processed), Some(TriggerInstanceStatus::ProcessingFailed)];
        let open = self.arrivals.iter().find(|arrival| !done.contains(&arrival.status))?;
        let status = open.status.map_or("not known", TriggerInstanceStatus::as_str);
        Some(format!("trigger instance {} is {status}", open.id))
    }

    fn engine_failed(&self) -> bool {
        self.arrivals.iter().any(|arrival| arrival.status == Some(TriggerInstanceStatus::ProcessingFailed))
    }

    /// A rule that matched and has neither an enforcement nor an execution: nothing says that it did not run.
    fn rule_without_a_result(&self) -> Option<String> {
        let rule = self.rules.first()?;
        Some(format!("rule {rule} matched, and has neither an enforcement nor an execution"))
    }

    fn links(&self) -> Vec<Link> {
        self.executions.iter().map(Started::link).collect()
    }

    fn failure(&self) -> Failure {
        let links = self.links();
        let reasons: Vec<String> = self.enforcements.iter().filter_map(failure_reason).collect();
        let left = self.executions.iter().map(|started| format!("execution {} is {}", started.id, started.word()));
        let error = if reasons.is_empty() { left.collect::<Vec<_>>() } else { reasons }.join("; ");
        let named = self.enforcements.iter().map(|enforcement| enforcement.rule_ref.clone());
        let rules = named.chain(links.iter().filter_map(|link| link.rule_ref.clone())).collect();
        Failure { links, rules, error }
    }
}

fn failure_reason(enforcement: &RuleEnforcement) -> Option<String> {
    let reason = match (enforcement.status, &enforcement.failure_reason) {
        (EnforcementStatus::Succeeded, _) if enforcement.execution_id.is_some() => return None,
        (EnforcementStatus::Succeeded, _) => "it names no execution",
        (EnforcementStatus::Failed, Some(reason)) => reason,
        (EnforcementStatus::Failed, None) => "no reason given",
    };
    Some(format!("{}: {reason}", enforcement.rule_ref))
}

impl Started {
    /// What has `running` in its log ran. An orphan that we cancelled before it ran did not, even if an enforcement names it. Otherwise
    /// what a `succeeded` enforcement names ran, whatever its status; and of the others the status tells.
    fn fate(&self, cancelled: &[String]) -> Fate {
        let ours = cancelled.iter().any(|id| id == self.id.as_str());
        match &self.seen {
            Seen::Is(found) if found.has_run() => Fate::Ran,
            Seen::Is(found) if ours && found.known_status() == Some(ExecutionStatus::Canceled) => Fate::DidNotRun,
            Seen::Unread if ours => Fate::Undecided,
            _ if self.named => Fate::Ran,
            Seen::Is(found) => fate_by_status(found.known_status()),
            Seen::Gone => Fate::Ran,
            Seen::Unread | Seen::NotAsked => Fate::Undecided,
        }
    }

    fn word(&self) -> &str {
        match &self.seen {
            Seen::NotAsked => "not read",
            Seen::Is(found) => &found.status,
            Seen::Gone => "deleted",
            Seen::Unread => "not readable",
        }
    }

    fn link(&self) -> Link {
        Link { execution_id: self.id.to_string(), rule_ref: self.rule_ref.clone(), action_ref: self.action_ref.clone() }
    }
}

/// Without `running` in the log.
fn fate_by_status(status: Option<ExecutionStatus>) -> Fate {
    match status {
        Some(ExecutionStatus::Canceled | ExecutionStatus::Failed) => Fate::DidNotRun,
        // A runner ended it, so a runner had it.
        Some(status) if status.is_terminal() => Fate::Ran,
        _ => Fate::Undecided,
    }
}

#[cfg(test)]
mod tests;
