//! The episode decision over a whole batch: alerts in arrival order, each seeing what those before it did.
//!
//! `ingest` calls [`fold`] inside the write transaction, between reading the openers (locked) and writing; the
//! [`Plan`] is everything that transaction has to insert and update. Folding a batch at once gives the same rows as
//! one batch per alert.

#[cfg(test)]
mod tests;

use super::{
    alert::{IncomingAlert, InvalidAlert},
    episode::{Closed, Decision, EpisodePolicy, EpisodeState, Opener, OpenerRef, decide},
    ids::{AlertId, Fingerprint},
    status::{DispatchReason, DispatchStatus},
};
use chrono::NaiveDateTime;
use std::collections::{BTreeMap, HashMap};

/// What is known of the fingerprints of a batch before it.
pub type EpisodeStates = HashMap<Fingerprint, EpisodeState>;

/// One entry of a batch; the webhooks of a batch are one sequence of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// An alert whose episode is to be decided.
    Alert(IncomingAlert),
    /// One that `POUNDCAKE_MUTE` matches: it is stored, opens nothing and closes nothing.
    Muted(IncomingAlert),
    /// One that could not be read.
    Invalid(InvalidAlert),
}

/// What a row has to do with an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It opened one: `open_fingerprint` is set while that is open, `last_seen_at` is now.
    Opener {
        /// The same batch closed it: `open_fingerprint` is NULL and `closed_at` now.
        closed: bool,
    },
    /// It belongs to one: `opened_by`.
    Follower(OpenerRef),
    /// None: muted, invalid, or a resolved that closes nothing.
    Alone,
}

/// How an arrival's row is inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFate {
    /// `dispatch_status`.
    pub dispatch_status: DispatchStatus,
    /// `dispatch_reason`.
    pub dispatch_reason: Option<DispatchReason>,
    /// Opener, follower or neither.
    pub role: Role,
    /// `pending_at` is now; also for a row which the same batch resolved before its dispatch.
    pub was_pending: bool,
}

impl RowFate {
    const fn skipped(reason: DispatchReason, role: Role) -> Self {
        Self { dispatch_status: DispatchStatus::Skipped, dispatch_reason: Some(reason), role, was_pending: false }
    }

    const fn pending() -> Self {
        Self {
            dispatch_status: DispatchStatus::Pending,
            dispatch_reason: None,
            role: Role::Opener { closed: false },
            was_pending: true,
        }
    }

    /// True when the row opened an episode, whether that is still open or not.
    pub const fn is_opener(&self) -> bool {
        matches!(self.role, Role::Opener { .. })
    }

    /// True when the row holds its fingerprint's episode open after the batch: `open_fingerprint` is set.
    pub const fn is_open(&self) -> bool {
        matches!(self.role, Role::Opener { closed: false })
    }
}

/// What happens to an opener that was stored before the batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenerUpdate {
    /// A follower was seen: `last_seen_at` = now.
    pub seen: bool,
    /// The episode ends: `open_fingerprint` = NULL, `closed_at` = now.
    pub close: bool,
    /// The failed dispatch starts again: `pending`, this `dispatch_generation`, `pending_at` = now, no attempts.
    pub retry: Option<i32>,
    /// It becomes `skipped/resolved_before_dispatch`; after `retry`, where both are set.
    pub skip: bool,
}

/// Everything a batch writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One fate per arrival, in the same order.
    pub rows: Vec<RowFate>,
    /// The stored openers that change, by id.
    pub openers: BTreeMap<AlertId, OpenerUpdate>,
}

/// Folds a batch over the state of the fingerprints in it; one that is absent from `states` has no episode.
pub fn fold<'a>(
    arrivals: impl IntoIterator<Item = &'a Arrival>,
    states: EpisodeStates,
    policy: &EpisodePolicy,
    now: NaiveDateTime,
) -> Plan {
    let plan = Plan { rows: Vec::new(), openers: BTreeMap::new() };
    let mut fold = Fold { states, plan, now };
    for arrival in arrivals {
        let fate = match arrival {
            Arrival::Alert(alert) => fold.take(alert, policy),
            Arrival::Muted(alert) => fold.mute(alert),
            Arrival::Invalid(_) => RowFate::skipped(DispatchReason::Invalid, Role::Alone),
        };
        fold.plan.rows.push(fate);
    }
    fold.plan
}

/// The overlay: states as the arrivals so far have left them, and what is to be written for that.
struct Fold {
    states: EpisodeStates,
    plan: Plan,
    now: NaiveDateTime,
}

impl Fold {
    fn mute(&mut self, alert: &IncomingAlert) -> RowFate {
        heard_alone(self.states.entry(alert.fingerprint.clone()).or_default());
        RowFate::skipped(DispatchReason::Muted, Role::Alone)
    }

    fn take(&mut self, alert: &IncomingAlert, policy: &EpisodePolicy) -> RowFate {
        let entry = self.states.remove_entry(&alert.fingerprint);
        let (fingerprint, mut state) = entry.unwrap_or_else(|| (alert.fingerprint.clone(), EpisodeState::default()));
        let fate = match decide(&state, alert, policy, self.now) {
            Decision::Open => self.open(&mut state, alert, RowFate::pending()),
            Decision::OpenReopened => {
                let fate = RowFate::skipped(DispatchReason::Reopened, Role::Opener { closed: false });
                self.open(&mut state, alert, fate)
            }
            Decision::CloseAndOpen => {
                self.close(&mut state, false);
                self.open(&mut state, alert, RowFate::pending())
            }
            Decision::Repeat => self.follow(&mut state, DispatchReason::Repeat),
            Decision::RepeatAndRetry => {
                self.retry(&mut state);
                self.follow(&mut state, DispatchReason::Repeat)
            }
            Decision::Close { skip_opener } => {
                let fate = self.follow(&mut state, DispatchReason::Resolved);
                self.close(&mut state, skip_opener);
                fate
            }
            Decision::ResolvedLate => {
                heard_alone(&mut state);
                RowFate::skipped(DispatchReason::Resolved, Role::Alone)
            }
        };
        self.states.insert(fingerprint, state);
        fate
    }

    fn open(&self, state: &mut EpisodeState, alert: &IncomingAlert, fate: RowFate) -> RowFate {
        state.open = Some(Opener {
            id: OpenerRef::New(self.plan.rows.len()),
            starts_at: alert.starts_at,
            created_at: self.now,
            dispatch_status: fate.dispatch_status,
            dispatch_reason: fate.dispatch_reason,
            uncertain: false,
            pending_at: fate.was_pending.then_some(self.now),
            started_at: None,
            generation: 0,
            last_seen_at: self.now,
        });
        fate
    }

    fn follow(&mut self, state: &mut EpisodeState, reason: DispatchReason) -> RowFate {
        let Some(opener) = &mut state.open else { return RowFate::skipped(reason, Role::Alone) };
        opener.last_seen_at = self.now;
        let opener = &*opener;
        self.update_stored(opener.id, |update| update.seen = true);
        RowFate::skipped(reason, Role::Follower(opener.id))
    }

    fn retry(&mut self, state: &mut EpisodeState) {
        let Some(opener) = &mut state.open else { return };
        opener.generation += 1;
        opener.dispatch_status = DispatchStatus::Pending;
        opener.dispatch_reason = None;
        opener.pending_at = Some(self.now);
        opener.started_at = None;
        let generation = opener.generation;
        self.update_stored(opener.id, |update| update.retry = Some(generation));
    }

    fn close(&mut self, state: &mut EpisodeState, skip: bool) {
        let Some(mut opener) = state.open.take() else { return };
        state.heard_before = true;
        if skip {
            opener.dispatch_status = DispatchStatus::Skipped;
            opener.dispatch_reason = Some(DispatchReason::ResolvedBeforeDispatch);
        }
        self.update_stored(opener.id, |update| {
            update.close = true;
            update.skip = skip;
        });
        self.close_new(&opener);
        let closed = Closed::now(&opener, self.now);
        state.closed = Some(match state.closed.take() {
            Some(before) => before.decisive(closed),
            None => closed,
        });
    }

    /// An opener of this very batch is not updated but inserted as it ends up.
    fn close_new(&mut self, opener: &Opener) {
        let OpenerRef::New(index) = opener.id else { return };
        if let Some(fate) = self.plan.rows.get_mut(index) {
            fate.dispatch_status = opener.dispatch_status;
            fate.dispatch_reason = opener.dispatch_reason;
            fate.role = Role::Opener { closed: true };
        }
    }

    fn update_stored(&mut self, opener: OpenerRef, change: impl FnOnce(&mut OpenerUpdate)) {
        if let OpenerRef::Row(id) = opener {
            change(self.plan.openers.entry(id).or_default());
        }
    }
}

/// A row of no episode: it is older than whatever opens after it.
fn heard_alone(state: &mut EpisodeState) {
    state.heard_before |= state.open.is_none();
}
