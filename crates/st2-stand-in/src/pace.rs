//! How fast the stand-in works.

use std::time::Duration;

/// The times between an execution's states, and the rules engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// From `requested` to `scheduled`.
    pub schedule: Duration,
    /// From `scheduled` to `running`, and between a workflow's tasks.
    pub start: Duration,
    /// A command's own time, without what it sleeps.
    pub work: Duration,
    /// From a webhook's 202 to its trace.
    pub trace: Duration,
    /// From there to the execution that its rule starts.
    pub enforce: Duration,
    /// Between two signs of life on a stream without events.
    pub heartbeat: Duration,
}

impl Pace {
    /// As measured on a running StackStorm: about a second for a workflow of two tasks.
    pub const fn real() -> Self {
        Self {
            schedule: Duration::from_millis(100),
            start: Duration::from_millis(40),
            work: Duration::from_millis(80),
            trace: Duration::from_millis(50),
            enforce: Duration::from_millis(260),
            heartbeat: Duration::from_secs(25),
        }
    }

    /// For tests: a workflow takes some ten milliseconds.
    pub const fn fast() -> Self {
        Self {
            schedule: Duration::from_millis(2),
            start: Duration::from_millis(1),
            work: Duration::from_millis(2),
            trace: Duration::from_millis(2),
            enforce: Duration::from_millis(4),
            heartbeat: Duration::from_secs(25),
        }
    }
}
