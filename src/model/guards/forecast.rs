//! What the guards of a route would do with rows that join its line now, as far as counts can say: for a person who is about to
//! order a replay. Nothing is decided by it.
//!
//! The windows say when each row may start at the earliest. How long executions take is not known, so places only say how
//! many rows start at once; what expires is therefore "at least". When a brake lets go, or a person approves, is not known at
//! all, and nothing is said of what would expire then.

use super::{GuardPolicy, Mode, admission::Counts, rate};
use crate::model::status::DispatchReason;
use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A route's line, and what would join it.
#[derive(Debug, Clone)]
pub struct Joining<'a> {
    /// The route's guards.
    pub policy: &'a GuardPolicy,
    /// What is counted of the route, and the starts of the targets.
    pub counts: &'a Counts,
    /// Places that are free in the route and in all routes together; `None`: no limit.
    pub free_places: Option<usize>,
    /// Rows that stand in the line already: they go first.
    pub ahead: usize,
    /// The targets of the rows, in their order.
    pub targets: &'a [String],
    /// Whether pauses cover the route.
    pub paused: Paused,
    /// How old a row may be when it starts.
    pub allowed_age: TimeDelta,
}

/// The pauses that cover a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// There is none.
    No,
    /// The last of them ends then.
    Until(NaiveDateTime),
    /// A person must end it.
    WithoutEnd,
}

/// What would become of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Rows that may start at once.
    pub start: usize,
    /// Rows that are held first, by what holds them.
    pub held: BTreeMap<DispatchReason, usize>,
    /// Rows that are not run at all, by why.
    pub skipped: BTreeMap<DispatchReason, usize>,
    /// At least so many would be `failed/expired`, even if every execution ended at once; absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_expire: Option<usize>,
}

/// Looks ahead.
pub fn forecast(joining: &Joining<'_>, now: NaiveDateTime) -> Forecast {
    let rows = joining.targets.len();
    let all = |reason| BTreeMap::from([(reason, rows)]);
    let held = |reason| Forecast { held: all(reason), ..Forecast::default() };
    match joining.policy.mode {
        Mode::Off => return Forecast { skipped: all(DispatchReason::RouteOff), ..Forecast::default() },
        Mode::Shadow => return Forecast { skipped: all(DispatchReason::Shadow), ..Forecast::default() },
        Mode::Approve => return held(DispatchReason::Approval),
        Mode::Run => {}
    }
    if joining.brakes() {
        return held(DispatchReason::Brake);
    }
    match joining.paused {
        Paused::No => joining.starts(now),
        // The age of a row counts from the end of the pause that held it.
        Paused::Until(end) => Forecast { start: 0, held: all(DispatchReason::Paused), ..joining.starts(end) },
        Paused::WithoutEnd => held(DispatchReason::Paused),
    }
}

impl Joining<'_> {
    /// The brake is on, or these rows alone have more different targets than it allows.
    fn brakes(&self) -> bool {
        let different = self.targets.iter().collect::<HashSet<_>>().len();
        let above = self.policy.brake.as_ref().map(|brake| usize::try_from(brake.above).unwrap_or(usize::MAX));
        self.counts.braked || above.is_some_and(|above| different > above)
    }

    /// The rows one after the other, each as early as the windows allow.
    fn starts(&self, from: NaiveDateTime) -> Forecast {
        let mut forecast = Forecast { would_expire: Some(0), ..Forecast::default() };
        let mut line = Windows::of(&self.policy.rates, &self.counts.starts);
        for _ in 0..self.ahead {
            line.start(from);
        }
        let mut free = self.free_places.map(|free| free.saturating_sub(self.ahead));
        let mut targets = self.earliest(from);
        targets.sort_unstable();
        let last = from + self.allowed_age;
        for (index, by_target) in targets.iter().enumerate() {
            let by_line = line.next(from);
            if by_line > last {
                // So are all behind it.
                *forecast.would_expire.get_or_insert_default() += targets.len() - index;
                *forecast.held.entry(DispatchReason::Rate).or_default() += targets.len() - index;
                break;
            }
            let at = by_line.max(*by_target);
            let reason = match (*by_target > from, by_line > from) {
                (true, _) => Some(DispatchReason::TargetRate),
                (false, true) => Some(DispatchReason::Rate),
                (false, false) if free == Some(0) => Some(DispatchReason::InFlight),
                (false, false) => None,
            };
            match reason {
                Some(reason) => *forecast.held.entry(reason).or_default() += 1,
                None => forecast.start += 1,
            }
            free = free.map(|free| free.saturating_sub(1));
            if at > last {
                *forecast.would_expire.get_or_insert_default() += 1;
            } else {
                line.start(at);
            }
        }
        forecast
    }

    /// When the windows of its target allow each row to start.
    fn earliest(&self, from: NaiveDateTime) -> Vec<NaiveDateTime> {
        let Some(per_target) = &self.policy.per_target else { return vec![from; self.targets.len()] };
        let mut known: HashMap<&str, Windows<'_>> = HashMap::new();
        let mut earliest = Vec::with_capacity(self.targets.len());
        for target in self.targets {
            let windows = known.entry(target).or_insert_with(|| {
                let starts = self.counts.target_starts.get(target).map_or(&[][..], Vec::as_slice);
                Windows::of(&per_target.rates, starts)
            });
            earliest.push(windows.start(from));
        }
        earliest
    }
}

/// Windows with the starts that are in them, newest first.
struct Windows<'a> {
    rates: &'a [rate::Rate],
    starts: Vec<NaiveDateTime>,
    most: usize,
}

impl<'a> Windows<'a> {
    fn of(rates: &'a [rate::Rate], starts: &[NaiveDateTime]) -> Self {
        let most = rate::needed(rates).map_or(0, |(most, _)| usize::try_from(most).unwrap_or(usize::MAX));
        Self { rates, starts: starts.to_vec(), most }
    }

    fn next(&self, from: NaiveDateTime) -> NaiveDateTime {
        rate::next_of(self.rates, &self.starts, from).unwrap_or(from)
    }

    /// A start as early as they allow; says when.
    fn start(&mut self, from: NaiveDateTime) -> NaiveDateTime {
        let at = self.next(from);
        let newer = self.starts.partition_point(|start| *start > at);
        self.starts.insert(newer, at);
        self.starts.truncate(self.most);
        at
    }
}

#[cfg(test)]
mod tests;
