//! What is followed: executions that have not ended, or whose children are not all there yet. No I/O.

use super::row;
use crate::{
    stackstorm::{Execution, ExecutionId},
    store::executions::{Tracking, upsert::Observed},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

/// Executions in one question: what StackStorm lists for those who are not its admins.
pub(super) const BATCH: usize = 100;

/// The followed executions, and those of them to ask for.
#[derive(Default)]
pub(super) struct Watched {
    entries: HashMap<ExecutionId, Entry>,
    /// To be asked for, unless heard of since.
    queue: VecDeque<(Instant, ExecutionId)>,
}

/// One execution.
struct Entry {
    since: Instant,
    heard_at: Option<Instant>,
    /// Entries of its log and status when it was last heard of: an answer with fewer entries is an older one.
    seen: Option<(usize, String)>,
    parent: Option<ExecutionId>,
    children: Vec<ExecutionId>,
    /// The children that have rows.
    written: HashSet<ExecutionId>,
    ended: bool,
    /// The links that have no row yet.
    links: Vec<i64>,
    action: Option<String>,
}

/// What is to be written of an execution.
#[derive(Debug, Clone)]
pub(super) struct News {
    pub(super) row: Observed,
    /// When it took its status, if that is news.
    pub(super) changed_at: Option<DateTime<Utc>>,
    pub(super) changed: bool,
}

/// What a written row means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// The links that have their row now.
    pub(super) links: Vec<i64>,
    /// An execution that had ended before, and whose last child is there now.
    pub(super) finished: Option<ExecutionId>,
}

impl Watched {
    pub(super) fn contains(&self, id: &ExecutionId) -> bool {
        self.entries.contains_key(id)
    }

    /// Follows an execution, and asks for it soon.
    pub(super) fn add(&mut self, id: ExecutionId, parent: Option<ExecutionId>, now: Instant) {
        self.queue.push_back((now, id.clone()));
        self.entries.entry(id).or_insert_with(|| Entry::new(parent, now));
    }

    /// Follows a link that has no row yet.
    pub(super) fn add_link(&mut self, id: &ExecutionId, link: i64, action: Option<String>, now: Instant) {
        self.add(id.clone(), None, now);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.links.push(link);
            entry.action = action;
        }
    }

    /// Takes what StackStorm showed at `at`; `None` when it is not ours, not news, or older than what we know. Whatever
    /// comes over the stream counts as news: the same status may come with another context.
    pub(super) fn take(&mut self, execution: &Execution, at: Instant, streamed: bool) -> Option<News> {
        if !self.contains(&execution.id) {
            let parent = execution.parent.clone().filter(|parent| self.contains(parent))?;
            self.entries.insert(execution.id.clone(), Entry::new(Some(parent), at));
        }
        let entry = self.entries.get_mut(&execution.id)?;
        if entry.is_newer_than(execution) {
            return None;
        }
        entry.heard_at = entry.heard_at.max(Some(at));
        entry.parent = entry.parent.take().or_else(|| execution.parent.clone());
        let seen = (execution.log.len(), execution.status.clone());
        let changed = entry.seen.as_ref().is_none_or(|(_, status)| *status != seen.1);
        let grown = entry.children.len() < execution.children.len();
        let is_news = streamed || grown || !entry.links.is_empty() || entry.seen.as_ref() != Some(&seen);
        entry.seen = Some(seen);
        entry.children.clone_from(&execution.children);
        entry.ended = execution.is_terminal();
        let tracking = if entry.is_finished() { Tracking::Done } else { Tracking::Following };
        let missing: Vec<ExecutionId> = entry.missing().cloned().collect();
        for child in missing.into_iter().filter(|child| !self.entries.contains_key(child)).collect::<Vec<_>>() {
            self.add(child, Some(execution.id.clone()), at);
        }
        let changed_at = row::changed_at(execution).filter(|_| changed);
        is_news.then(|| News { row: row::observed(execution, tracking), changed_at, changed })
    }

    /// The row of an execution that StackStorm does not have; `None` when it is not followed.
    pub(super) fn gone(&self, id: &ExecutionId) -> Option<News> {
        let entry = self.entries.get(id)?;
        let mut row = Observed::gone(id.as_str(), entry.action.as_deref());
        row.parent = entry.parent.as_ref().map(ToString::to_string);
        Some(News { row, changed_at: None, changed: false })
    }

    /// Notes that the row is in the database, and follows no further what is finished.
    pub(super) fn written(&mut self, id: &ExecutionId, tracking: Tracking) -> Written {
        let Some(entry) = self.entries.get_mut(id) else { return Written::default() };
        let links = std::mem::take(&mut entry.links);
        let parent = entry.parent.clone();
        if tracking == Tracking::Gone || entry.is_finished() {
            self.entries.remove(id);
        }
        let finished = parent.filter(|parent| self.child_is_there(parent, id));
        Written { links, finished }
    }

    /// The row was not taken: the next answer is news again.
    pub(super) fn refused(&mut self, id: &ExecutionId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.seen = None;
        }
    }

    /// True when that ends the following of the parent.
    fn child_is_there(&mut self, parent: &ExecutionId, child: &ExecutionId) -> bool {
        let Some(entry) = self.entries.get_mut(parent) else { return false };
        let new = entry.written.insert(child.clone());
        let finished = new && entry.is_finished();
        if finished {
            self.entries.remove(parent);
        }
        finished
    }

    /// Everything is to be asked for: what happened before `now` may have been missed.
    pub(super) fn ask_for_all(&mut self, now: Instant) {
        self.queue.clear();
        self.queue.extend(self.entries.keys().map(|id| (now, id.clone())));
    }

    /// Fills the queue with what has not been heard of for a tenth of the time that it has been followed: within `often`
    /// at first, and within `rarely` when it takes long.
    pub(super) fn ask_for_silent(&mut self, now: Instant, often: Duration, rarely: Duration) {
        if !self.queue.is_empty() {
            return;
        }
        let silent = |entry: &Entry| {
            let patience = ((now - entry.since) / 10).clamp(often, rarely);
            entry.heard_at.is_none_or(|at| now.saturating_duration_since(at) > patience)
        };
        let due = self.entries.iter().filter(|(_, entry)| silent(entry));
        self.queue.extend(due.map(|(id, _)| (now, id.clone())));
    }

    /// The next question.
    pub(super) fn question(&mut self) -> Vec<ExecutionId> {
        let mut ids = Vec::new();
        while ids.len() < BATCH {
            let Some((since, id)) = self.queue.pop_front() else { break };
            let heard = |entry: &Entry| entry.heard_at.is_some_and(|at| at > since);
            if self.entries.get(&id).is_some_and(|entry| !heard(entry)) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

impl Entry {
    fn new(parent: Option<ExecutionId>, now: Instant) -> Self {
        Self {
            since: now,
            heard_at: None,
            seen: None,
            parent,
            children: Vec::new(),
            written: HashSet::new(),
            ended: false,
            links: Vec::new(),
            action: None,
        }
    }

    /// The children without a row.
    fn missing(&self) -> impl Iterator<Item = &ExecutionId> {
        self.children.iter().filter(|child| !self.written.contains(*child))
    }

    fn is_finished(&self) -> bool {
        self.ended && self.missing().next().is_none()
    }

    /// StackStorm's log of an execution only grows.
    fn is_newer_than(&self, execution: &Execution) -> bool {
        let length = execution.log.len();
        length > 0 && self.seen.as_ref().is_some_and(|(seen, _)| *seen > length)
    }
}

#[cfg(test)]
mod tests;
