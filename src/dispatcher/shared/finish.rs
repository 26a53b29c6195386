//! How the end of a claim is written and reported.

use super::Shared;
use crate::{
    database::DatabaseError,
    dispatcher::{End, disposition, log_end},
    retry::Reconnect,
    store::dispatch::{
        claim::Claimed,
        record::{Authority, Record, Recorded},
        release::{NotRun, Shown},
    },
};
use tokio_util::sync::CancellationToken;

impl Shared {
    /// Writes how a claim ended. False when shutdown came first: the lease decides then.
    pub(in crate::dispatcher) async fn finish(&self, claimed: &Claimed, end: End) -> bool {
        let written = if let End::Dispatched { links, log } = &end {
            let record = Record {
                alert_id: claimed.alert.id,
                request_id: claimed.request_id,
                authority: Authority::Claim(claimed.token.clone()),
                links: links.clone(),
                start: claimed.link_start(),
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
        // A place, a window or a slot may be free.
        self.dispatch.lines.wake();
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
            End::Shown(Shown { status, reason, .. }) if status.is_final() => {
                metrics.settled.with_label_values(&[status.as_str(), reason.as_str()]).inc();
            }
            End::Released(_) | End::Awaiting(_) | End::Shown(_) => {}
        }
        log_end::log(claimed, end, ours);
    }

    /// Repeats a write until the database takes it; every one of them may be written twice. `None` when `until` came first.
    /// While the database is away there is nothing better to do with the slot.
    pub(in crate::dispatcher) async fn retry_until<T, E, Fut>(
        &self,
        what: &str,
        until: &CancellationToken,
        write: impl Fn() -> Fut,
    ) -> Option<T>
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
