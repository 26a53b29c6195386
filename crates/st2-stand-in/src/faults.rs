//! Faults on demand: what a StackStorm in trouble answers, and what it does all the same.

mod active;

use serde::{Deserialize, Serialize};

pub use self::active::ActiveFault;
pub(super) use self::active::Faults;
use crate::step::Component;

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
    /// A POST does its work (the execution is created, the webhook is published), and the connection is closed without
    /// an answer. Behind [`crate::Front::Nginx`] the client sees nginx's 503: "processed, then the upstream died".
    CloseAfterCreate,
    /// A POST reads the request and closes the connection; nothing is created and nothing is published. Behind
    /// [`crate::Front::Nginx`] the client sees nginx's 503: "died before".
    CloseBeforeCreate,
    /// st2api is killed in the middle of a POST: connection closed, a `requested` execution that never runs.
    KilledMidPost,
    /// A frozen worker: nothing for this long, then the execution is created and runs, whether or not the client is
    /// still there; it gets no answer.
    LateCreation {
        /// How long nothing happens.
        millis: u64,
    },
    /// A POST hangs inside st2api (the host of its `MongoDB` died), and goes on after this long: it creates or
    /// publishes, whether or not the client is still there. A client that still waits gets the usual answer.
    HangThenAct {
        /// How long it hangs (3.5 to 17 minutes in StackStorm).
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
    /// Something in front answers with this status and an HTML page, without the client's `X-Request-ID`: 404, 408,
    /// 413, 414, 429, 431, 502, 503, 504.
    Proxy {
        /// The page's status.
        status: u16,
        /// Whether the request went through to StackStorm before the proxy gave up.
        reached: bool,
        /// Whether GETs are answered so, too.
        lookups: bool,
    },
    /// The stock nginx site answers: 503, `application/json`, `{"faultstring": "Nginx is unable to reach st2api. …"}`,
    /// without the client's `X-Request-ID`. The whole mode is [`crate::Front::Nginx`].
    NginxUnreachable {
        /// Whether the request went through to st2api, and did its work, before st2api died.
        reached: bool,
        /// Whether GETs are answered so, too.
        lookups: bool,
    },
    /// A dying worker: gunicorn's own HTML page with status 500, without the client's `X-Request-ID`.
    GunicornError {
        /// Whether the request did its work first.
        reached: bool,
    },
    /// Something in front redirects every request: 301, 302, 307 or 308.
    Redirect {
        /// The answer's status.
        status: u16,
    },
    /// nginx answers every request: "400 The plain HTTP request was sent to HTTPS port".
    PlainToTls,
    /// st2api is down: every request ends in a closed connection, behind [`crate::Front::Nginx`] in its 503.
    ApiDown,
    /// st2auth is down, in the same way.
    AuthDown,
    /// st2stream is down, in the same way; behind [`crate::Front::Nginx`] it is 200 with `retry: 1000` and an end.
    StreamDown,
    /// st2api itself answers a webhook 404 "not registered": a worker that has not learned of the webhook yet, after a
    /// restart or a reload of packs. Nothing is published.
    WebhookNotRegistered {
        /// Whether `GET /v1/webhooks` does not list it either: the same worker answers.
        lists: bool,
    },
    /// A webhook's 202 of which nothing comes: the trigger was made again meanwhile, or the rules engine died with it.
    WebhookLost,
    /// One POST of a webhook makes two trigger instances in two traces of its tag: the message was delivered again.
    TriggerTwice,
    /// A webhook with several triggers: the first is published, then the answer is 500. With one trigger nothing is.
    PublishFailsHalfway,
    /// The enforcement is `failed`, names no execution, and its execution runs: the last publish has raised.
    EnforcementFails,
    /// The execution runs, and its enforcement was never written.
    EnforcementLost,
    /// The rules engine dies while it applies a rule: the trigger instance stays `processing` for ever.
    RulesEngineDies {
        /// Whether the execution was started before.
        started: bool,
    },
    /// Lists of executions leave these out; a GET by id finds them.
    HiddenFromLists {
        /// The executions' ids.
        ids: Vec<String>,
    },
    /// RBAC with `permission_isolation`: lists leave out the executions of other users (those of rules belong to the
    /// system's user); a GET by id finds them.
    PermissionIsolation,
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

/// The kinds of event that faults tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `POST /v1/executions` and `re_run`.
    Create,
    /// `POST /v1/webhooks/…`.
    Webhook,
    /// `GET /v1/webhooks…`.
    Webhooks,
    /// Every other request of the API.
    Other,
    /// The rules engine applies a rule.
    Enforcement,
}

impl Kind {
    const fn is_post(self) -> bool {
        matches!(self, Self::Create | Self::Webhook)
    }
}

impl Fault {
    const fn stops(&self) -> Option<Component> {
        match self {
            Self::SchedulerStopped => Some(Component::Scheduler),
            Self::ActionRunnerStopped => Some(Component::ActionRunner),
            Self::RulesEngineStopped => Some(Component::RulesEngine),
            _ => None,
        }
    }

    /// Whether an event of this kind meets the fault. The others are looked for where they matter ([`Faults::is_set`]).
    const fn strikes(&self, kind: Kind) -> bool {
        match self {
            Self::Delay { .. }
            | Self::MongoDown { .. }
            | Self::Unauthorized
            | Self::Redirect { .. }
            | Self::PlainToTls
            | Self::ApiDown => !matches!(kind, Kind::Enforcement),
            Self::Proxy { lookups, .. } | Self::NginxUnreachable { lookups, .. } => {
                kind.is_post() || (*lookups && !matches!(kind, Kind::Enforcement))
            }
            Self::NeverAnswer
            | Self::CloseAfterCreate
            | Self::CloseBeforeCreate
            | Self::KilledMidPost
            | Self::LateCreation { .. }
            | Self::HangThenAct { .. }
            | Self::PoisonedPool
            | Self::RabbitDown { .. }
            | Self::GunicornError { .. } => kind.is_post(),
            Self::ErrorRunning => matches!(kind, Kind::Create),
            Self::WebhookNotRegistered { lists } => {
                matches!(kind, Kind::Webhook) || (*lists && matches!(kind, Kind::Webhooks))
            }
            Self::WebhookLost | Self::TriggerTwice | Self::PublishFailsHalfway => matches!(kind, Kind::Webhook),
            Self::EnforcementFails | Self::EnforcementLost | Self::RulesEngineDies { .. } => {
                matches!(kind, Kind::Enforcement)
            }
            Self::AuthDown
            | Self::StreamDown
            | Self::HiddenFromLists { .. }
            | Self::PermissionIsolation
            | Self::SchedulerStopped
            | Self::ActionRunnerStopped
            | Self::ActionRunnerKilled
            | Self::ActionRunnerTerminated
            | Self::RulesEngineStopped => false,
        }
    }
}
