//! What a lookup found under a tag: which executions have begun, which wait, and which are not our doing.
//!
//! Absence from a list proves nothing about an execution once seen (StackStorm's access control hides other users'), so each
//! root that a list lacks is asked for by its id.

use super::orphans;
use crate::{
    stackstorm::{Execution, ExecutionStatus, Root, Sighting},
    store::dispatch::{claim::Claimed, dispatch_log, links::Link},
};
use chrono::{NaiveDateTime, TimeDelta};

/// StackStorm's clock may be behind the database's by so much.
pub(super) const CLOCKS_DIFFER: TimeDelta = TimeDelta::hours(1);

/// What StackStorm has under the tag.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Beyond `requested`, oldest first; one that StackStorm has deleted since had ended, and one that it hides is somebody's.
    pub(super) begun: Vec<Link>,
    /// Still `requested`, oldest first: on its way, or forgotten.
    pub(super) waiting: Vec<Execution>,
    /// StackStorm's own retries and a person's re-runs. They exist because ours did: to be linked, never cancelled.
    pub(super) kin: Vec<Link>,
}

impl Found {
    pub(super) fn is_nothing(&self) -> bool {
        self.waiting.is_empty() && !self.has_begun()
    }

    /// One has left `requested`, or StackStorm or a person has made one again: the dispatch has its execution.
    pub(super) fn has_begun(&self) -> bool {
        !(self.begun.is_empty() && self.kin.is_empty())
    }

    /// All of them, ours first.
    pub(super) fn links(&self) -> impl Iterator<Item = Link> {
        self.begun.iter().cloned().chain(self.waiting.iter().map(link_of)).chain(self.kin.iter().cloned())
    }

    /// How many executions there are beyond the one that there should be.
    pub(super) fn surplus(&self) -> usize {
        (self.begun.len() + self.waiting.len()).saturating_sub(1)
    }

    /// What the roots of our traces are. Those that we cancelled ourselves before they ran are as if they had never been.
    pub(super) fn of_roots(roots: &[Root], sightings: Vec<Sighting>, cancelled: &[String]) -> Self {
        let mut found = Self::default();
        for (root, sighting) in std::iter::zip(roots, sightings) {
            match sighting {
                Sighting::Seen(execution) => found.add(*execution, cancelled),
                Sighting::Gone => found.begun.push(link(root)),
                // Our own executions are ours to see: a person's re-run, then.
                Sighting::Hidden => found.kin.push(link(root)),
            }
        }
        found.sorted()
    }

    /// What the filter by tag gave; what a rule started is not ours.
    pub(super) fn of_executions(executions: Vec<Execution>, cancelled: &[String]) -> Self {
        let mut found = Self::default();
        for execution in executions.into_iter().filter(|execution| execution.rule_ref.is_none()) {
            found.add(execution, cancelled);
        }
        found.sorted()
    }

    fn add(&mut self, execution: Execution, cancelled: &[String]) {
        if cancelled.contains(&execution.id.to_string()) && orphans::never_ran(&execution) {
            return;
        }
        if execution.is_made_again() {
            self.kin.push(link_of(&execution));
        } else if execution.known_status() == Some(ExecutionStatus::Requested) {
            self.waiting.push(execution);
        } else {
            self.begun.push(link_of(&execution));
        }
    }

    fn sorted(mut self) -> Self {
        self.waiting.sort_by_key(|execution| execution.start_timestamp);
        self
    }
}

/// The executions that we cancelled, by the row's log.
pub(super) fn cancelled_by_us(claimed: &Claimed) -> Vec<String> {
    dispatch_log::executions(claimed.alert.dispatch_log.as_deref(), dispatch_log::CANCELLED)
}

/// StackStorm created nothing for this generation before this time, by any clock.
pub(super) fn not_before(claimed: &Claimed) -> NaiveDateTime {
    claimed.alert.pending_at.unwrap_or(claimed.alert.created_at) - CLOCKS_DIFFER
}

/// A root as a link.
pub(super) fn link(root: &Root) -> Link {
    Link { execution_id: root.execution_id.to_string(), rule_ref: None, action_ref: Some(root.action_ref.clone()) }
}

fn link_of(execution: &Execution) -> Link {
    Link { execution_id: execution.id.to_string(), rule_ref: None, action_ref: execution.action_ref.clone() }
}

#[cfg(test)]
mod tests;
