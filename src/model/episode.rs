//! What one incoming alert means for its fingerprint's episode: a pure function over the open episode's opener,
//! the newest closed episode and the alert.
//!
//! [`crate::model::fold`] applies it to a batch; `store` loads the two rows it looks at and writes what it decides.
//! The database's clock is a parameter.

#[cfg(test)]
mod tests;

use crate::model::{
    alert::IncomingAlert,
    ids::AlertId,
    status::{AlertStatus, DispatchReason, DispatchStatus},
};
use chrono::NaiveDateTime;
use std::time::Duration;

/// Which row opened an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpenerRef {
    /// A row that is stored.
    Row(AlertId),
    /// The arrival at this index of the batch being folded; it has no id yet.
    New(usize),
}

/// The row that opened an episode, while that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// Its id, or its place in the batch.
    pub id: OpenerRef,
    /// As the alert said; see [`Self::start`].
    pub starts_at: Option<NaiveDateTime>,
    /// When the row was inserted.
    pub created_at: NaiveDateTime,
    /// Where its dispatch stands.
    pub dispatch_status: DispatchStatus,
    /// Why, if it is skipped or failed.
    pub dispatch_reason: Option<DispatchReason>,
    /// `dispatch_uncertain`: StackStorm may have been called, nobody knows yet.
    pub uncertain: bool,
    /// When it last became pending; `None` where it never was.
    pub pending_at: Option<NaiveDateTime>,
    /// `dispatch_generation`.
    pub generation: i32,
}

impl Opener {
    /// When the episode began: what the alert said, or else when its row was made.
    pub fn start(&self) -> NaiveDateTime {
        self.starts_at.unwrap_or(self.created_at)
    }

    fn cooled_down(&self, policy: &EpisodePolicy, now: NaiveDateTime) -> bool {
        let since = self.pending_at.unwrap_or(self.created_at);
        // A negative age is a row that is newer than `now`: young.
        (now - since).to_std().is_ok_and(|age| age >= policy.refire_cooldown)
    }

    fn failed_for_certain(&self) -> bool {
        self.dispatch_status == DispatchStatus::Failed
            && !self.uncertain
            && self.dispatch_reason != Some(DispatchReason::Uncertain)
    }

    fn never_left_us(&self) -> bool {
        matches!(self.dispatch_status, DispatchStatus::Pending | DispatchStatus::Queued) && !self.uncertain
    }
}

/// A closed episode's opener: what later firings are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// As the alert said.
    pub starts_at: Option<NaiveDateTime>,
    /// When the row was inserted.
    pub created_at: NaiveDateTime,
    /// Where its dispatch stands.
    pub dispatch_status: DispatchStatus,
    /// Why, if it is skipped or failed.
    pub dispatch_reason: Option<DispatchReason>,
}

impl Closed {
    /// When the episode began: what the alert said, or else when its row was made.
    pub fn start(&self) -> NaiveDateTime {
        self.starts_at.unwrap_or(self.created_at)
    }

    /// True when nothing was run for it, because it ended first: it does not stand in the way of any firing.
    pub fn ended_before_dispatch(&self) -> bool {
        self.dispatch_status == DispatchStatus::Skipped
            && self.dispatch_reason == Some(DispatchReason::ResolvedBeforeDispatch)
    }

    /// Of two closed episodes of one fingerprint, the one that decides over later firings.
    ///
    /// That is the latest start among those which did not end before their dispatch. Taking the row closed last
    /// instead would let a stale firing (closed last, started first) hide a later start that was dispatched, whose
    /// late twin would then run again.
    #[must_use]
    pub fn decisive(self, other: Self) -> Self {
        let rank = |closed: &Self| (!closed.ended_before_dispatch(), closed.start());
        if rank(&other) >= rank(&self) { other } else { self }
    }

    fn bars(&self, starts_at: Option<NaiveDateTime>) -> bool {
        !self.ended_before_dispatch() && starts_at.is_some_and(|start| start <= self.start())
    }
}

impl From<&Opener> for Closed {
    fn from(opener: &Opener) -> Self {
        Self {
            starts_at: opener.starts_at,
            created_at: opener.created_at,
            dispatch_status: opener.dispatch_status,
            dispatch_reason: opener.dispatch_reason,
        }
    }
}

/// What is known of one fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EpisodeState {
    /// The open episode's opener.
    pub open: Option<Opener>,
    /// The closed episode that decides ([`Closed::decisive`]).
    pub closed: Option<Closed>,
}

/// What a batch says of one fingerprint, as far as it tells whether [`decide`] looks at closed episodes. Most batches
/// repeat or end what is open, and then nothing needs to be read of the past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    firing: bool,
    resolved: bool,
    /// Of the firings that say when they began.
    latest_start: Option<NaiveDateTime>,
}

impl Heard {
    /// Takes in one alert of the fingerprint.
    pub fn hear(&mut self, alert: &IncomingAlert) {
        match alert.status {
            AlertStatus::Firing => {
                self.firing = true;
                self.latest_start = self.latest_start.max(alert.starts_at);
            }
            AlertStatus::Resolved => self.resolved = true,
        }
    }

    /// Whether the closed episode may matter, with this episode open. A firing is compared with it where nothing is open,
    /// where it began later than what is open, and where the batch may end that first.
    pub fn asks_for_closed(&self, open: Option<&Opener>) -> bool {
        let later = |opener: &Opener| self.latest_start.is_some_and(|start| start > opener.start());
        self.firing && open.is_none_or(|opener| self.resolved || later(opener))
    }
}

/// The settings of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpisodePolicy {
    /// `POUNDCAKE_REFIRE_COOLDOWN`: how long after a dispatch a new start, or a repeat of a failed one, runs nothing.
    pub refire_cooldown: Duration,
}

/// What an alert does to its fingerprint's episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Opens an episode that is dispatched.
    Open,
    /// Opens an episode that is not dispatched: that firing was closed before (`skipped/reopened`).
    OpenReopened,
    /// Follows the open episode (`skipped/repeat`).
    Repeat,
    /// Follows it (`skipped/repeat`), and its failed opener becomes pending in a new generation.
    RepeatAndRetry,
    /// Follows it: a later start, too soon after the last dispatch (`skipped/refire_cooldown`).
    RefireCooldown,
    /// Closes the open episode and opens the next, which is dispatched.
    CloseAndOpen,
    /// Ends the open episode (`skipped/resolved`).
    Close {
        /// The opener was not sent: it becomes `skipped/resolved_before_dispatch`.
        skip_opener: bool,
    },
    /// Resolved, and nothing to close: a late twin (`skipped/resolved`).
    ResolvedLate,
}

/// Decides for one alert. `now` is the database's clock.
pub fn decide(state: &EpisodeState, alert: &IncomingAlert, policy: &EpisodePolicy, now: NaiveDateTime) -> Decision {
    match (alert.status, &state.open) {
        (AlertStatus::Firing, None) => open(state.closed.as_ref(), alert.starts_at),
        (AlertStatus::Firing, Some(opener)) => fire_again(opener, state.closed.as_ref(), alert.starts_at, policy, now),
        (AlertStatus::Resolved, Some(opener)) if alert.ends_at.is_none_or(|end| end > opener.start()) => {
            Decision::Close { skip_opener: opener.never_left_us() }
        }
        (AlertStatus::Resolved, _) => Decision::ResolvedLate,
    }
}

fn open(closed: Option<&Closed>, starts_at: Option<NaiveDateTime>) -> Decision {
    if closed.is_some_and(|closed| closed.bars(starts_at)) { Decision::OpenReopened } else { Decision::Open }
}

fn fire_again(
    opener: &Opener,
    closed: Option<&Closed>,
    starts_at: Option<NaiveDateTime>,
    policy: &EpisodePolicy,
    now: NaiveDateTime,
) -> Decision {
    if !opener.dispatch_status.is_settled() {
        return Decision::Repeat;
    }
    let cooled_down = opener.cooled_down(policy, now);
    // A firing that does not say when it began is taken for the one that is open.
    if starts_at.is_some_and(|start| start > opener.start()) {
        // Later than a reopened stale firing, but not than what was dispatched before that one: it ran already.
        let ran_already = closed.is_some_and(|closed| closed.bars(starts_at));
        return match (cooled_down, ran_already) {
            (false, _) => Decision::RefireCooldown,
            (true, true) => Decision::Repeat,
            (true, false) => Decision::CloseAndOpen,
        };
    }
    if cooled_down && opener.failed_for_certain() { Decision::RepeatAndRetry } else { Decision::Repeat }
}
