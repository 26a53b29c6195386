//! Heartbeats of a database thread: each statement beats at its start and its end, and the caller watches the beats.
//!
//! The client library waits for a silent server without a limit and cannot be interrupted. So every wait for its thread has a
//! limit: without a beat for that long, the caller gives the thread up. The caller does not know what the thread has done. If
//! the thread wakes up later it must not continue: [`given_up`] tells it so, and `transaction` checks it before every COMMIT.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

const RUNNING: u8 = 0;
const GIVEN_UP: u8 = 1;
const DONE: u8 = 2;

/// One thread's work on one connection.
pub(crate) struct Pulse {
    last: Mutex<Instant>,
    state: AtomicU8,
    connected: AtomicBool,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Pulse>>> = const { RefCell::new(None) };
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            last: Mutex::new(Instant::now()),
            state: AtomicU8::new(RUNNING),
            connected: AtomicBool::new(false),
        })
    }

    /// How long ago the last beat was.
    pub(crate) fn silent_for(&self) -> Duration {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// The thread has its connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// The caller stops waiting. False when the work is already done.
    pub(crate) fn give_up(&self) -> bool {
        self.state.compare_exchange(RUNNING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is_given_up(&self) -> bool {
        self.state.load(Ordering::Acquire) == GIVEN_UP
    }

    fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Makes this the pulse of the calling thread until the guard is dropped. Then `ended` is called with true if the
    /// thread was given up.
    pub(crate) fn enter<F: FnOnce(bool)>(self: &Arc<Self>, ended: F) -> Working<F> {
        self.beat();
        CURRENT.set(Some(Arc::clone(self)));
        Working { pulse: Arc::clone(self), ended: Some(ended) }
    }
}

/// While this lives, the thread's statements beat its pulse. Ends with a panic too.
pub(crate) struct Working<F: FnOnce(bool)> {
    pulse: Arc<Pulse>,
    ended: Option<F>,
}

impl<F: FnOnce(bool)> Drop for Working<F> {
    fn drop(&mut self) {
        CURRENT.set(None);
        let given_up = self.pulse.state.swap(DONE, Ordering::AcqRel) == GIVEN_UP;
        if let Some(ended) = self.ended.take() {
            ended(given_up);
        }
    }
}

/// A beat of the calling thread. Every connection's instrumentation calls this.
pub(crate) fn beat() {
    CURRENT.with_borrow(|current| current.iter().for_each(|pulse| pulse.beat()));
}

/// The calling thread has its connection.
pub(crate) fn connected() {
    CURRENT.with_borrow(|current| current.iter().for_each(|pulse| pulse.connected.store(true, Ordering::Release)));
}

/// True when the caller of this thread's work has given it up.
pub(crate) fn given_up() -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(|pulse| pulse.is_given_up()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_thread_learns_that_it_was_given_up_and_tells_so_at_its_end() {
        let (pulse, told) = (Pulse::new(), Cell::new(None));
        let working = pulse.enter(|given_up| told.set(Some(given_up)));
        assert!(!given_up());
        assert!(pulse.give_up());
        assert!(given_up());
        drop(working);
        assert_eq!(told.get(), Some(true));
        assert!(!given_up(), "the next work of the same thread has a pulse of its own");
    }

    #[test]
    fn work_that_is_done_cannot_be_given_up() {
        let pulse = Pulse::new();
        drop(pulse.enter(|given_up| assert!(!given_up)));
        assert!(!pulse.give_up());
    }
}
