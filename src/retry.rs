//! When to try again: policy as data, delays as pure functions. The only file that names `backoff`.

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff};
use std::time::{Duration, Instant};

/// The first wait after a lost connection.
const RECONNECT_FIRST: Duration = Duration::from_millis(200);
/// The longest one: what an operator who restarted a broker has to wait at most.
const RECONNECT_LONGEST: Duration = Duration::from_secs(5);

/// Exponential, jittered by half, without an end.
fn exponential(first: Duration, longest: Duration, give_up: Option<Duration>) -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(first)
        .with_multiplier(2.0)
        .with_randomization_factor(0.5)
        .with_max_interval(longest)
        .with_max_elapsed_time(give_up)
        .build()
}

/// Paces connection attempts: after each failure a longer wait, without an end.
pub struct Reconnect {
    backoff: ExponentialBackoff,
    not_before: Option<Instant>,
    last_error: String,
}

impl Reconnect {
    /// The first attempt is free.
    #[expect(clippy::new_without_default, reason = "there is one way to make it, and it is called new")]
    pub fn new() -> Self {
        let backoff = exponential(RECONNECT_FIRST, RECONNECT_LONGEST, None);
        Self { backoff, not_before: None, last_error: String::new() }
    }

    /// How long until an attempt is permitted.
    pub fn remaining(&self) -> Duration {
        self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
    }

    /// `Err` with the last failure while the wait is not over.
    pub fn permit(&self) -> Result<(), String> {
        if self.remaining().is_zero() { Ok(()) } else { Err(self.last_error.clone()) }
    }

    /// Starts over.
    pub fn succeeded(&mut self) {
        self.backoff.reset();
        self.not_before = None;
        self.last_error.clear();
    }

    /// Whether the last failure was another one, or there was none: what a person must change is said once.
    pub fn is_news(&self, error: &str) -> bool {
        self.last_error != error
    }

    /// Notes a failure and returns the wait.
    pub fn failed(&mut self, error: &str) -> Duration {
        error.clone_into(&mut self.last_error);
        let wait = self.backoff.next_backoff().unwrap_or(RECONNECT_LONGEST);
        self.not_before = Some(Instant::now() + wait);
        wait
    }
}

/// The waits between attempts, as data (`POUNDCAKE_RETRY_SCHEDULE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    /// An empty list counts as one wait of 5 s.
    pub fn new(waits: Vec<Duration>) -> Self {
        Self(if waits.is_empty() { vec![Duration::from_secs(5)] } else { waits })
    }

    /// The wait after the `attempt`-th attempt (1, 2, …); the last one repeats. `jitter` in 0..1 adds up to a fifth, so
    /// that what failed together does not come back together.
    pub fn delay(&self, attempt: u32, jitter: f64) -> Duration {
        let last = self.0.len() - 1;
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(last).min(last);
        self.0[index].mul_f64(1.0 + 0.2 * jitter.clamp(0.0, 1.0))
    }
}

/// Tries again inside one delivery, for what StackStorm never saw: `None` when it is time to give the row back.
/// Well under the 10 s after which a claim is too old to post.
pub struct WithinDelivery(ExponentialBackoff);

impl WithinDelivery {
    /// How long it tries at most.
    pub const LONGEST: Duration = Duration::from_secs(5);

    /// 250 ms, doubling, for [`Self::LONGEST`] in all.
    #[expect(clippy::new_without_default, reason = "there is one way to make it, and it is called new")]
    pub fn new() -> Self {
        Self(exponential(Duration::from_millis(250), Duration::from_secs(2), Some(Self::LONGEST)))
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Option<Duration> {
        self.0.next_backoff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_followed_and_its_last_wait_repeats() {
        let schedule = Schedule::new([5, 30, 120].map(Duration::from_secs).to_vec());
        let seconds: Vec<u64> = (0..6).map(|attempt| schedule.delay(attempt, 0.0).as_secs()).collect();
        assert_eq!(seconds, [5, 5, 30, 120, 120, 120]);
        assert_eq!(schedule.delay(2, 1.0), Duration::from_secs(36));
    }

    #[test]
    fn retries_within_a_delivery_end_before_the_claim_is_too_old() {
        let mut retries = WithinDelivery::new();
        let first = retries.next_wait().unwrap();
        assert!(first <= Duration::from_millis(375), "{first:?}");
        let longest = (0..10).filter_map(|_| retries.next_wait()).max().unwrap();
        assert!(longest <= Duration::from_secs(3), "{longest:?}");
    }

    #[test]
    fn a_lost_connection_is_not_tried_before_the_wait_is_over() {
        let mut reconnect = Reconnect::new();
        assert!(reconnect.permit().is_ok());
        let wait = reconnect.failed("refused");
        assert!(wait >= RECONNECT_FIRST / 2);
        assert_eq!(reconnect.permit(), Err("refused".to_owned()));
        reconnect.succeeded();
        assert!(reconnect.permit().is_ok());
    }
}
