//! The circuit before StackStorm: after a few failures in a row nothing is claimed, messages wait, and one real delivery
//! at a time finds out whether StackStorm is back. A GET would prove nothing: with a poisoned broker pool StackStorm
//! answers every GET with 200 and every POST with 500, leaving an orphan each time.

use crate::metrics::Metrics;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it is open for the first time; doubles with every failed probe.
const FIRST: Duration = Duration::from_secs(2);
/// How long it is open at most.
const LONGEST: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls go through; so many failures in a row.
    Closed { failures: u32 },
    /// Nothing goes through before this moment.
    Open { until: Instant, lasted: Duration },
    /// One call is out to find out.
    HalfOpen { lasted: Duration },
}

/// What a call may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permit {
    Go,
    Probe,
    WaitUntil(Instant),
    WaitForProbe,
}

impl State {
    fn permit(&mut self, now: Instant) -> Permit {
        match *self {
            Self::Closed { .. } => Permit::Go,
            Self::Open { until, .. } if now < until => Permit::WaitUntil(until),
            Self::Open { lasted, .. } => {
                *self = Self::HalfOpen { lasted };
                Permit::Probe
            }
            Self::HalfOpen { .. } => Permit::WaitForProbe,
        }
    }

    fn succeeded(&mut self) {
        *self = Self::Closed { failures: 0 };
    }

    fn failed(&mut self, now: Instant) {
        *self = match *self {
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } => Self::Open { until: now + FIRST, lasted: FIRST },
            Self::HalfOpen { lasted } => {
                let next = (lasted * 2).min(LONGEST);
                Self::Open { until: now + next, lasted: next }
            }
            // A call that was under way when it opened.
            open @ Self::Open { .. } => open,
        };
    }

    /// The probing delivery made no call (it was not claimable, or only looked something up): the next one probes.
    fn probe_unused(&mut self, now: Instant) {
        if let Self::HalfOpen { lasted } = *self {
            *self = Self::Open { until: now, lasted };
        }
    }

    const fn gauge(self) -> i64 {
        match self {
            Self::Closed { .. } => 0,
            Self::HalfOpen { .. } => 1,
            Self::Open { .. } => 2,
        }
    }
}

/// One per dispatcher process, shared by its calls.
pub struct Circuit {
    state: Mutex<State>,
    changed: Notify,
    metrics: Metrics,
}

/// The right to handle one delivery; given back when dropped.
pub(super) struct Passage<'a> {
    circuit: &'a Circuit,
    probe: bool,
}

impl Circuit {
    /// Closed.
    pub fn new(metrics: Metrics) -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }), changed: Notify::new(), metrics }
    }

    /// Waits until a delivery may be handled. Cancel-safe.
    pub(super) async fn pass(&self) -> Passage<'_> {
        loop {
            let changed = self.changed.notified();
            let permit = self.update(|state| state.permit(Instant::now()));
            match permit {
                Permit::Go => return Passage { circuit: self, probe: false },
                Permit::Probe => return Passage { circuit: self, probe: true },
                Permit::WaitUntil(until) => tokio::time::sleep_until(until.into()).await,
                Permit::WaitForProbe => changed.await,
            }
        }
    }

    /// While it is open: until when.
    pub(super) fn open_until(&self) -> Option<Instant> {
        match *self.lock() {
            State::Open { until, .. } => Some(until).filter(|until| *until > Instant::now()),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// StackStorm answered a call, whatever it said.
    pub(super) fn succeeded(&self) {
        self.update(State::succeeded);
    }

    /// A call was refused a connection, timed out, was let in no more, or came to a 5xx.
    pub(super) fn failed(&self) {
        self.update(|state| state.failed(Instant::now()));
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = *state;
        let result = change(&mut state);
        let after = *state;
        drop(state);
        if before.gauge() != after.gauge() {
            self.metrics.circuit.set(after.gauge());
            self.changed.notify_waiters();
            match after {
                State::Open { lasted, .. } => {
                    log::warn!(wait_s = lasted.as_secs(); "StackStorm does not work: nothing is claimed, messages wait");
                }
                State::HalfOpen { .. } => log::info!("trying StackStorm with one delivery"),
                State::Closed { .. } => log::info!("StackStorm works again"),
            }
        }
        result
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.circuit.update(|state| state.probe_unused(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> State {
        let mut state = State::Closed { failures: 0 };
        (0..FAILURES).for_each(|_| state.failed(now));
        state
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_success_between_counts_anew() {
        let now = Instant::now();
        let mut state = State::Closed { failures: 0 };
        (1..FAILURES).for_each(|_| state.failed(now));
        assert_eq!(state.permit(now), Permit::Go);
        state.succeeded();
        (1..FAILURES).for_each(|_| state.failed(now));
        assert_eq!(state.permit(now), Permit::Go);
        state.failed(now);
        assert_eq!(state.permit(now), Permit::WaitUntil(now + FIRST));
    }

    #[test]
    fn one_delivery_probes_and_a_failed_probe_doubles_the_wait() {
        let now = Instant::now();
        let mut state = opened(now);
        let later = now + FIRST;
        assert_eq!(state.permit(later), Permit::Probe);
        assert_eq!(state.permit(later), Permit::WaitForProbe);
        state.failed(later);
        assert_eq!(state.permit(later), Permit::WaitUntil(later + FIRST * 2));
        let again = later + FIRST * 2;
        assert_eq!(state.permit(again), Permit::Probe);
        state.succeeded();
        assert_eq!(state.permit(again), Permit::Go);
    }

    #[test]
    fn a_probe_that_made_no_call_leaves_the_next_delivery_to_probe() {
        let now = Instant::now();
        let mut state = opened(now);
        let later = now + FIRST;
        assert_eq!(state.permit(later), Permit::Probe);
        state.probe_unused(later);
        assert_eq!(state.permit(later), Permit::Probe);
    }

    #[test]
    fn the_wait_has_an_upper_bound() {
        let mut now = Instant::now();
        let mut state = opened(now);
        for _ in 0..10 {
            now += LONGEST;
            assert_eq!(state.permit(now), Permit::Probe);
            state.failed(now);
        }
        assert_eq!(state.permit(now), Permit::WaitUntil(now + LONGEST));
    }
}
