//! From a message to an execution link: slot, claim, route, (lookup), trigger, record, ack last.
//!
//! `worker` takes deliveries and owns the order of those steps. `attempt` is the context of one claimed row. `decide`
//! decides what the row needs and returns an [`End`], which `worker` writes in one place. Everything before the ack may
//! happen twice: a redelivered message finds a row that is not claimable, and a claim whose dispatcher died is looked up by
//! its trace tag before any POST.

mod admission;
mod attempt;
mod batched;
mod call;
mod circuit;
mod claims;
mod decide;
mod direct;
pub(crate) mod disposition;
mod found;
mod guards;
mod keeper;
mod lease;
mod lines;
mod log_end;
mod lookup;
pub(crate) mod orphans;
pub mod parameters;
mod pauses;
pub(crate) mod places;
pub(crate) mod prior_generations;
mod resolver;
pub mod routing;
pub(crate) mod rules_webhook;
mod settle;
mod shared;
mod show;
pub mod template;
mod worker;

pub use circuit::Circuit;
pub use disposition::End;
pub(crate) use keeper::Keeper;
pub use lease::Lease;
pub use lines::Lines;
pub use pauses::Pauses;
pub use resolver::Resolver;
pub use routing::Routes;
pub use worker::Worker;

use crate::{
    database::Database,
    metrics::Metrics,
    model::{
        ids::{AlertId, RequestId},
        trace_tag::TraceTag,
    },
    retry::Schedule,
    stackstorm::{ActionCache, Client, text::TemplateText},
};
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};

/// How long an action's declaration is kept.
pub const ACTIONS_KEPT: Duration = Duration::from_mins(5);

/// The settings of dispatching.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Calls for one alert at most.
    pub max_attempts: i32,
    /// Older alerts are not dispatched any more; counted from `pending_at`.
    pub max_age: TimeDelta,
    /// How long after its last start a fingerprint is not started again, where its route does not say.
    pub cooldown: TimeDelta,
    /// How long an execution takes a place at most (`POUNDCAKE_EXECUTION_DEADLINE`).
    pub execution_deadline: TimeDelta,
    /// Waits between attempts.
    pub schedule: Schedule,
    /// The HTTP timeout of a call: a lookup before it is over proves nothing.
    pub http_timeout: TimeDelta,
    /// How long lookups must stay healthy and empty after a call that is over.
    pub settle_time: TimeDelta,
    /// The same after a silent call, which may hang inside StackStorm.
    pub silent_settle_time: TimeDelta,
    /// How long a claim is ours, and fresh.
    pub lease: Lease,
    /// Rule mode: how long StackStorm's rules may take.
    pub rule_deadline: TimeDelta,
    /// What happens to template markers in alert text.
    pub template_text: TemplateText,
}

impl Policy {
    /// How long after a silent POST a webhook may be posted again at the earliest (`on_uncertain: post_again`).
    pub fn posts_again_after(&self) -> TimeDelta {
        self.http_timeout + self.silent_settle_time.max(self.settle_time)
    }

    /// The wait after a lookup that failed or found nothing final: 10 s at a settle time of 60 s.
    pub(crate) fn lookup_wait(&self) -> TimeDelta {
        self.settle_time / 6
    }
}

/// Everything that a dispatch needs; one per process, shared.
pub struct Dispatch {
    /// The rows.
    pub store: Database,
    /// StackStorm.
    pub client: Client,
    /// Declarations of actions.
    pub actions: ActionCache,
    /// Where alerts go.
    pub routes: Routes,
    /// The settings.
    pub policy: Policy,
    /// The pauses in force.
    pub pauses: Pauses,
    /// What is known of the routes' lines.
    pub lines: Arc<Lines>,
    /// Whether StackStorm works.
    pub circuit: Circuit,
    /// What is counted.
    pub metrics: Metrics,
}

/// What StackStorm knows a dispatch by. Unique per alert and generation; every attempt of one uses the same.
pub fn trace_tag(request_id: RequestId, alert_id: AlertId, generation: i32) -> String {
    TraceTag { request_id, alert_id, generation }.to_string()
}
