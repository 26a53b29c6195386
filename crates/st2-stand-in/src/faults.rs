//! Faults on demand: what a StackStorm in trouble answers, and what it does all the same.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::engine::Step;

/// One way to be in trouble. In JSON: `{"fault": "rabbit_down", "millis": 22000}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Every answer comes this much later.
    Delay {
        /// How much later.
        millis: u64,
    },
    /// A POST does its work and never answers; the connection stays open.
    NeverAnswer,
    /// A POST does its work, and the connection is closed without an answer.
    CloseAfterCreate,
    /// A POST reads the request and closes the connection; nothing is created.
    CloseBeforeCreate,
    /// st2api is killed in the middle of a POST: connection closed, a `requested` execution that never runs.
    KilledMidPost,
    /// A frozen worker: nothing for this long, then the execution is created and runs, whether or not the client is
    /// still there; it gets no answer.
    LateCreation {
        /// How long nothing happens.
        millis: u64,
    },
    /// A POST of an execution does its work and answers 500. A webhook's 500 means that nothing was published.
    ErrorRunning,
    /// After a broker outage: every POST is 500 and leaves a `requested` orphan, GETs stay 200.
    PoisonedPool,
    /// `RabbitMQ` is down: a POST is 500 after this long, and leaves an orphan at once.
    RabbitDown {
        /// How long the client waits (22 s in StackStorm).
        millis: u64,
    },
    /// `MongoDB` is down: everything is 500 after this long.
    MongoDown {
        /// How long the client waits (3 s in StackStorm).
        millis: u64,
    },
    /// Every key and token is refused.
    Unauthorized,
    /// A proxy in front answers with this status and HTML.
    Proxy {
        /// 502 or 504.
        status: u16,
        /// Whether the request went through to StackStorm before the proxy gave up.
        reached: bool,
        /// Whether GETs are answered so, too.
        lookups: bool,
    },
    /// Executions stay `requested` until this is cleared.
    SchedulerStopped,
    /// Executions stay `scheduled` until this is cleared.
    ActionRunnerStopped,
    /// The runners are killed: what runs stays `running` for ever, until somebody cancels it.
    ActionRunnerKilled,
    /// The runners are terminated: what runs is `abandoned`, without an end time and a result.
    ActionRunnerTerminated,
    /// Webhooks are 202 and nothing comes of them until this is cleared.
    RulesEngineStopped,
}

/// The kinds of request that faults tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `POST /v1/executions` and `re_run`.
    Create,
    /// `POST /v1/webhooks/…`.
    Webhook,
    /// Everything else.
    Other,
}

/// The parts of StackStorm that can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    Scheduler,
    ActionRunner,
    RulesEngine,
}

/// A fault in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// To how many more requests; none: until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// All faults in force, and the steps that wait for a stopped component.
#[derive(Default)]
pub(super) struct Faults {
    active: Vec<ActiveFault>,
    parked: VecDeque<Step>,
}

impl Fault {
    fn stops(&self) -> Option<Component> {
        match self {
            Self::SchedulerStopped => Some(Component::Scheduler),
            Self::ActionRunnerStopped => Some(Component::ActionRunner),
            Self::RulesEngineStopped => Some(Component::RulesEngine),
            _ => None,
        }
    }

    fn strikes(&self, kind: Kind) -> bool {
        match self {
            Self::Delay { .. } | Self::MongoDown { .. } | Self::Unauthorized => true,
            Self::Proxy { lookups, .. } => *lookups || kind != Kind::Other,
            Self::ErrorRunning => kind == Kind::Create,
            Self::ActionRunnerKilled | Self::ActionRunnerTerminated => false,
            _ => self.stops().is_none() && kind != Kind::Other,
        }
    }
}

impl Faults {
    pub(super) fn add(&mut self, fault: ActiveFault) {
        self.active.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
    }

    pub(super) fn list(&self) -> &[ActiveFault] {
        &self.active
    }

    /// The fault that strikes this request: the one that was set first.
    pub(super) fn strike(&mut self, kind: Kind) -> Option<Fault> {
        let at = self.active.iter().position(|active| active.fault.strikes(kind) && active.times != Some(0))?;
        let active = self.active.get_mut(at)?;
        let fault = active.fault.clone();
        if let Some(times) = &mut active.times {
            *times -= 1;
            if *times == 0 {
                self.active.remove(at);
            }
        }
        Some(fault)
    }

    /// How long a request waits before `MongoDB`'s absence is answered.
    pub(super) fn mongo_down(&self) -> Option<u64> {
        match self.active.iter().find(|active| matches!(active.fault, Fault::MongoDown { .. }))?.fault {
            Fault::MongoDown { millis } => Some(millis),
            _ => None,
        }
    }

    pub(super) fn is_stopped(&self, component: Component) -> bool {
        self.active.iter().any(|active| active.fault.stops() == Some(component))
    }

    /// Whether this fault is in force.
    pub(super) fn is_set(&self, fault: &Fault) -> bool {
        self.active.iter().any(|active| active.fault == *fault)
    }

    pub(super) fn park(&mut self, step: Step) {
        self.parked.push_back(step);
    }

    pub(super) fn unpark(&mut self) -> Vec<Step> {
        self.parked.drain(..).collect()
    }
}
