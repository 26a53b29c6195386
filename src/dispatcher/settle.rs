//! When empty lookups are enough. *Settled* means empty lookups at the start and the end of a settle time with no failed
//! lookup between, beginning only after the call itself must be over.
//!
//! A call that is over creates nothing any more but what a frozen worker still does when it goes on. A silent one may hang
//! inside st2api: when `MongoDB`'s host dies, a request waits on its socket for 3.5 to 17 minutes, and creates its execution
//! then (docs/contracts/stackstorm.md#outcomes-that-say-nothing). So a silent call settles for longer.

use super::{End, Policy, attempt::Attempt};
use crate::{
    model::{doubt::Doubt, status::DispatchReason},
    store::dispatch::dispatch_log,
};
use chrono::{NaiveDateTime, TimeDelta};

pub(super) use crate::store::operate::filter::PROVES_FOR;

/// `None` when lookups have been empty for long enough.
pub(super) fn not_yet(attempt: &Attempt<'_>) -> Option<End> {
    let (alert, policy) = (&attempt.claimed.alert, &attempt.dispatch.policy);
    let over = alert.attempted_at.unwrap_or(alert.created_at) + policy.http_timeout;
    let (since, wait) =
        policy.settling(alert.dispatch_silent, attempt.claimed.claimed_at, over, alert.settling_since)?;
    Some(End::look_again(Doubt::AsBefore, wait, since, None))
}

/// Empty for the whole settle time.
pub(super) fn settled(attempt: &Attempt<'_>) -> End {
    let alert = &attempt.claimed.alert;
    let last = alert.attempted_at.unwrap_or(alert.created_at);
    if let Some(end) = too_old(attempt, last) {
        return end;
    }
    End::try_again(attempt, "StackStorm has no execution of the last attempt")
}

/// Nothing was found, too late for that to prove anything, and no person has accepted that.
pub(super) fn too_old(attempt: &Attempt<'_>, last: NaiveDateTime) -> Option<End> {
    let claimed = attempt.claimed;
    let proves = claimed.claimed_at - last <= PROVES_FOR;
    if proves || dispatch_log::accepts_unknown(claimed.alert.dispatch_log.as_deref(), claimed.alert.dispatch_generation)
    {
        return None;
    }
    Some(End::failed(
        DispatchReason::Uncertain,
        format!(
            "StackStorm shows nothing of the attempt at {}, and by now its garbage collector may have deleted it; \
             look whether it ran, then replay with accept_unknown",
            crate::clock::rfc3339(last)
        ),
    ))
}

impl Policy {
    /// The new `settling_since` and the wait until the next lookup, after one that was healthy and empty; `None` when it is
    /// settled. `over`: when the call must have ended.
    pub(super) fn settling(
        &self,
        silent: bool,
        now: NaiveDateTime,
        over: NaiveDateTime,
        since: Option<NaiveDateTime>,
    ) -> Option<(Option<NaiveDateTime>, TimeDelta)> {
        if now < over {
            return Some((None, over - now));
        }
        let settle = if silent { self.silent_settle_time.max(self.settle_time) } else { self.settle_time };
        let begun = since.unwrap_or(now);
        let left = settle - (now - begun);
        // In between too, so that what appears is adopted before the end.
        let wait = left.min(self.settle_time.max(settle / 4));
        (since.is_none() || left > TimeDelta::zero()).then_some((Some(begun), wait))
    }
}

#[cfg(test)]
mod tests;
