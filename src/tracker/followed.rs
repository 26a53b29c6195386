//! The followed executions: those that have not ended, or whose tasks are not all known yet. No I/O.

mod questions;

pub(super) use questions::Question;

use super::row;
use crate::{
    st2_tables::{Tracking, upsert::Observed},
    stackstorm::{Execution, ExecutionId, ExecutionStatus},
    store::dispatch::places::GONE,
};
use chrono::{DateTime, Utc};
use questions::Questions;
use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

/// The followed executions, and those of them to ask for.
#[derive(Default)]
pub(super) struct Watched {
    entries: HashMap<ExecutionId, Followed>,
    /// Followed since the last [`Self::take_added`].
    added: Vec<ExecutionId>,
    questions: Questions,
}

/// One execution.
struct Followed {
    since: Instant,
    heard_at: Option<Instant>,
    /// When it was last asked for, and when anything new was learned.
    asked_at: Option<Instant>,
    news_at: Instant,
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

impl News {
    /// The status at the end; `None`: it has not ended, or is a task of another execution.
    pub(super) fn end(&self) -> Option<&str> {
        if self.row.parent.is_some() {
            return None;
        }
        if self.row.tracking == Tracking::Gone {
            return Some(GONE);
        }
        let status = self.row.status.as_deref()?;
        status.parse::<ExecutionStatus>().ok().filter(|status| status.is_terminal()).map(|_| status)
    }
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

    /// Follows an execution. It is asked for soon, unless the stream tells of it.
    pub(super) fn add(&mut self, id: ExecutionId, parent: Option<ExecutionId>, now: Instant) {
        self.added.push(id.clone());
        self.entries.entry(id).or_insert_with(|| Followed::new(parent, now));
    }

    /// Those that were added since the last time.
    pub(super) fn take_added(&mut self) -> Vec<ExecutionId> {
        std::mem::take(&mut self.added)
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
            self.entries.insert(execution.id.clone(), Followed::new(Some(parent), at));
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
        if is_news {
            entry.news_at = entry.news_at.max(at);
        }
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
}

impl Followed {
    fn new(parent: Option<ExecutionId>, now: Instant) -> Self {
        Self {
            since: now,
            heard_at: None,
            asked_at: None,
            news_at: now,
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
