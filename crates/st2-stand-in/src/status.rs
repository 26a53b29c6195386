//! The states of a StackStorm execution, in StackStorm's own words.

use std::fmt;

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Requested,
    Scheduled,
    Delayed,
    Running,
    Succeeded,
    Failed,
    Timeout,
    Abandoned,
    Canceling,
    Canceled,
    Pending,
    Pausing,
    Paused,
    Resuming,
}

const ALL: [Status; 14] = [
    Status::Requested,
    Status::Scheduled,
    Status::Delayed,
    Status::Running,
    Status::Succeeded,
    Status::Failed,
    Status::Timeout,
    Status::Abandoned,
    Status::Canceling,
    Status::Canceled,
    Status::Pending,
    Status::Pausing,
    Status::Paused,
    Status::Resuming,
];

impl Status {
    /// The word on the wire.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
        }
    }

    /// The state of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Nothing follows this state.
    pub(super) const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Timeout | Self::Abandoned | Self::Canceled)
    }

    /// A DELETE changes something.
    pub(super) const fn is_cancelable(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Canceling)
    }

    /// What a concurrency policy counts.
    pub(super) const fn counts_as_active(self) -> bool {
        matches!(self, Self::Scheduled | Self::Running | Self::Pausing | Self::Paused | Self::Resuming)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
