//! The orders that apply to one alert, as its row says. The page that asks counts again, and the order itself decides.

use super::order::Verb;
use crate::{
    model::status::{DispatchReason, DispatchStatus},
    store::read::Alert,
};

/// A button.
pub(super) struct Act {
    pub(super) name: &'static str,
    /// Where it asks; `None` where the order does not apply.
    pub(super) href: Option<String>,
    /// Why it does not apply.
    pub(super) why: &'static str,
    pub(super) ends: bool,
}

/// The buttons of one alert. Those of an approval are there only while it waits for one.
pub(super) fn of(alert: &Alert) -> Vec<Act> {
    let waits = alert.summary.dispatch_reason == Some(DispatchReason::Approval);
    let shown = Verb::ALL.into_iter().filter(|verb| waits || !matches!(verb, Verb::Approve | Verb::Reject));
    shown.map(|verb| act(verb, alert)).collect()
}

fn act(verb: Verb, alert: &Alert) -> Act {
    let id = alert.summary.id;
    let ran = if alert.summary.dispatch_status == DispatchStatus::Dispatched { "&include_dispatched=1" } else { "" };
    let href = format!("/order?order={}&id={id}&back=%2Falerts%2F{id}", verb.word());
    let (applies, why) = match verb {
        Verb::Replay => {
            (can_be_replayed(alert), "only what is final can be replayed, and an invalid alert has nothing to run")
        }
        Verb::Release => (can_be_released(alert), "a release is for what brake, cooldown, in_flight or rate hold"),
        Verb::Approve | Verb::Reject => {
            (alert.summary.dispatch_status == DispatchStatus::Held, "it waits for no approval")
        }
        Verb::Discard => (can_be_discarded(alert), "it has run, is final, or may have run"),
    };
    let href = applies.then(|| if verb == Verb::Replay { href + ran } else { href });
    Act { name: verb.name(), href, why, ends: verb.ends() }
}

fn can_be_replayed(alert: &Alert) -> bool {
    use DispatchStatus::{Dispatched, Failed, Skipped};
    let is_final = matches!(alert.summary.dispatch_status, Failed | Skipped | Dispatched);
    is_final && alert.summary.dispatch_reason != Some(DispatchReason::Invalid)
}

fn can_be_released(alert: &Alert) -> bool {
    use DispatchReason::{Brake, Cooldown, InFlight, Rate};
    let by_route = matches!(alert.summary.dispatch_reason, Some(Brake | Cooldown | InFlight | Rate));
    alert.summary.dispatch_status == DispatchStatus::Held && by_route
}

fn can_be_discarded(alert: &Alert) -> bool {
    use DispatchStatus::{Failed, Held, Pending, Queued};
    let waits = matches!(alert.summary.dispatch_status, Pending | Queued | Held);
    let failed = alert.summary.dispatch_status == Failed;
    let known = alert.summary.dispatch_reason != Some(DispatchReason::Uncertain);
    (waits || (failed && known)) && !alert.dispatch_uncertain
}
