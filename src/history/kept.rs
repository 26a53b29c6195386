//! Answers that are kept for some seconds: figures that cost more than a person waits for, on a page that is read again every few
//! seconds. Whoever asks gets the kept answer; the one after it is read meanwhile, once, however many ask.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// One kept answer.
pub(super) struct Kept<T> {
    /// How long it is as good as new.
    fresh: Duration,
    /// How long it may be shown while the next one is read.
    usable: Duration,
    state: Mutex<State<T>>,
    turn: tokio::sync::Mutex<()>,
}

struct State<T> {
    last: Option<(Instant, Arc<T>)>,
    is_read: bool,
}

impl<T: Send + Sync + 'static> Kept<T> {
    pub(super) fn new(fresh: Duration, usable: Duration) -> Self {
        let state = Mutex::new(State { last: None, is_read: false });
        Self { fresh, usable, state, turn: tokio::sync::Mutex::new(()) }
    }

    /// The kept answer, or a new one.
    pub(super) async fn get<E, F>(self: &Arc<Self>, read: impl FnOnce() -> F + Send) -> Result<Arc<T>, E>
    where
        E: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        if let Some(value) = self.usable() {
            if self.begins_to_read() {
                let (kept, next) = (Arc::clone(self), read());
                tokio::spawn(async move {
                    kept.put(next.await.ok().map(Arc::new));
                });
            }
            return Ok(value);
        }
        // Those who find nothing wait for the first of them.
        let _turn = self.turn.lock().await;
        if let Some(value) = self.usable() {
            return Ok(value);
        }
        let value = Arc::new(read().await?);
        self.put(Some(Arc::clone(&value)));
        Ok(value)
    }

    fn usable(&self) -> Option<Arc<T>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = state.last.as_ref()?;
        (at.elapsed() < self.usable).then(|| Arc::clone(value))
    }

    /// True for the one who shall read the next answer.
    fn begins_to_read(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = state.last.as_ref().is_none_or(|(at, _)| at.elapsed() >= self.fresh);
        let begins = is_old && !state.is_read;
        state.is_read |= begins;
        begins
    }

    /// `None`: it could not be read; the old one stays.
    fn put(&self, value: Option<Arc<T>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_read = false;
        if let Some(value) = value {
            state.last = Some((Instant::now(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    async fn ask(kept: &Arc<Kept<u32>>, reads: &Arc<AtomicU32>) -> u32 {
        let reads = Arc::clone(reads);
        let answer = kept.get(|| async move { Ok::<_, ()>(reads.fetch_add(1, Ordering::SeqCst) + 1) });
        *answer.await.unwrap()
    }

    #[tokio::test]
    async fn those_who_ask_at_once_read_once() {
        let (kept, reads) = (Arc::new(Kept::new(Duration::from_mins(1), Duration::from_mins(1))), Arc::default());
        let answers = futures_util::future::join_all((0..10).map(|_| ask(&kept, &reads))).await;
        assert_eq!((answers, reads.load(Ordering::SeqCst)), (vec![1; 10], 1));
    }

    #[tokio::test]
    async fn an_old_answer_is_shown_while_the_next_one_is_read_and_a_very_old_one_is_not() {
        let (kept, reads) = (Arc::new(Kept::new(Duration::ZERO, Duration::from_mins(1))), Arc::default());
        assert_eq!((ask(&kept, &reads).await, ask(&kept, &reads).await), (1, 1));
        while reads.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        let (never, reads) = (Arc::new(Kept::new(Duration::ZERO, Duration::ZERO)), Arc::default());
        assert_eq!((ask(&never, &reads).await, ask(&never, &reads).await), (1, 2));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let kept = Arc::new(Kept::<u32>::new(Duration::from_mins(1), Duration::from_mins(1)));
        assert_eq!(kept.get(|| async { Err::<u32, _>("away") }).await.map(|n| *n), Err("away"));
        assert_eq!(kept.get(|| async { Ok::<_, &str>(7) }).await.map(|n| *n), Ok(7));
    }
}
