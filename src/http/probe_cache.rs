//! Caches an answer of the database that many probes ask for: one query at a time, kept for a moment, with a short wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::Mutex, sync::oneshot};

type Found<T> = Result<T, String>;

/// The last answer and its age.
pub(super) struct Cached<T> {
    fresh: Duration,
    patience: Duration,
    last: Mutex<Option<(Instant, Found<T>)>>,
    /// A look-up is under way, perhaps since long: a database that hangs must not collect threads and connections.
    busy: Arc<AtomicBool>,
}

impl<T: Clone + Send + 'static> Cached<T> {
    /// Answers are kept for `fresh` and waited for up to `patience`.
    pub(super) fn new(fresh: Duration, patience: Duration) -> Self {
        Self { fresh, patience, last: Mutex::new(None), busy: Arc::new(AtomicBool::new(false)) }
    }

    /// The kept answer, or what `look` finds.
    pub(super) async fn get<E: std::fmt::Display + Send>(
        &self,
        runtime: &Handle,
        look: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Found<T> {
        let mut last = self.last.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < self.fresh
        {
            return found.clone();
        }
        let found = self.look(runtime, look).await;
        *last = Some((Instant::now(), found.clone()));
        found
    }

    async fn look<E: std::fmt::Display + Send>(
        &self,
        runtime: &Handle,
        look: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Found<T> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err("the database still has not answered".to_owned());
        }
        let (sender, receiver) = oneshot::channel();
        let busy = Busy(Arc::clone(&self.busy));
        runtime.spawn(async move {
            let found = look.await.map_err(|error| error.to_string());
            drop(busy);
            // No request waits any more after the timeout.
            drop(sender.send(found));
        });
        match tokio::time::timeout(self.patience, receiver).await {
            Ok(Ok(found)) => found,
            Ok(Err(_ended)) => Err("shutting down".to_owned()),
            Err(_elapsed) => Err("the database did not answer in time".to_owned()),
        }
    }
}

/// Cleared also when the look-up panics or its runtime ends.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_kept_while_it_is_fresh() {
        let cached = Cached::new(Duration::from_hours(1), Duration::from_secs(5));
        let runtime = Handle::current();
        assert_eq!(cached.get(&runtime, async { Ok::<_, String>(1) }).await, Ok(1));
        assert_eq!(cached.get(&runtime, async { Ok::<_, String>(2) }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_request_that_hangs_is_not_repeated() {
        let cached = Cached::<u8>::new(Duration::ZERO, Duration::from_millis(1));
        let runtime = Handle::current();
        let hanging = cached.get(&runtime, std::future::pending::<Result<u8, String>>()).await;
        assert_eq!(hanging, Err("the database did not answer in time".to_owned()));
        let second = cached.get(&runtime, async { Ok::<_, String>(2) }).await;
        assert_eq!(second, Err("the database still has not answered".to_owned()));
    }
}
