//! What a lookup finds under a tag: which executions have begun, which wait, and which StackStorm or a person made again.
//!
//! Only roots count: StackStorm's other rules can add executions of their own to our trace.
//! Absence from a list proves nothing about an execution once seen (StackStorm's access control hides other users'), so each
//! root that a list lacks is asked for by its id.

use super::attempt::Attempt;
use crate::{
    model::target::ActionRef,
    stackstorm::{Execution, ExecutionStatus, LookupError, Root, Sighting, traces},
    store::dispatch::{claim::Claimed, dispatch_log, links::Link},
};
use chrono::{NaiveDateTime, TimeDelta};

/// StackStorm's clock may be behind the database's by so much.
pub(super) const CLOCKS_DIFFER: TimeDelta = TimeDelta::hours(1);

/// What StackStorm has under the tag.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Beyond `requested`, oldest first; one that StackStorm has deleted since had ended, and one that it hides belongs to another user.
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
        if cancelled.contains(&execution.id.to_string()) && never_ran(&execution) {
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

/// What StackStorm has in the traces of the tag.
pub(super) async fn find(attempt: &Attempt<'_>) -> Result<Found, LookupError> {
    let client = &attempt.dispatch.client;
    let roots = traces::roots(&client.traces_by_tag(&attempt.tag).await?);
    let sightings = client.sightings(roots.iter().map(|root| &root.execution_id)).await?;
    Ok(Found::of_roots(&roots, sightings, &cancelled_by_us(attempt.claimed)))
}

/// Executions of the tag that no trace names: StackStorm writes the trace after the execution. This is a filter without an
/// index of its own, so it is asked only where the answer decides.
pub(super) async fn untraced(attempt: &Attempt<'_>, action: &ActionRef) -> Result<Found, LookupError> {
    let since = not_before(attempt.claimed).and_utc();
    let executions = attempt.dispatch.client.executions_by_tag(&attempt.tag, Some(action), since).await?;
    Ok(Found::of_executions(executions, &cancelled_by_us(attempt.claimed)))
}

/// The lookup that decides: both ways.
pub(super) async fn find_all(attempt: &Attempt<'_>, action: &ActionRef) -> Result<Found, LookupError> {
    let found = find(attempt).await?;
    if found.is_nothing() { untraced(attempt, action).await } else { Ok(found) }
}

/// True when it was canceled before any runner had it.
pub(super) fn never_ran(execution: &Execution) -> bool {
    execution.known_status() == Some(ExecutionStatus::Canceled) && !execution.has_run()
}

/// The executions that we cancelled, by the row's log.
fn cancelled_by_us(claimed: &Claimed) -> Vec<String> {
    dispatch_log::executions(claimed.alert.dispatch_log.as_deref(), dispatch_log::CANCELLED)
}

/// StackStorm created nothing for this generation before this time, by any clock.
fn not_before(claimed: &Claimed) -> NaiveDateTime {
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
