//! How long an execution may be silent before it is polled. No I/O.
//!
//! A stream that is read tells of every change, and a running execution has none to tell of: to ask for it often would
//! only load StackStorm. But an event can get lost on its way without a sign (StackStorm's stream service may lose its
//! connection to the broker and keep ours), so what is silent is asked for all the same, each time after a longer wait.

use std::time::Duration;

/// The rule, while the stream is read and while it is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// With what was never heard of: the stream has had the time to tell.
    unheard: Duration,
    /// The shortest and the longest wait between two questions.
    often: Duration,
    rarely: Duration,
    /// In between, a part of the time that brought nothing new: a half doubles the wait each time.
    part: u32,
    /// How often known executions are looked through: those that became due meanwhile share a request.
    pub(super) every: Duration,
}

/// While the stream is read.
pub(super) const STREAMING: Patience = Patience {
    unheard: Duration::from_secs(1),
    often: Duration::from_secs(10),
    rarely: Duration::from_mins(5),
    part: 2,
    every: Duration::from_secs(5),
};

/// Without a stream the questions are all there is.
pub(super) const CUT: Patience = Patience {
    unheard: Duration::ZERO,
    often: Duration::from_secs(2),
    rarely: Duration::from_secs(15),
    part: 10,
    every: Duration::from_secs(1),
};

impl Patience {
    /// With one that was never heard of and never asked for, given how long it is followed.
    pub(super) fn is_over_unheard(&self, followed: Duration) -> bool {
        followed >= self.unheard
    }

    /// With one that was heard of or asked for `silent` ago, and last brought news `stale` ago.
    pub(super) fn is_over(&self, silent: Duration, stale: Duration) -> bool {
        silent >= (stale / self.part).clamp(self.often, self.rarely)
    }
}
