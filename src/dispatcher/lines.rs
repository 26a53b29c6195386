//! What this process knows of the routes' lines: which guard held each when it was last looked at, and the call to look again.

use crate::model::status::DispatchReason;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A line whose guards take turns is not renamed more often.
const RENAMED_EVERY: Duration = Duration::from_secs(10);

/// Shared by claims, admission and all that ends a dispatch.
#[derive(Default)]
pub struct Lines {
    /// By route: what holds its line, and since when its rows say so.
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

    /// A line that is not held any more.
    pub(super) fn moves(&self, route: &str) {
        self.lock().remove(route);
    }

    /// Notes what holds a line. True when its rows should be told.
    pub(super) fn note(&self, route: &str, reason: DispatchReason, now: Instant) -> bool {
        let mut held_by = self.lock();
        match held_by.get(route) {
            Some((known, _)) if *known == reason => false,
            Some((_, since)) if now.duration_since(*since) < RENAMED_EVERY => false,
            _ => {
                held_by.insert(route.to_owned(), (reason, now));
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (DispatchReason, Instant)>> {
        // Nothing panics while it is held.
        self.held_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
