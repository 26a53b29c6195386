//! Decides which of the followed executions to poll, and when. No I/O.

use super::{Followed, Watched};
use crate::{
    stackstorm::{Execution, ExecutionId},
    tracker::patience::Patience,
};
use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

/// Executions in one question: what StackStorm lists for those who are not its admins.
const BATCH: usize = 100;

/// A question to StackStorm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tracker) enum Question {
    /// Everything: nothing is known yet, or there is something new.
    Whole(Vec<ExecutionId>),
    /// Status, log and tasks only: StackStorm reads and sends a small part of the rest.
    Glance(Vec<ExecutionId>),
}

/// What is to be asked for, unless heard of since.
type Queue = VecDeque<(Instant, ExecutionId)>;

/// The questions that wait.
#[derive(Default)]
pub(crate) struct Questions {
    whole: Queue,
    glances: Queue,
    /// When those that are known were last looked through.
    looked_at: Option<Instant>,
    /// All are to be asked for the next time.
    all: bool,
}

impl Watched {
    /// The answer to a glance, asked at `at`. What is new is asked for whole.
    pub(in crate::tracker) fn glanced(&mut self, execution: &Execution, at: Instant) {
        let Some(entry) = self.entries.get_mut(&execution.id) else { return };
        if entry.is_newer_than(execution) {
            return;
        }
        let seen = (execution.log.len(), execution.status.clone());
        if entry.seen.as_ref() == Some(&seen) && entry.children.len() >= execution.children.len() {
            entry.heard_at = entry.heard_at.max(Some(at));
        } else {
            self.questions.whole.push_back((at, execution.id.clone()));
        }
    }

    /// Everything is to be asked for: what happened before `now` may have been missed.
    pub(in crate::tracker) fn ask_for_all(&mut self, now: Instant) {
        self.questions.whole.clear();
        self.questions.glances.clear();
        self.ask_for(now, |_| true);
    }

    /// The same when what is silent is looked for the next time: it may be wanted often.
    pub(in crate::tracker) fn ask_for_all_soon(&mut self) {
        self.questions.all = true;
    }

    /// Asks for what has been silent for too long, once what was to be asked for before is asked for.
    pub(in crate::tracker) fn ask_for_silent(&mut self, now: Instant, patience: &Patience) {
        if std::mem::take(&mut self.questions.all) {
            return self.ask_for_all(now);
        }
        if !self.questions.whole.is_empty() || !self.questions.glances.is_empty() {
            return;
        }
        let is_time = self.questions.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= patience.every);
        if is_time {
            self.questions.looked_at = Some(now);
        }
        self.ask_for(now, |entry| match entry.heard_at.max(entry.asked_at) {
            None => patience.is_over_unheard(now.saturating_duration_since(entry.since)),
            Some(last) => {
                let stale = now.saturating_duration_since(entry.news_at);
                is_time && patience.is_over(now.saturating_duration_since(last), stale)
            }
        });
    }

    fn ask_for(&mut self, now: Instant, due: impl Fn(&Followed) -> bool) {
        let Questions { whole, glances, .. } = &mut self.questions;
        for (id, entry) in self.entries.iter().filter(|(_, entry)| due(entry)) {
            let queue = if entry.seen.is_none() { &mut *whole } else { &mut *glances };
            queue.push_back((now, id.clone()));
        }
    }

    /// The next question, if there is one.
    pub(in crate::tracker) fn question(&mut self, now: Instant) -> Option<Question> {
        let Self { entries, questions: Questions { whole, glances, .. }, .. } = self;
        let mut next = |queue: &mut Queue| {
            let ids = next(queue, entries, now);
            (!ids.is_empty()).then_some(ids)
        };
        next(whole).map(Question::Whole).or_else(|| next(glances).map(Question::Glance))
    }
}

/// Takes the next ones from a queue, but for those that were heard of since, or are not followed any more.
fn next(queue: &mut Queue, entries: &mut HashMap<ExecutionId, Followed>, now: Instant) -> Vec<ExecutionId> {
    let mut ids = Vec::new();
    while ids.len() < BATCH {
        let Some((since, id)) = queue.pop_front() else { break };
        let Some(entry) = entries.get_mut(&id) else { continue };
        if entry.heard_at.is_none_or(|at| at <= since) && !ids.contains(&id) {
            entry.asked_at = Some(now);
            ids.push(id);
        }
    }
    ids
}
