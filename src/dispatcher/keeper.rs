//! Looks after rows that guards hold: those that are due, and all of them after a pause or the routes have changed.

use super::Dispatch;
use crate::{
    database::DatabaseError,
    model::{guards::Mode, status::DispatchReason},
    store::{
        dispatch::{
            counts,
            held::{self, Which},
        },
        guard_key::Role,
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often due rows are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// All held rows are looked at at least this often.
const REVIEW: Duration = Duration::from_mins(1);
/// Rows of one transaction.
const CHUNK: i64 = 500;
/// The reasons that rows wait for on their own, outside their route's line.
const OF_THEIR_OWN: [DispatchReason; 4] =
    [DispatchReason::Paused, DispatchReason::Approval, DispatchReason::Cooldown, DispatchReason::TargetRate];

/// Keeps held rows moving. Many may run: rows that another one has locked are passed over.
pub(crate) struct Keeper {
    dispatch: Arc<Dispatch>,
    /// A pause or the routes have changed.
    changed: Notify,
}

impl Keeper {
    pub(crate) fn new(dispatch: Arc<Dispatch>) -> Self {
        Self { dispatch, changed: Notify::new() }
    }

    /// Runs until cancelled, and reads the pauses meanwhile.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let pauses = self.dispatch.pauses.watch(&self.dispatch.store, &stop, || self.changed.notify_one());
        tokio::join!(pauses, self.keep(&stop));
    }

    async fn keep(&self, stop: &CancellationToken) {
        let mut reviewed: Option<Instant> = None;
        let mut table = self.dispatch.routes.table();
        loop {
            let changed = tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let new_table = self.dispatch.routes.table();
            let routes_changed = !Arc::ptr_eq(&table, &new_table);
            table = new_table;
            let review = changed || routes_changed || reviewed.is_none_or(|at| at.elapsed() >= REVIEW);
            let round = async {
                self.due().await?;
                if review { self.review().await } else { Ok(()) }
            };
            match tokio::select! { () = stop.cancelled() => return, done = round => done } {
                Ok(()) if review => reviewed = Some(Instant::now()),
                Ok(()) => {}
                Err(error) => {
                    let text = crate::logging::chain(&error);
                    log::log!(error.level(), event = "held_rows_failed"; "held rows wait for the database: {text}");
                }
            }
        }
    }

    /// Due rows, until none is left.
    async fn due(&self) -> Result<(), DatabaseError> {
        loop {
            let rules = self.dispatch.rules();
            let looked = self
                .dispatch
                .store
                .run(move |conn| held::look(conn, Which::Due, CHUNK, &|row, now| rules.due(row, now)))
                .await?;
            self.count(&looked);
            if looked.moved.is_empty() {
                return Ok(());
            }
        }
    }

    /// Every held row once: those that wait on their own, and the lines that no route moves or that a pause covers.
    async fn review(&self) -> Result<(), DatabaseError> {
        for reason in OF_THEIR_OWN {
            let mut after = None;
            loop {
                let rules = self.dispatch.rules();
                let looked = self
                    .dispatch
                    .store
                    .run(move |conn| {
                        held::look(conn, Which::Held(reason, after), CHUNK, &|row, now| rules.review(row, now))
                    })
                    .await?;
                self.count(&looked);
                after = looked.last;
                if after.is_none() {
                    break;
                }
            }
        }
        for route in self.dispatch.store.run(counts::lines).await? {
            if self.is_to_be_cleared(&route) {
                for role in [Role::Held, Role::Released] {
                    self.clear(role.on(&route)).await?;
                }
            }
        }
        Ok(())
    }

    fn is_to_be_cleared(&self, route: &str) -> bool {
        let rules = self.dispatch.rules();
        // Of a route that asks, rows that nobody has approved may stand in the line since before it asked.
        let moves = rules.table.named(route).is_some_and(|route| route.guarded && route.guards.mode == Mode::Run);
        !moves || rules.pauses.iter().any(|pause| pause.covers_route(route))
    }

    async fn clear(&self, key: String) -> Result<(), DatabaseError> {
        loop {
            let (rules, key) = (self.dispatch.rules(), key.clone());
            let looked = self
                .dispatch
                .store
                .run(move |conn| held::look(conn, Which::InLine(&key), CHUNK, &|row, now| rules.review(row, now)))
                .await?;
            self.count(&looked);
            if looked.moved.is_empty() {
                return Ok(());
            }
        }
    }

    fn count(&self, looked: &held::Looked) {
        if looked.moved.is_empty() {
            return;
        }
        self.dispatch.metrics.guards.count_moved(&looked.moved);
        self.dispatch.lines.wake();
    }
}
