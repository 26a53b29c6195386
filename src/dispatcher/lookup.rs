//! An uncertain call is looked up by its trace tag, never just sent again.
//!
//! `found` asks StackStorm; `settle` says when empty lookups are enough; `orphans` cancels what StackStorm has forgotten.

use super::{
    End,
    attempt::Attempt,
    found::{self, Found},
    orphans, settle,
};
use crate::{
    model::target::Target,
    store::dispatch::{dispatch_log::Entry, links::Link},
};

pub(super) async fn run(attempt: &Attempt<'_>) -> End {
    let found = match found::find(attempt).await {
        Ok(found) => found,
        Err(error) => return End::lookup_failed(attempt, &error),
    };
    if !found.is_nothing() {
        return of_found(attempt, found).await;
    }
    if let Some(end) = settle::not_yet(attempt) {
        return end;
    }
    let last = match &attempt.claimed.target {
        Some(Target::Action(action)) => found::untraced(attempt, action).await,
        _ => Ok(found),
    };
    match last {
        Ok(found) if found.is_nothing() => settle::settled(attempt),
        Ok(found) => of_found(attempt, found).await,
        Err(error) => End::lookup_failed(attempt, &error),
    }
}

async fn of_found(attempt: &Attempt<'_>, found: Found) -> End {
    if found.has_begun() { adopt(attempt, found, "").await } else { orphans::run(attempt, &found).await }
}

/// Whatever has left `requested` is ours, failed and canceled included. Of several, those that have not are cancelled, all
/// are linked, and the surplus is counted. StackStorm's own retries and a person's re-runs are linked, and that is all.
pub(super) async fn adopt(attempt: &Attempt<'_>, found: Found, why: &str) -> End {
    for surplus in &found.waiting {
        orphans::cancel_surplus(attempt, surplus).await;
    }
    let surplus = found.surplus();
    let links: Vec<Link> = found.links().collect();
    let alert_id = attempt.claimed.alert.id;
    if surplus > 0 {
        attempt.dispatch.metrics.duplicates.inc_by(u64::try_from(surplus).unwrap_or_default());
        log::error!(
            event = "surplus_executions", alert_id, executions = links.len(), surplus;
            "this dispatch has more than one execution"
        );
    }
    let mut entry = Entry::new(crate::clock::utc_now(), "adopted").detail(why);
    if let Some(link) = links.first() {
        entry = entry.execution(&link.execution_id);
    }
    End::Dispatched { links, log: Some(Box::new(entry)) }
}
