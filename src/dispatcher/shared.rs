//! What the tasks of a dispatcher share: slots, claims, and the way from a claim to its record.

mod finish;

use super::{
    Dispatch,
    attempt::Attempt,
    batched::Batched,
    claims::{Claim, claims_of, records_of},
    decide,
};
use crate::{
    store::dispatch::{
        claim::{ClaimRequest, Claimed},
        record::{Record, Recorded},
    },
    tasks::Tasks,
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Shared by the consumer and the admission.
pub(super) struct Shared {
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) claims: Batched<ClaimRequest, Claim>,
    records: Batched<Record, Recorded>,
    /// Calls to StackStorm at once.
    slots: Arc<Semaphore>,
    /// Claims at once, from the claim to the record: as many again as calls may wait for their record. Without this bound, records
    /// that are slower than claims would pile up until leases end.
    claimed: Arc<Semaphore>,
    /// Take nothing new.
    pub(super) stop: CancellationToken,
    /// Shutdown's patience is over: leave what is not written to its lease.
    pub(super) give_up: CancellationToken,
}

/// The right to one claim and to one call.
pub(super) struct Slot {
    claimed: OwnedSemaphorePermit,
    call: OwnedSemaphorePermit,
}

impl Shared {
    pub(super) fn new(dispatch: Arc<Dispatch>, concurrency: u16, tasks: &Tasks) -> Self {
        let (claims, records) = (claims_of(&dispatch, tasks), records_of(&dispatch, tasks));
        let calls = usize::from(concurrency.max(1));
        Self {
            dispatch,
            claims,
            records,
            slots: Arc::new(Semaphore::new(calls)),
            claimed: Arc::new(Semaphore::new(2 * calls)),
            stop: tasks.stop().clone(),
            give_up: CancellationToken::new(),
        }
    }

    /// Waits for a slot; `None`: never, the semaphores are closed.
    pub(super) async fn slot(&self) -> Option<Slot> {
        let claimed = Arc::clone(&self.claimed).acquire_owned().await.ok()?;
        let call = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        Some(Slot { claimed, call })
    }

    /// Up to so many slots of those that are free now, and no more than half of them: an admission may wait for another one, and
    /// what no guard holds must not wait for that.
    pub(super) fn spare_slots(&self, at_most: usize) -> Vec<Slot> {
        let slot = || {
            let claimed = Arc::clone(&self.claimed).try_acquire_owned().ok()?;
            let call = Arc::clone(&self.slots).try_acquire_owned().ok()?;
            Some(Slot { claimed, call })
        };
        let half = self.slots.available_permits() / 2;
        std::iter::from_fn(slot).take(at_most.min(half)).collect()
    }

    /// Sees a claim through to its record. False when shutdown came first.
    pub(super) async fn see_through(&self, claimed: &Claimed, slot: Slot) -> bool {
        self.dispatch.metrics.claims.with_label_values(&["claimed"]).inc();
        let end = decide::run(&Attempt::new(&self.dispatch, claimed, &self.stop)).await;
        let Slot { claimed: held, call } = slot;
        // The call is over: the next one may begin while this one is written down.
        drop(call);
        let written = self.finish(claimed, end).await;
        drop(held);
        written
    }

    /// Whether st2api itself answers a GET: a POST would reach it.
    pub(super) async fn answers(&self) -> bool {
        let answered = self.dispatch.client.answers_itself().await;
        if let Err(error) = &answered {
            log::debug!(event = "probe_failed"; "StackStorm still fails the probe: {error}");
        }
        answered.is_ok()
    }
}
