//! The consumer's loop: a slot, a delivery, a claim, an attempt, the record, and the ack last.

use super::{Dispatch, End, attempt::Attempt, batched::Batched, decide, disposition, log_end, routing};
use crate::{
    broker::{Consumer, Delivery, Event, message::Message},
    database::DatabaseError,
    relay,
    retry::Reconnect,
    store::dispatch::{
        claim::{self, ClaimPolicy, ClaimRequest, Claimed},
        record::{self, Authority, Record, Recorded},
        release::{self, NotRun},
    },
    tasks::{Tasks, panic_message},
};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long shutdown waits for calls that are under way; what is not over by then is looked up after its lease.
const FINISH: Duration = Duration::from_secs(25);

/// Takes deliveries and sees each through to its ack.
pub struct Worker {
    shared: Arc<Shared>,
    /// Calls to StackStorm at once.
    slots: Arc<Semaphore>,
    /// Deliveries at once, from their claim to their ack: as many again may wait for their record. Without this bound, records
    /// that are slower than claims would pile up until leases end.
    held: Arc<Semaphore>,
    tasks: TaskTracker,
}

struct Shared {
    dispatch: Arc<Dispatch>,
    claims: Batched<ClaimRequest, Option<Claimed>>,
    records: Batched<Record, Recorded>,
    /// Take nothing new.
    stop: CancellationToken,
    /// Shutdown's patience is over: leave what is not written to its lease.
    give_up: CancellationToken,
}

impl Worker {
    /// A worker with so many calls at once; needs a running runtime.
    pub fn new(dispatch: Arc<Dispatch>, concurrency: u16, essential: &Tasks) -> Self {
        let (claims, records) = (claims_of(&dispatch, essential), records_of(&dispatch, essential));
        let stop = essential.stop().clone();
        let shared = Arc::new(Shared { dispatch, claims, records, stop, give_up: CancellationToken::new() });
        let calls = usize::from(concurrency.max(1));
        let (slots, held) = (Arc::new(Semaphore::new(calls)), Arc::new(Semaphore::new(2 * calls)));
        Self { shared, slots, held, tasks: TaskTracker::new() }
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
                // A slot first: nothing is claimed that could not be posted at once.
                let held = Arc::clone(&self.held).acquire_owned().await;
                let slot = Arc::clone(&self.slots).acquire_owned().await;
                (held, slot, consumer.next().await)
            };
            let (held, slot, event) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            // The semaphores are never closed.
            let (Ok(held), Ok(slot)) = (held, slot) else { break };
            match event {
                Event::Delivery(delivery) => {
                    drop(self.tasks.spawn(handle(Arc::clone(&self.shared), delivery, (held, slot))));
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

fn claims_of(dispatch: &Arc<Dispatch>, tasks: &Tasks) -> Batched<ClaimRequest, Option<Claimed>> {
    let dispatch = Arc::clone(dispatch);
    Batched::start("claims", tasks, move |requests: Vec<ClaimRequest>| {
        let dispatch = Arc::clone(&dispatch);
        async move {
            let token = uuid::Uuid::new_v4().to_string();
            let claimed = claim(&dispatch, requests.clone(), token.clone()).await;
            if let Err(DatabaseError::CommitUnknown(_) | DatabaseError::Silent { .. }) = &claimed {
                disclaim(&dispatch, requests, token).await;
            }
            claimed
        }
    })
}

/// In the order of the requests; `None` is not claimable.
async fn claim(
    dispatch: &Dispatch,
    requests: Vec<ClaimRequest>,
    token: String,
) -> Result<Vec<Option<Claimed>>, DatabaseError> {
    let (table, lease) = (dispatch.routes.table(), dispatch.policy.lease.length);
    dispatch
        .store
        .run(move |conn| {
            let route = |alert: &claim::ClaimedAlert| routing::target(&table, alert);
            let mut claimed = claim::claim(conn, &requests, &token, &ClaimPolicy { lease, route: &route })?;
            let mut take = |request: &ClaimRequest| {
                let index = claimed.iter().position(|claimed| claimed.alert.id == request.alert_id)?;
                Some(claimed.swap_remove(index))
            };
            Ok(requests.iter().map(&mut take).collect())
        })
        .await
}

/// The COMMIT of a claim got no answer. If the claim holds rows, no process works on them and nothing was posted. Released,
/// they can be claimed at once; otherwise they would count as uncertain. After the lease the relay has taken them back.
async fn disclaim(dispatch: &Dispatch, requests: Vec<ClaimRequest>, token: String) {
    let (begun, lease) = (Instant::now(), dispatch.policy.lease.length);
    let mut pace = Reconnect::new();
    while begun.elapsed() < lease {
        let (requests, token) = (requests.clone(), token.clone());
        match dispatch.store.run(move |conn| release::disclaim(conn, &requests, &token, lease)).await {
            Ok(rows) => {
                log::warn!(
                    event = "claim_unanswered", rows;
                    "no answer to the COMMIT of a claim; released the rows that it held"
                );
                return;
            }
            Err(error) => {
                let wait = pace.failed("disclaim");
                log::log!(
                    error.level(), event = "database_waiting", wait_ms = wait.as_millis();
                    "waiting for the database: {}",
                    crate::logging::chain(&error)
                );
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn records_of(dispatch: &Arc<Dispatch>, tasks: &Tasks) -> Batched<Record, Recorded> {
    let store = dispatch.store.clone();
    Batched::start("records", tasks, move |batch: Vec<Record>| {
        let store = store.clone();
        async move { store.run(move |conn| record::record(conn, &batch)).await }
    })
}

/// The queue is gone: what was queued is due. Tried until the database has it; false when shutdown came first.
async fn requeue(shared: &Shared) -> bool {
    let store = &shared.dispatch.store;
    shared.retry_until("requeue", &shared.stop, || relay::requeue_all(store)).await.is_some()
}

/// Permits: (deliveries in flight, concurrent StackStorm calls).
type Places = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// One delivery. The ack is the last line; a crash anywhere before it brings the message back, and the row says what was
/// done. Nothing here requeues.
///
/// A panic concerns this row alone: acked, it takes no place of the prefetch, and its lease brings the row back, looked up
/// before anything is posted.
async fn handle(shared: Arc<Shared>, delivery: Delivery, places: Places) {
    let message = delivery.message;
    let (request_id, alert_id) = (message.request_id, message.alert_id);
    let done = AssertUnwindSafe(dispatch(&shared, message, places)).catch_unwind().await;
    let acked = done.unwrap_or_else(|panic| {
        shared.dispatch.metrics.tasks_failed.with_label_values(&["delivery"]).inc();
        let text = panic_message(&*panic);
        log::error!(
            event = "delivery_failed", request_id:%, alert_id;
            "handling a delivery failed; its row is taken again after its lease: {text}"
        );
        true
    });
    if acked {
        delivery.ack().await;
    }
}

/// Everything before the ack. False when shutdown came first.
async fn dispatch(shared: &Shared, message: Message, (held, slot): Places) -> bool {
    // Before the claim: no lease runs while StackStorm does not work.
    let passage = tokio::select! {
        () = shared.stop.cancelled() => return false,
        passage = shared.dispatch.circuit.pass(|| answers(&shared.dispatch)) => passage,
    };
    let request = ClaimRequest { alert_id: message.alert_id, generation: message.generation };
    let Some(claimed) = shared.retry_until("claim", &shared.stop, || shared.claims.ask(request)).await else {
        return false;
    };
    let metrics = &shared.dispatch.metrics;
    if let Some(claimed) = claimed {
        metrics.claims.with_label_values(&["claimed"]).inc();
        let end = decide::run(&Attempt::new(&shared.dispatch, &claimed, &shared.stop)).await;
        // The call is over: the next one may begin while this one is written down.
        drop(slot);
        if !shared.finish(&claimed, end).await {
            return false;
        }
    } else {
        metrics.claims.with_label_values(&["not_claimable"]).inc();
        log::debug!(
            event = "not_claimable", request_id:% = message.request_id, alert_id = message.alert_id;
            "not claimable: already claimed, ended or replaced"
        );
    }
    drop((passage, held));
    true
}

/// st2api itself answers a GET: a POST would reach it.
async fn answers(dispatch: &Dispatch) -> bool {
    let answered = dispatch.client.answers_itself().await;
    if let Err(error) = &answered {
        log::debug!(event = "probe_failed"; "StackStorm still fails the probe: {error}");
    }
    answered.is_ok()
}

impl Shared {
    /// Writes how a claim ended. False when shutdown came first: the lease decides then.
    async fn finish(&self, claimed: &Claimed, end: End) -> bool {
        let written = if let End::Dispatched { links, log } = &end {
            let record = Record {
                alert_id: claimed.alert.id,
                request_id: claimed.request_id,
                authority: Authority::Claim(claimed.token.clone()),
                links: links.clone(),
                log: log.as_deref().cloned(),
            };
            let recorded = self.retry_until("record", &self.give_up, || self.records.ask(record.clone())).await;
            recorded.map(|recorded| recorded != Recorded::Surplus)
        } else {
            let write = || {
                let (claimed, end) = (claimed.clone(), end.clone());
                self.dispatch.store.run(move |conn| disposition::write(conn, &claimed, &end))
            };
            self.retry_until("release", &self.give_up, write).await
        };
        let Some(ours) = written else { return false };
        self.note(claimed, &end, ours);
        true
    }

    fn note(&self, claimed: &Claimed, end: &End, ours: bool) {
        let metrics = &self.dispatch.metrics;
        match end {
            End::Dispatched { links, .. } => {
                metrics.links.inc_by(u64::try_from(links.len()).unwrap_or_default());
                let asked_for = claimed.alert.pending_at.unwrap_or(claimed.alert.created_at);
                let waited = (claimed.claimed_at - asked_for).as_seconds_f64();
                metrics.webhook_to_execution_seconds.observe(waited.max(0.0) + claimed.begun.elapsed().as_secs_f64());
                if !ours {
                    metrics.duplicates.inc();
                }
            }
            End::NotRun(NotRun { status, reason, .. }) => {
                metrics.settled.with_label_values(&[status.as_str(), reason.as_str()]).inc();
            }
            End::Released(_) | End::Awaiting(_) => {}
        }
        log_end::log(claimed, end, ours);
    }

    /// Repeats a write until the database takes it; every one of them may be written twice. `None` when `until` came first.
    /// While the database is away there is nothing better to do with the slot.
    async fn retry_until<T, E, Fut>(&self, what: &str, until: &CancellationToken, write: impl Fn() -> Fut) -> Option<T>
    where
        Fut: Future<Output = Result<T, E>>,
        E: AsRef<DatabaseError>,
    {
        let mut pace = Reconnect::new();
        loop {
            match write().await {
                Ok(value) => return Some(value),
                Err(error) => {
                    let wait = pace.failed(what);
                    log::log!(
                        error.as_ref().level(), event = "database_waiting", what, wait_ms = wait.as_millis();
                        "waiting for the database: {}",
                        crate::logging::chain(error.as_ref())
                    );
                    tokio::select! {
                        () = until.cancelled() => return None,
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
    }
}
