//! What this process knows of the routes' lines: which guard held each when it was last looked at, and the call to look again.

use crate::model::status::DispatchReason;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// The rows of a line are not told more often which guard holds them.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Shared by claims, admission and all that ends a dispatch.
#[derive(Default)]
pub struct Lines {
    /// By route: what holds its line, and when its rows were told.
    held_by: Mutex<HashMap<String, (DispatchReason, Instant)>>,
    wake: Notify,
}

impl Lines {
    /// Something was held, or a place or a slot is free: the admission looks at once.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for that, for so long at most.
    pub(super) async fn woken(&self, at_most: Duration) {
        _ = tokio::time::timeout(at_most, self.wake.notified()).await;
    }

    /// What holds the line of a route, as far as this process knows.
    pub(super) fn held_by(&self, route: &str) -> Option<DispatchReason> {
        self.lock().get(route).map(|(reason, _)| *reason)
    }

    /// The routes whose line waits for a place.
    pub(super) fn full(&self) -> Vec<String> {
        let held_by = self.lock();
        let full = held_by.iter().filter(|(_, (reason, _))| *reason == DispatchReason::InFlight);
        full.map(|(route, _)| route.clone()).collect()
    }

    /// Forgets all lines but these: nothing waits there.
    pub(super) fn only(&self, lines: &[String]) {
        self.lock().retain(|route, _| lines.contains(route));
    }

    /// A line that is not held any more.
    pub(super) fn moves(&self, route: &str) {
        self.lock().remove(route);
    }

    /// Notes what holds a line. `None`: its rows were told a moment ago; else they should be, and it says whether another guard
    /// held it before. They are told again from time to time: a claim may have named the guard before.
    pub(super) fn note(&self, route: &str, reason: DispatchReason, now: Instant) -> Option<bool> {
        let mut held_by = self.lock();
        let known = held_by.get(route).copied();
        if known.is_some_and(|(_, told)| now.duration_since(told) < TOLD_EVERY) {
            return None;
        }
        held_by.insert(route.to_owned(), (reason, now));
        Some(known.is_none_or(|(known, _)| known != reason))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (DispatchReason, Instant)>> {
        // Nothing panics while it is held.
        self.held_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
