//! What all handlers share: the parts of the process, the caller, and the requests in flight.

use super::{attempts::Attempts, auth::Auth, connections::Connections};
use crate::{database::Database, metrics::Metrics};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How long the last answer may take from its handler to the wire, once nothing else is in flight.
const FLUSH: Duration = Duration::from_secs(1);

/// What every server needs.
pub struct Parts {
    /// The rows.
    pub store: Database,
    /// What is counted.
    pub metrics: Metrics,
    /// Ends the server.
    pub stop: CancellationToken,
}

/// What every handler may use; one per server.
pub(super) struct Shared {
    pub(super) store: Database,
    pub(super) metrics: Metrics,
    pub(super) auth: Auth,
    /// Of all routes but the form where people sign in.
    pub(super) wrong_tokens: Attempts,
    pub(super) stop: CancellationToken,
    pub(super) connections: Arc<Connections>,
    /// The process's runtime: actix's workers have small ones of their own.
    pub(super) runtime: tokio::runtime::Handle,
    in_flight: AtomicUsize,
}

impl Shared {
    pub(super) fn new(parts: Parts, auth: Auth, connections: Arc<Connections>) -> Self {
        let Parts { store, metrics, stop } = parts;
        let runtime = tokio::runtime::Handle::current();
        let wrong_tokens = Attempts::default();
        Self { store, metrics, auth, wrong_tokens, stop, connections, runtime, in_flight: AtomicUsize::new(0) }
    }

    /// The stop token was cancelled, and for [`FLUSH`] nothing has been in flight: what was answered is written.
    pub(super) async fn drained(&self) {
        self.stop.cancelled().await;
        let mut quiet_since = Instant::now();
        while quiet_since.elapsed() < FLUSH {
            tokio::time::sleep(FLUSH / 10).await;
            if self.in_flight.load(Ordering::Acquire) > 0 {
                quiet_since = Instant::now();
            }
        }
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(&self.in_flight)
    }
}

/// A request that is being answered.
pub(super) struct InFlight<'s>(&'s AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// For handlers: who asks.
#[derive(Clone)]
pub(super) struct Caller {
    /// The token's name, where one was needed.
    pub(super) name: Option<String>,
    /// On the operator page: whether the caller may give orders too. The page hides what the server would refuse.
    pub(super) may_order: bool,
}
