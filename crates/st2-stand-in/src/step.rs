//! The steps that the engine takes later, and what they carry.

use serde_json::Value;

use super::shell::Ending;

/// One thing to do later.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The scheduler takes an execution from its queue.
    Schedule(String),
    /// An execution's delay is over.
    EndDelay(String),
    /// A runner takes it.
    Run(String),
    /// Its command ends.
    Finish(String, Box<Ending>),
    /// A workflow looks for what to do next.
    Advance(String),
    /// A cancellation is through.
    FinishCancel(String),
    /// The policy `action.retry` runs an execution again, under this policy.
    Retry(String, String),
    /// The rules engine receives a trigger.
    Receive(Box<Dispatch>),
    /// And applies its rules.
    Enforce(String),
}

impl Step {
    /// The part of StackStorm which takes this step; it waits while that is stopped.
    pub(super) const fn taken_by(&self) -> Option<Component> {
        match self {
            Self::Schedule(_) | Self::EndDelay(_) => Some(Component::Scheduler),
            Self::Run(_) => Some(Component::ActionRunner),
            Self::Receive(_) | Self::Enforce(_) => Some(Component::RulesEngine),
            _ => None,
        }
    }
}

/// The parts of StackStorm that can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    Scheduler,
    ActionRunner,
    RulesEngine,
}

/// A trigger on its way to the rules engine.
#[derive(Debug, Clone)]
pub(super) struct Dispatch {
    /// The trigger's reference.
    pub(super) trigger: String,
    pub(super) payload: Value,
    pub(super) cause: Cause,
}

/// Where a trigger instance belongs.
#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// A new trace of this tag.
    Tag(String),
    /// A trace that exists.
    Trace { id: String, caused_by: Value },
}
