//! The circuit before StackStorm: after a few failed POSTs in a row nothing is claimed, messages wait, and one real delivery
//! at a time finds out whether StackStorm is back.
//!
//! A probe begins with a GET that st2api itself answers: behind a proxy each POST during an outage becomes one more uncertain
//! alert. The GET alone proves nothing: with a poisoned broker pool StackStorm answers every GET with 200 and every POST with
//! 500, leaving an orphan each time. Lookups are no probes: they neither open the circuit nor close it. With nothing to post it
//! rests half-open.

use crate::{metrics::Metrics, stackstorm::Signal};
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
    /// One delivery at a time goes through, to find out.
    HalfOpen { lasted: Duration, probing: bool },
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
            Self::Open { lasted, .. } | Self::HalfOpen { lasted, probing: false } => {
                *self = Self::HalfOpen { lasted, probing: true };
                Permit::Probe
            }
            Self::HalfOpen { probing: true, .. } => Permit::WaitForProbe,
        }
    }

    /// The wait is over; the next delivery probes, whenever it comes.
    fn rested(&mut self, now: Instant) {
        if let Self::Open { until, lasted } = *self
            && until <= now
        {
            *self = Self::HalfOpen { lasted, probing: false };
        }
    }

    fn succeeded(&mut self) {
        *self = Self::Closed { failures: 0 };
    }

    fn failed(&mut self, now: Instant) {
        *self = match *self {
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } => Self::Open { until: now + FIRST, lasted: FIRST },
            Self::HalfOpen { lasted, .. } => {
                let next = (lasted * 2).min(LONGEST);
                Self::Open { until: now + next, lasted: next }
            }
            // A call that was under way when it opened.
            open @ Self::Open { .. } => open,
        };
    }

    /// The probing delivery made no call (it was not claimable, or only looked something up): the next one probes.
    const fn probe_unused(&mut self) {
        if let Self::HalfOpen { lasted, .. } = *self {
            *self = Self::HalfOpen { lasted, probing: false };
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

impl Passage<'_> {
    /// Whether this delivery finds out whether StackStorm is back.
    pub(super) const fn is_probe(&self) -> bool {
        self.probe
    }
}

impl Circuit {
    /// Closed.
    pub fn new(metrics: Metrics) -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }), changed: Notify::new(), metrics }
    }

    /// Waits until a delivery may be handled; `answers` says whether st2api itself answers a GET. Cancel-safe.
    pub(super) async fn pass<Fut: Future<Output = bool>>(&self, answers: impl Fn() -> Fut) -> Passage<'_> {
        loop {
            let changed = self.changed.notified();
            let permit = self.update(|state| state.permit(Instant::now()));
            match permit {
                Permit::Go => return Passage { circuit: self, probe: false },
                Permit::Probe => {
                    let passage = Passage { circuit: self, probe: true };
                    if answers().await {
                        return passage;
                    }
                    self.told(Signal::Fails);
                }
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

    /// With nothing to post it rests half-open.
    pub(super) fn rest(&self) {
        self.update(|state| state.rested(Instant::now()));
    }

    /// What a call says of StackStorm.
    pub(super) fn told(&self, signal: Signal) {
        match signal {
            Signal::Works => self.update(State::succeeded),
            Signal::Fails => self.update(|state| state.failed(Instant::now())),
            Signal::Nothing => {}
        }
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = *state;
        let result = change(&mut state);
        let after = *state;
        drop(state);
        if before != after {
            self.metrics.circuit.set(after.gauge());
            self.changed.notify_waiters();
            announce(before, after);
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
            self.circuit.update(State::probe_unused);
        }
    }
}

/// One line when StackStorm stops working and one when it works again; probes in between are for the debug log.
fn announce(before: State, after: State) {
    match (before, after) {
        (State::Closed { .. }, State::Open { .. }) => {
            log::warn!(event = "circuit_open"; "circuit open: StackStorm is failing; pausing dispatch");
        }
        (State::Open { .. } | State::HalfOpen { .. }, State::Closed { .. }) => log::info!(
            event = "circuit_closed";
            "circuit closed: StackStorm works again; resuming dispatch"
        ),
        (State::HalfOpen { .. }, State::Open { lasted, .. }) => {
            log::debug!(
                event = "circuit_probe_failed", wait_s = lasted.as_secs();
                "circuit still open: StackStorm is still failing"
            );
        }
        _ => {}
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
    fn it_opens_after_failures_in_a_row_and_a_success_resets_the_count() {
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
        state.probe_unused();
        assert_eq!(state.gauge(), 1, "it rests half-open");
        assert_eq!(state.permit(later), Permit::Probe);
    }

    #[test]
    fn with_nothing_to_post_it_rests_half_open() {
        let now = Instant::now();
        let mut state = opened(now);
        state.rested(now);
        assert_eq!(state.gauge(), 2, "the wait is not over");
        state.rested(now + FIRST);
        assert_eq!(state.gauge(), 1);
        assert_eq!(state.permit(now + FIRST), Permit::Probe);
    }

    fn circuit() -> Circuit {
        let circuit = Circuit::new(Metrics::new().unwrap());
        (0..FAILURES).for_each(|_| circuit.told(Signal::Fails));
        circuit
    }

    #[tokio::test]
    async fn no_delivery_passes_before_st2api_itself_answers_a_get() {
        let circuit = circuit();
        *circuit.lock() = State::HalfOpen { lasted: Duration::ZERO, probing: false };
        let asked = std::cell::Cell::new(0);
        let answers = || {
            asked.set(asked.get() + 1);
            std::future::ready(asked.get() == 3)
        };
        let passage = circuit.pass(answers).await;
        assert_eq!((asked.get(), circuit.metrics.circuit.get()), (3, 1));
        drop(passage);
        assert_eq!(circuit.metrics.circuit.get(), 1, "a delivery that made no call leaves it half-open");
        circuit.told(Signal::Works);
        assert_eq!(circuit.metrics.circuit.get(), 0, "a healthy POST closes it");
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
