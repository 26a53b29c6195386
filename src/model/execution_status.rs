//! StackStorm's words for where an execution stands. The SQL on `execution_db`, the figures and the calls all read them here.

use crate::text_enum;

text_enum! {
    /// Where an execution stands.
    pub enum ExecutionStatus {
        /// Stored; waits for StackStorm's scheduler. One that stays so may have been forgotten.
        Requested = "requested",
        /// Taken by the scheduler.
        Scheduled = "scheduled",
        /// Held back by a policy or by its own delay.
        Delayed = "delayed",
        /// Runs.
        Running = "running",
        /// Terminal: ended well.
        Succeeded = "succeeded",
        /// Terminal: ended badly.
        Failed = "failed",
        /// Terminal: took too long.
        Timeout = "timeout",
        /// Terminal: its runner was stopped; there is no end time and no result.
        Abandoned = "abandoned",
        /// Waits for its running part to end.
        Canceling = "canceling",
        /// Terminal: cancelled, which does not say that nothing ran.
        Canceled = "canceled",
        /// Waits for a person's answer.
        Pending = "pending",
        /// Waits for its running part to pause.
        Pausing = "pausing",
        /// Paused.
        Paused = "paused",
        /// Goes on after a pause.
        Resuming = "resuming",
    }
}

impl ExecutionStatus {
    /// True when it will not change any more.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Timeout | Self::Abandoned | Self::Canceled)
    }
    /// True when StackStorm has the next move: one that stays so may have been forgotten. A `delayed`, `pending` or `paused`
    /// execution may wait for long.
    pub const fn is_moving(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::Scheduled | Self::Running | Self::Canceling | Self::Pausing | Self::Resuming
        )
    }
}
