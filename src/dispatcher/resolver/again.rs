//! `on_uncertain: post_again`: when a webhook that StackStorm may not have got is posted again.
//!
//! Its lookups must be healthy and empty for a whole settle time after the last POST. Then the row goes from
//! `awaiting_execution` to `pending`, still uncertain, and `settling_since` stays: it is the mark that lets the next claim
//! post, and that claim clears it.
//! Crash safety: before the move, the next look makes it. After it, the relay publishes the row. Between claim and POST,
//! or before the answer is written, the lease ends; the mark is gone, so the row is watched and settles from the start.

use super::verdict::Evidence;
use crate::{
    database::DatabaseError,
    dispatcher::{Dispatch, found::CLOCKS_DIFFER, routing::route::OnUncertain, settle::PROVES_FOR},
    store::dispatch::{
        awaiting::{self, Awaiting},
        dispatch_log::{Entry, POST_AGAIN},
    },
};

/// After a look that found nothing final.
pub(super) async fn consider(
    dispatch: &Dispatch,
    row: &Awaiting,
    tag: &str,
    evidence: &Evidence,
) -> Result<(), DatabaseError> {
    // After a 202 nothing is ever posted again.
    if !row.uncertain {
        return Ok(());
    }
    if !(evidence.is_nothing() && is_allowed(dispatch, row)) {
        return clear(dispatch, row).await;
    }
    let over = row.posted_at + dispatch.policy.http_timeout;
    if let Some((since, wait)) = dispatch.policy.settling(row.silent, row.taken_at, over, row.settling_since) {
        let row = row.clone();
        return dispatch.store.run(move |conn| awaiting::settling(conn, &row, since, Some(wait))).await;
    }
    // The trace is written after the execution: the last look asks for executions as well.
    let since = (row.posted_at - CLOCKS_DIFFER).and_utc();
    match dispatch.client.executions_by_tag(tag, None, since).await {
        Ok(found) if found.is_empty() => post_again(dispatch, row).await,
        Ok(_) => clear(dispatch, row).await,
        Err(error) => {
            log::debug!(
                event = "lookup_failed", alert_id = row.alert_id;
                "the last lookup before another POST failed: {error}"
            );
            clear(dispatch, row).await
        }
    }
}

/// The route as it is now, if it is still the one that the webhook went by.
fn is_allowed(dispatch: &Dispatch, row: &Awaiting) -> bool {
    let table = dispatch.routes.table();
    let route = table.route(&row.labels.0).filter(|route| Some(route.target.to_string()) == row.target);
    route.is_some_and(|route| route.on_uncertain == OnUncertain::PostAgain)
        && row.attempts < dispatch.policy.max_attempts
        && row.waited <= PROVES_FOR
}

/// What is not nothing, or could not be read, ends the settling.
async fn clear(dispatch: &Dispatch, row: &Awaiting) -> Result<(), DatabaseError> {
    if row.settling_since.is_none() {
        return Ok(());
    }
    let row = row.clone();
    dispatch.store.run(move |conn| awaiting::settling(conn, &row, None, None)).await
}

async fn post_again(dispatch: &Dispatch, row: &Awaiting) -> Result<(), DatabaseError> {
    let settled = row.settling_since.map_or(0, |since| (row.taken_at - since).num_seconds());
    let text = format!("StackStorm showed nothing of the webhook for {settled} s");
    let entry = Entry::new(row.taken_at, POST_AGAIN).detail(&text);
    let moved = row.clone();
    if dispatch.store.run(move |conn| awaiting::post_again(conn, &moved, &entry)).await? {
        let (request_id, alert_id, attempts) = (row.request_id, row.alert_id, row.attempts);
        log::warn!(
            event = "webhook_posted_again", request_id:%, alert_id, attempts;
            "{text}; posting it again, because its route has on_uncertain: post_again"
        );
    }
    Ok(())
}
