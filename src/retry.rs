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

/// Paces connection attempts: after a failure none before a growing wait is over, for ever.
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

    /// Starts anew.
    pub fn succeeded(&mut self) {
        self.backoff.reset();
        self.not_before = None;
    }

    /// Notes a failure and returns the wait.
    pub fn failed(&mut self, error: &str) -> Duration {
        error.clone_into(&mut self.last_error);
        let wait = self.backoff.next_backoff().unwrap_or(RECONNECT_LONGEST);
        self.not_before = Some(Instant::now() + wait);
        wait
    }
}
