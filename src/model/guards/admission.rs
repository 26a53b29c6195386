//! The admission: which rows of the lines are started now. A pure fold over the oldest rows, highest priority first.
//!
//! The caller holds the guard row, so every earlier start of any dispatcher is in the counts; ends only lower them. Each
//! row is started, leaves its line for a reason of its own, or stays.

use super::{
    GuardPolicy,
    rate::{self},
    step::cooldown_until,
};
use crate::model::{ids::AlertId, status::DispatchReason};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashMap;

/// What is counted of one route, by the guard row's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Dispatches that are started and not finished.
    pub places: u32,
    /// The newest starts, newest first.
    pub starts: Vec<NaiveDateTime>,
    /// The brake is on.
    pub braked: bool,
    /// Of the targets of the heads: the newest starts, newest first.
    pub target_starts: HashMap<String, Vec<NaiveDateTime>>,
    /// Of the targets of the heads: the rows that wait for them already.
    pub target_waits: HashMap<String, Waits>,
}

/// Since when a row waits: when it became pending, and its id, for those of one webhook.
pub type Since = (NaiveDateTime, AlertId);

/// The rows that wait for one target, outside the line of their route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// When the first of them is looked at.
    pub first: NaiveDateTime,
    /// Since when it waits.
    pub since: Since,
    /// When the last of them is looked at.
    pub last: NaiveDateTime,
}

/// One route with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its guards.
    pub policy: &'a GuardPolicy,
    /// The cooldown in force.
    pub cooldown: TimeDelta,
    /// A pause covers the whole route.
    pub paused: bool,
    /// What is counted.
    pub counts: Counts,
}

/// A row of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The row.
    pub id: AlertId,
    /// The index of its route among the lines.
    pub line: usize,
    /// What `per_target` counts.
    pub target: String,
    /// The fingerprint: the alert that the cooldown is about.
    pub fingerprint: String,
    /// The last start of the fingerprint.
    pub last_start: Option<NaiveDateTime>,
    /// When it became pending.
    pub pending_at: NaiveDateTime,
    /// A pause with matchers covers it until then.
    pub paused_until: Option<NaiveDateTime>,
    /// A person has waived the brake.
    pub brake_waived: bool,
    /// A person has waived the cooldown.
    pub cooldown_waived: bool,
}

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is started.
    Start,
    /// It leaves the line, to be looked at again at this time.
    Leave(DispatchReason, NaiveDateTime),
}

/// Why a line does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// `in_flight`, `rate`, `brake` or `paused`.
    pub reason: DispatchReason,
    /// When the guard lets go, where that is known.
    pub until: Option<NaiveDateTime>,
    /// All routes together have no place left.
    pub by_all: bool,
}

/// What an admission decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The rows that do not stay as they are, in the order in which they were looked at.
    pub fates: Vec<(AlertId, Fate)>,
    /// For each line: why it does not move, if it does not.
    pub blocked: Vec<Option<Blocked>>,
}

/// Decides. `heads`: the oldest rows of each line. `slots`: so many starts at most. `all_places`: the limit of all routes together,
/// and how many places of it are taken.
pub fn decide(
    now: NaiveDateTime,
    slots: usize,
    all_places: Option<(u32, u32)>,
    lines: Vec<Line<'_>>,
    mut heads: Vec<Head>,
) -> Decision {
    let priority = |head: &Head| lines.get(head.line).map_or(0, |line| line.policy.priority);
    heads.sort_by_key(|head| (std::cmp::Reverse(priority(head)), !head.brake_waived, head.pending_at, head.id));
    let blocked = vec![None; lines.len()];
    let mut fold = Fold { now, slots, all_places, lines, fingerprints: HashMap::new(), blocked };
    let fates = heads.iter().filter_map(|head| Some((head.id, fold.take(head)?))).collect();
    Decision { fates, blocked: fold.blocked }
}

/// The counts as the rows so far have left them.
struct Fold<'a> {
    now: NaiveDateTime,
    slots: usize,
    all_places: Option<(u32, u32)>,
    lines: Vec<Line<'a>>,
    /// Started by this very admission.
    fingerprints: HashMap<String, NaiveDateTime>,
    blocked: Vec<Option<Blocked>>,
}

impl Fold<'_> {
    /// `None`: it stays.
    fn take(&mut self, head: &Head) -> Option<Fate> {
        if let Some(fate) = self.reason_of_its_own(head) {
            return Some(fate);
        }
        if let Some(blocked) = self.blocks(head) {
            let known = self.blocked.get_mut(head.line)?;
            known.get_or_insert(blocked);
            return None;
        }
        if self.slots == 0 {
            return None;
        }
        self.start(head);
        Some(Fate::Start)
    }

    /// What concerns this row alone: it leaves the line, so that the rows behind it do not wait for it.
    fn reason_of_its_own(&mut self, head: &Head) -> Option<Fate> {
        let line = self.lines.get_mut(head.line)?;
        if let Some(until) = head.paused_until {
            return Some(Fate::Leave(DispatchReason::Paused, until));
        }
        let last_start = head.last_start.max(self.fingerprints.get(&head.fingerprint).copied());
        let cooling = cooldown_until(line.cooldown, last_start, self.now).filter(|_| !head.cooldown_waived);
        if let Some(until) = cooling {
            return Some(Fate::Leave(DispatchReason::Cooldown, until));
        }
        let until = line.target_until(head, self.now)?;
        let waits = line.counts.target_waits.get(&head.target).copied();
        line.counts.target_waits.insert(head.target.clone(), Waits::with(waits, until, (head.pending_at, head.id)));
        Some(Fate::Leave(DispatchReason::TargetRate, until))
    }

    /// What holds the whole line.
    fn blocks(&self, head: &Head) -> Option<Blocked> {
        let line = self.lines.get(head.line)?;
        let policy = line.policy;
        let blocked = |reason, until| Some(Blocked { reason, until, by_all: false });
        if line.paused {
            return blocked(DispatchReason::Paused, None);
        }
        if line.counts.braked && !head.brake_waived {
            return blocked(DispatchReason::Brake, None);
        }
        if policy.max_in_flight.is_some_and(|limit| line.counts.places >= limit) {
            return blocked(DispatchReason::InFlight, None);
        }
        if self.all_places.is_some_and(|(limit, used)| used >= limit) {
            return Some(Blocked { reason: DispatchReason::InFlight, until: None, by_all: true });
        }
        let next = rate::next_of(&policy.rates, &line.counts.starts, self.now)?;
        blocked(DispatchReason::Rate, Some(next))
    }

    fn start(&mut self, head: &Head) {
        self.slots -= 1;
        if let Some((_, used)) = &mut self.all_places {
            *used += 1;
        }
        self.fingerprints.insert(head.fingerprint.clone(), self.now);
        let Some(line) = self.lines.get_mut(head.line) else { return };
        line.counts.places += 1;
        line.counts.starts.insert(0, self.now);
        line.counts.target_starts.entry(head.target.clone()).or_default().insert(0, self.now);
    }
}

impl Line<'_> {
    /// When a head is looked at again whose target's windows are full; `None`: it may be started.
    fn target_until(&self, head: &Head, now: NaiveDateTime) -> Option<NaiveDateTime> {
        let rates = &self.policy.per_target.as_ref()?.rates;
        let starts = self.counts.target_starts.get(&head.target).map_or(&[][..], Vec::as_slice);
        wait_for_target(rates, starts, self.counts.target_waits.get(&head.target), (head.pending_at, head.id), now)
    }
}

impl Waits {
    /// One row more, which is looked at then.
    pub fn with(waits: Option<Self>, until: NaiveDateTime, since: Since) -> Self {
        let Some(waits) = waits else { return Self { first: until, since, last: until } };
        let first = if until < waits.first { Self { first: until, since, ..waits } } else { waits };
        Self { last: first.last.max(until), ..first }
    }
}

/// When a row is looked at whose target is full: the k-th that waits k shares of the window later. `None`: it may be started.
///
/// Who has waited longest goes first: a row that was woken and finds the window full again stays ahead of the others, and a row
/// that is newer than one whose time has come stands behind it.
pub fn wait_for_target(
    rates: &[rate::Rate],
    starts: &[NaiveDateTime],
    waits: Option<&Waits>,
    since: Since,
    now: NaiveDateTime,
) -> Option<NaiveDateTime> {
    let next = rate::next_of(rates, starts, now);
    let Some(waits) = waits.filter(|waits| waits.since < since) else { return next };
    let pace = rates.iter().map(rate::Rate::pace).max().unwrap_or_default();
    let behind = waits.last.max(now) + pace;
    match next {
        Some(next) => Some(next.max(behind)),
        None => (waits.first <= now).then_some(behind),
    }
}

#[cfg(test)]
mod tests;
