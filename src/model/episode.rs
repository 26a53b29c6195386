//! What one incoming alert means for its fingerprint's episode: a pure function over the open episode's opener,
//! the newest closed episode and the alert.
//!
//! [`crate::model::plan`] applies it to a batch; `store` loads the two rows it looks at and writes what it decides.
//! The database's clock is a parameter.

#[cfg(test)]
mod tests;

use super::{
    alert::IncomingAlert,
    ids::AlertId,
    status::{AlertStatus, DispatchReason, DispatchStatus},
};
use chrono::{NaiveDateTime, TimeDelta};
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
    /// `dispatch_uncertain`: StackStorm may have been called; the outcome is unknown.
    pub uncertain: bool,
    /// When it last became pending; `None` where it never was.
    pub pending_at: Option<NaiveDateTime>,
    /// When this generation was started; `None` where it was not, or where it is certain that nothing ran.
    pub started_at: Option<NaiveDateTime>,
    /// `dispatch_generation`.
    pub generation: i32,
    /// When the row or a follower came last.
    pub last_seen_at: NaiveDateTime,
}

impl Opener {
    /// When the episode began: what the alert said, or else when its row was made.
    pub fn start(&self) -> NaiveDateTime {
        self.starts_at.unwrap_or(self.created_at)
    }

    fn cooled_down(&self, policy: &EpisodePolicy, now: NaiveDateTime) -> bool {
        let since = self.started_at.or(self.pending_at).unwrap_or(self.created_at);
        // A negative age is a row that is newer than `now`: young.
        (now - since).to_std().is_ok_and(|age| age >= policy.refire_cooldown)
    }

    fn failed_for_certain(&self) -> bool {
        self.dispatch_status == DispatchStatus::Failed
            && !self.uncertain
            && self.dispatch_reason != Some(DispatchReason::Uncertain)
    }

    fn never_left_us(&self) -> bool {
        let waits = [DispatchStatus::Pending, DispatchStatus::Queued, DispatchStatus::Held];
        waits.contains(&self.dispatch_status) && !self.uncertain
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
    /// When the episode was closed.
    pub closed_at: NaiveDateTime,
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

    fn bars(&self, starts_at: Option<NaiveDateTime>, policy: &EpisodePolicy) -> bool {
        let began = |start| start <= self.start() || policy.several_sources && start <= self.closed_at;
        !self.ended_before_dispatch() && starts_at.is_some_and(began)
    }

    /// The row that opened an episode, which ends now.
    pub fn now(opener: &Opener, now: NaiveDateTime) -> Self {
        Self {
            starts_at: opener.starts_at,
            created_at: opener.created_at,
            dispatch_status: opener.dispatch_status,
            dispatch_reason: opener.dispatch_reason,
            closed_at: now,
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
    /// The fingerprint was heard of before what is open: a resolve may belong to that.
    pub heard_before: bool,
}

/// What a batch says of one fingerprint, as far as it tells whether [`decide`] looks at closed episodes. Most batches
/// repeat or end what is open, and then nothing needs to be read of the past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    firing: bool,
    resolved: bool,
    /// Of the firings that say when they began.
    latest_start: Option<NaiveDateTime>,
    /// Of the resolved ones that say when they ended.
    earliest_end: Option<NaiveDateTime>,
}

impl Heard {
    /// Takes in one alert of the fingerprint.
    pub fn hear(&mut self, alert: &IncomingAlert) {
        match alert.status {
            AlertStatus::Firing => {
                self.firing = true;
                self.latest_start = self.latest_start.max(alert.starts_at);
            }
            AlertStatus::Resolved => {
                self.resolved = true;
                self.earliest_end = self.earliest_end.into_iter().chain(alert.ends_at).min();
            }
        }
    }

    /// Whether [`EpisodeState::heard_before`] may matter, with this episode open: a resolve ends before what is open began,
    /// or something may open that it ends before.
    pub fn asks_for_heard_before(&self, open: Option<&Opener>) -> bool {
        self.earliest_end.is_some_and(|end| self.firing || open.is_some_and(|opener| end <= opener.start()))
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
    /// `POUNDCAKE_REFIRE_COOLDOWN`: how long after a failed dispatch a repeat does not retry it. (How soon a new firing may run is
    /// the guard `cooldown`.)
    pub refire_cooldown: Duration,
    /// Alerts of one fingerprint come from several sources (`POUNDCAKE_IDENTITY_IGNORE_LABELS`), each with its own start. As
    /// Alertmanager does with one label set, a later start is the same firing where it overlaps with what was heard.
    pub several_sources: bool,
}

/// How long a firing counts after it was last heard of: a little longer than the four minutes that Prometheus gives it.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);

impl EpisodePolicy {
    fn is_later(self, start: NaiveDateTime, opener: &Opener) -> bool {
        start > opener.start() && !(self.several_sources && start <= opener.last_seen_at + OVERLAP)
    }
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
        (AlertStatus::Firing, None) => open(state.closed.as_ref(), alert.starts_at, policy),
        (AlertStatus::Firing, Some(opener)) => fire_again(opener, state.closed.as_ref(), alert.starts_at, policy, now),
        (AlertStatus::Resolved, Some(opener)) if ends(opener, alert, state.heard_before) => {
            Decision::Close { skip_opener: opener.never_left_us() }
        }
        (AlertStatus::Resolved, _) => Decision::ResolvedLate,
    }
}

/// Whether a resolve ends the open episode, and not an older one (a late twin).
///
/// An end may come from another clock than the start, so an end that is not later than the start proves nothing alone.
/// Alertmanager guarantees more: a resolve carries the start of the firing that it ends, that start moves earlier and never
/// later while the alert fires, and a resolve follows a firing that was sent. So the same start is the same firing,
/// and where nothing was heard before what is open, the resolve can end nothing else.
fn ends(opener: &Opener, resolved: &IncomingAlert, heard_before: bool) -> bool {
    let ends_later = resolved.ends_at.is_none_or(|end| end > opener.start());
    let began_no_earlier = opener.starts_at.is_some_and(|opened| resolved.starts_at >= Some(opened));
    ends_later || began_no_earlier || !heard_before
}

fn open(closed: Option<&Closed>, starts_at: Option<NaiveDateTime>, policy: &EpisodePolicy) -> Decision {
    if closed.is_some_and(|closed| closed.bars(starts_at, policy)) { Decision::OpenReopened } else { Decision::Open }
}

fn fire_again(
    opener: &Opener,
    closed: Option<&Closed>,
    starts_at: Option<NaiveDateTime>,
    policy: &EpisodePolicy,
    now: NaiveDateTime,
) -> Decision {
    if !opener.dispatch_status.is_final() {
        return Decision::Repeat;
    }
    let cooled_down = opener.cooled_down(policy, now);
    // A firing that does not say when it began is taken for the one that is open.
    if starts_at.is_some_and(|start| policy.is_later(start, opener)) {
        // Later than a reopened stale firing, but not than what was dispatched before that one: it ran already.
        let ran_already = closed.is_some_and(|closed| closed.bars(starts_at, policy));
        return if ran_already { Decision::Repeat } else { Decision::CloseAndOpen };
    }
    if cooled_down && opener.failed_for_certain() { Decision::RepeatAndRetry } else { Decision::Repeat }
}
