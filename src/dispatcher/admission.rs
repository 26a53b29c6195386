//! Starts what guards hold: the rows of the routes' lines, as soon as a place, a window or a brake allows it.
//!
//! It runs in every dispatcher and takes the same slots as the consumer. `store::dispatch::admission` makes the decision
//! exact, `model::guards::admission` is the decision.

use super::{
    Dispatch,
    claims::disclaim_after,
    shared::{Shared, Slot},
};
use crate::{
    model::{guards::admission::Blocked, status::DispatchReason},
    store::dispatch::{
        admission::{self, Admitted, GuardedRoute, Request},
        claim::Claimed,
    },
    tasks::panic_message,
};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::task::TaskTracker;

/// How often lines are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The same while a line waits for a place: the tracker may free one in another process.
const FOR_A_PLACE: Duration = Duration::from_millis(200);
/// Starts of one admission at most.
const MOST: usize = 64;
/// Rows that are told at once which guard holds them.
const RENAMED: i64 = 500;

/// Admits rows until shutdown.
pub(crate) struct Admission {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// What an admission asks for besides the slots.
struct Asked {
    routes: Vec<GuardedRoute>,
    max_in_flight: Option<u32>,
}

impl Admission {
    pub(super) fn new(shared: Arc<Shared>, tasks: TaskTracker) -> Self {
        Self { shared, tasks }
    }

    /// Looks at the lines until cancelled.
    pub(crate) async fn run(self) {
        let stop = self.shared.stop.clone();
        let mut wait = EVERY;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.shared.dispatch.lines.woken(wait) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                waits_for_a_place = self.round() => wait = if waits_for_a_place { FOR_A_PLACE } else { EVERY },
            }
        }
    }

    /// Admits until nothing more can be started now. True when a line waits for a place.
    async fn round(&self) -> bool {
        loop {
            let dispatch = Arc::clone(&self.shared.dispatch);
            if !self.anything_waits(asked(&dispatch)).await {
                return false;
            }
            // In turn with deliveries, which may want all slots for long. Before the circuit, as deliveries do: who probes must
            // not wait for a slot that others hold who wait for the probe.
            let Some(slot) = self.shared.slot().await else { return false };
            let passage = dispatch.circuit.pass(|| self.shared.answers()).await;
            let mut slots = vec![slot];
            // Half-open: one row goes through, as the probe.
            if !passage.is_probe() {
                slots.extend(self.shared.spare_slots(MOST));
            }
            // As the routes are now: a wait for StackStorm may have been long.
            let admitted = self.admit(asked(&dispatch), slots.len()).await;
            let (started, left) = (admitted.claimed.len(), admitted.left);
            let waits = admitted.blocked.iter().any(|(_, blocked)| blocked.reason == DispatchReason::InFlight);
            self.tell(&admitted).await;
            let all = std::iter::zip(admitted.claimed, slots);
            if passage.is_probe() {
                for (claimed, slot) in all {
                    see_through(Arc::clone(&self.shared), claimed, slot).await;
                }
            } else {
                all.for_each(|(claimed, slot)| {
                    drop(self.tasks.spawn(see_through(Arc::clone(&self.shared), claimed, slot)));
                });
            }
            if started + left == 0 {
                return waits;
            }
        }
    }

    /// One look, which locks nothing. Without guarded routes the database is not asked.
    async fn anything_waits(&self, asked: Asked) -> bool {
        if asked.routes.is_empty() {
            return false;
        }
        let dispatch = &self.shared.dispatch;
        match dispatch.store.run(move |conn| admission::lines(conn, &asked.routes)).await {
            Ok(lines) => {
                dispatch.lines.only(&lines);
                !lines.is_empty()
            }
            Err(error) => {
                log::log!(error.level(), event = "admission_failed"; "waiting for the database: {}", crate::logging::chain(&error));
                false
            }
        }
    }

    /// One admission. What fails is simply done again; a COMMIT that is not answered is given back.
    async fn admit(&self, asked: Asked, slots: usize) -> Admitted {
        let dispatch = &self.shared.dispatch;
        let (pauses, lease) = (dispatch.pauses.all(), dispatch.policy.lease.length);
        let token = uuid::Uuid::new_v4().to_string();
        let mine = token.clone();
        let begun = Instant::now();
        let admitted = dispatch.store.run(move |conn| {
            let Asked { routes, max_in_flight } = &asked;
            let max_in_flight = *max_in_flight;
            admission::admit(conn, &Request { routes, max_in_flight, pauses: &pauses, slots, token: &mine, lease })
        });
        match admitted.await {
            Ok(admitted) => {
                dispatch.metrics.guards.observe_admission(begun.elapsed(), admitted.claimed.len(), admitted.left);
                admitted
            }
            Err(error) => {
                log::log!(error.level(), event = "admission_failed"; "nothing is admitted now: {}", crate::logging::chain(&error));
                disclaim_after(dispatch, &error, token).await;
                Admitted::default()
            }
        }
    }

    /// Names the guard that holds a line in its rows.
    async fn tell(&self, admitted: &Admitted) {
        let dispatch = &self.shared.dispatch;
        dispatch.metrics.guards.set_brakes(&admitted.braked);
        for claimed in &admitted.claimed {
            let route = claimed.alert.dispatch_route.as_deref().unwrap_or_default();
            if !admitted.blocked.iter().any(|(blocked, _)| blocked == route) {
                dispatch.lines.moves(route);
            }
        }
        for (route, blocked) in &admitted.blocked {
            let Some(is_news) = dispatch.lines.note(route, blocked.reason, Instant::now()) else { continue };
            if is_news {
                log::info!(event = "line_held", route, reason:% = blocked.reason, by_all = blocked.by_all; "the line of a route waits");
            }
            self.rename(route.clone(), *blocked).await;
        }
    }

    async fn rename(&self, route: String, blocked: Blocked) {
        loop {
            let name = route.clone();
            let changed =
                self.shared.dispatch.store.run(move |conn| admission::name_guard(conn, &name, blocked, RENAMED)).await;
            // It is only shown: what fails is done when the guard changes again.
            if !changed.is_ok_and(|rows| rows > 0) {
                return;
            }
        }
    }
}

/// The guarded routes that start alerts.
fn asked(dispatch: &Dispatch) -> Asked {
    let table = dispatch.routes.table();
    Asked { routes: table.guarded(dispatch.policy.cooldown), max_in_flight: table.max_in_flight() }
}

/// A panic concerns this row alone: its lease brings it back, looked up before anything is posted.
async fn see_through(shared: Arc<Shared>, claimed: Claimed, slot: Slot) {
    let alert_id = claimed.alert.id;
    if let Err(panic) = AssertUnwindSafe(shared.see_through(&claimed, slot)).catch_unwind().await {
        shared.dispatch.metrics.tasks_failed.with_label_values(&["admission"]).inc();
        log::error!(event = "dispatch_panicked", alert_id:%; "a dispatch has failed, its row is looked at again after its lease: {}",
            panic_message(&*panic));
    }
}
