//! The consumer's loop: a slot, a delivery, a claim, an attempt, the record, and the ack last.

use super::{
    Dispatch,
    admission::Admission,
    claims::Claim,
    shared::{Shared, Slot},
};
use crate::{
    broker::{Consumer, Delivery, Event, message::Message},
    relay,
    store::dispatch::claim::ClaimRequest,
    tasks::{Tasks, panic_message},
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio_util::task::TaskTracker;

/// How long shutdown waits for calls that are under way; what is not over by then is looked up after its lease.
const FINISH: Duration = Duration::from_secs(25);

/// Waits for a row that this database node does not have yet, in milliseconds: one second in all.
const ABSENT_WAITS: [u64; 5] = [20, 60, 120, 300, 500];
/// After them the message goes back to the queue, so often at most.
const RETURNS: u32 = 10;

/// Takes deliveries and sees each through to its ack.
pub struct Worker {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Worker {
    /// A worker with so many calls at once; needs a running runtime.
    pub fn new(dispatch: Arc<Dispatch>, concurrency: u16, essential: &Tasks) -> Self {
        let shared = Arc::new(Shared::new(dispatch, concurrency, essential));
        Self { shared, tasks: TaskTracker::new() }
    }

    /// What starts rows that guards hold, with the same slots.
    pub(crate) fn admission(&self) -> Admission {
        Admission::new(Arc::clone(&self.shared), self.tasks.clone())
    }

    /// Consumes until cancelled, then finishes what is held. A message that is not acked by then comes again.
    pub async fn run(self, mut consumer: Consumer) {
        let stop = self.shared.stop.clone();
        loop {
            let next = async {
                // Messages wait in the queue for a dispatcher that can reach StackStorm.
                if let Some(until) = self.shared.dispatch.circuit.open_until() {
                    consumer.pause().await;
                    tokio::time::sleep_until(until.into()).await;
                    self.shared.dispatch.circuit.rest();
                }
                let event = consumer.next().await;
                // A slot before the claim: nothing is claimed that could not be posted at once. Not before the delivery: a
                // slot that waits for one could start what guards hold.
                let slot = if matches!(event, Event::Delivery(_)) { self.shared.slot().await } else { None };
                (slot, event)
            };
            let (slot, event) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            match event {
                Event::Delivery(delivery) => {
                    // The semaphores are never closed.
                    let Some(slot) = slot else { break };
                    drop(self.tasks.spawn(handle(Arc::clone(&self.shared), delivery, slot)));
                }
                // First, requeue: a crash after the declare would leave rows whose lost messages no process notices.
                Event::NoQueue => {
                    if requeue(&self.shared).await {
                        consumer.create_queue();
                    }
                }
            }
        }
        self.tasks.close();
        if tokio::time::timeout(FINISH, self.tasks.wait()).await.is_err() {
            self.shared.give_up.cancel();
            log::warn!(
                event = "calls_abandoned", calls = self.tasks.len();
                "stopping while calls are in progress; they are looked up after their lease"
            );
        }
    }
}

/// The queue is gone: what was queued is due. Tried until the database has it; false when shutdown came first.
async fn requeue(shared: &Shared) -> bool {
    let store = &shared.dispatch.store;
    shared.retry_until("requeue", &shared.stop, || relay::requeue_all(store)).await.is_some()
}

/// One delivery. The ack is the last line; a crash anywhere before it brings the message back, and the row says what was
/// done. Only the message of a row that is not here yet goes back to the queue.
///
/// A panic concerns this row alone: acked, it takes no place of the prefetch, and its lease brings the row back, looked up
/// before anything is posted.
async fn handle(shared: Arc<Shared>, delivery: Delivery, slot: Slot) {
    let message = delivery.message;
    let (request_id, alert_id) = (message.request_id, message.alert_id);
    let done = AssertUnwindSafe(dispatch(&shared, message, slot)).catch_unwind().await;
    let done = done.unwrap_or_else(|panic| {
        shared.dispatch.metrics.tasks_failed.with_label_values(&["delivery"]).inc();
        let text = panic_message(&*panic);
        log::error!(
            event = "delivery_failed", request_id:%, alert_id;
            "handling a delivery failed; its row is taken again after its lease: {text}"
        );
        Done::Ack
    });
    match done {
        Done::Ack => delivery.ack().await,
        Done::Absent if delivery.returned < RETURNS => delivery.give_back().await,
        Done::Absent => {
            log::warn!(
                event = "row_absent", request_id:%, alert_id;
                "the alert of a message is not in the database; the message is dropped. An alert that appears later is published \
                 again when it is due"
            );
            delivery.ack().await;
        }
        Done::Stopped => {}
    }
}

/// How a delivery ended.
enum Done {
    /// Everything about it is recorded.
    Ack,
    /// This database node does not have its row.
    Absent,
    /// Shutdown came first: not acked, it comes again.
    Stopped,
}

/// Everything before the ack.
async fn dispatch(shared: &Shared, message: Message, slot: Slot) -> Done {
    // Before the claim: no lease runs while StackStorm does not work.
    let passage = tokio::select! {
        () = shared.stop.cancelled() => return Done::Stopped,
        passage = shared.dispatch.circuit.pass(|| shared.answers()) => passage,
    };
    let request = ClaimRequest { alert_id: message.alert_id, generation: message.generation };
    let Some(claim) = claim(shared, request).await else { return Done::Stopped };
    let metrics = &shared.dispatch.metrics;
    match claim {
        Claim::Ours(claimed) => {
            if !shared.see_through(&claimed, slot).await {
                return Done::Stopped;
            }
        }
        Claim::Held => {
            metrics.claims.with_label_values(&["held"]).inc();
            shared.dispatch.lines.wake();
        }
        Claim::Absent => {
            metrics.claims.with_label_values(&["absent"]).inc();
            return Done::Absent;
        }
        Claim::NotClaimable => {
            metrics.claims.with_label_values(&["not_claimable"]).inc();
            log::debug!(
                event = "not_claimable", request_id:% = message.request_id, alert_id = message.alert_id;
                "not claimable: already claimed, ended or replaced"
            );
        }
    }
    drop(passage);
    Done::Ack
}

/// A row that this database node does not have yet is waited for: another node has committed it, for ingest publishes after
/// COMMIT. `None` when shutdown came first.
async fn claim(shared: &Shared, request: ClaimRequest) -> Option<Claim> {
    let mut waits = ABSENT_WAITS.iter();
    loop {
        let claim = shared.retry_until("claim", &shared.stop, || shared.claims.ask(request)).await?;
        let Some(wait) = waits.next().filter(|_| matches!(claim, Claim::Absent)) else { return Some(claim) };
        tokio::select! {
            () = shared.stop.cancelled() => return None,
            () = tokio::time::sleep(Duration::from_millis(*wait)) => {}
        }
    }
}
