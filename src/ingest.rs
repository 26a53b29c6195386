//! Stores webhooks: parses them, queues them for the writer, and answers after COMMIT. Contains no HTTP.
//!
//! Crash safety: before COMMIT nothing is stored and nothing was answered; after it the rows are `pending` and the relay
//! publishes them. What if the database never answers: the caller is told [`Outcome::Unavailable`] and sends again;
//! should the rows be there all the same, the second time is a repeat.

pub(crate) mod judge;
mod writer;

pub use judge::RawWebhook;
pub use writer::{Writer, WriterSettings};

use crate::{
    metrics::Metrics,
    model::{
        identity::Identity,
        ids::RequestId,
        matcher::Matchers,
        plan::RowFate,
        status::{DispatchReason, DispatchStatus},
    },
    store::operate::probe::Refusal,
};

/// What the sender is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Committed: 202.
    Accepted(Receipt),
    /// Not a webhook, and stored as such: 400 with this text.
    Refused {
        /// Our id of the request.
        request_id: RequestId,
        /// For the operator of the sender.
        message: String,
    },
    /// Our trouble, not the sender's: 503. It may be stored or not.
    Unavailable(&'static str),
}

/// What was stored of a webhook's alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Our id of the request.
    pub request_id: RequestId,
    /// All of them.
    pub alerts_received: usize,
    /// To be dispatched.
    pub alerts_pending: usize,
    /// Stored, and nothing to be run for them.
    pub alerts_skipped: usize,
}

/// The front of the writer: one per process, shared by all HTTP workers.
#[derive(Clone)]
pub struct Ingest {
    mute: Matchers,
    identity: Identity,
    writer: Writer,
    metrics: Metrics,
}

impl Ingest {
    /// Puts the judging before the writer.
    pub fn new(mute: Matchers, writer: Writer, metrics: Metrics) -> Self {
        Self { mute, identity: Identity::default(), writer, metrics }
    }

    /// Tells alerts apart by these settings, not as Alertmanager does.
    #[must_use]
    pub fn identified_by(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Judges, stores and answers one webhook.
    pub async fn take(&self, raw: RawWebhook) -> Outcome {
        let judged = crate::ingest::judge::judge(raw, &self.mute, &self.identity);
        let request_id = judged.intake.request_id;
        if judged.truncated_alerts > 0 {
            log::warn!(
                event = "alerts_truncated", request_id:%, truncated = judged.truncated_alerts;
                "Alertmanager left out alerts (max_alerts) and they are lost; set max_alerts: 0"
            );
            self.metrics.truncated_alerts.inc_by(judged.truncated_alerts);
        }
        let fates = match self.writer.store(judged.intake).await {
            Ok(fates) => fates,
            Err(reason) => return Outcome::Unavailable(reason),
        };
        if let Some(message) = judged.refusal {
            log::warn!(event = "webhook_refused", request_id:%; "not a webhook: {message}");
            return Outcome::Refused { request_id, message };
        }
        warn_of_strange_alerts(request_id, &fates);
        Outcome::Accepted(receipt(request_id, &fates))
    }

    /// True while the writer gets nothing done: a webhook that came now would be [`Outcome::Unavailable`].
    pub fn is_stuck(&self) -> bool {
        self.writer.is_stuck()
    }

    /// Why the database refused the last webhook, if that is a moment ago.
    pub fn refused(&self) -> Option<Refusal> {
        self.writer.refused()
    }

    /// Stores that a webhook came whose body cannot be kept: too large, or packed in a way that is not known. False when it
    /// could not be stored.
    pub async fn note(&self, raw: RawWebhook, status_code: i32) -> bool {
        let intake = crate::ingest::judge::without_body(raw, status_code);
        self.writer.store(intake).await.is_ok()
    }
}

/// One alert that cannot be read spoils no group; a group of nothing else is probably not Alertmanager's own body.
fn warn_of_strange_alerts(request_id: RequestId, fates: &[RowFate]) {
    let unreadable = |fate: &RowFate| fate.dispatch_reason == Some(DispatchReason::Invalid);
    if !fates.is_empty() && fates.iter().all(unreadable) {
        log::warn!(
            event = "no_alert_readable", request_id:%, alerts = fates.len();
            "no alert of this webhook can be parsed; storing them as skipped/invalid. If the webhook_config has a \
             custom payload, remove `payload`"
        );
    }
}

fn receipt(request_id: RequestId, fates: &[RowFate]) -> Receipt {
    let pending = fates.iter().filter(|fate| fate.dispatch_status == DispatchStatus::Pending).count();
    let receipt = Receipt {
        request_id,
        alerts_received: fates.len(),
        alerts_pending: pending,
        alerts_skipped: fates.len() - pending,
    };
    log::info!(event = "webhook_stored", request_id:%, alerts = receipt.alerts_received, pending; "webhook stored");
    receipt
}
