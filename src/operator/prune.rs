//! Deletes old history in small chunks.

use crate::{
    database::{Database, DatabaseError},
    model::ids::{AlertId, ApiCallId},
    store::operate::prune as sql,
};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashSet;

/// What was deleted, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Rows of `poundcake_alerts`.
    pub alerts: usize,
    /// Rows of `poundcake_st2_execution_link`.
    pub links: usize,
    /// Rows of `poundcake_api_calls`.
    pub requests: usize,
}

/// Deletes final rows that are older, but for openers of open episodes, their links, and webhooks that are left without alerts.
pub async fn prune(store: &Database, older_than: TimeDelta, dry_run: bool) -> Result<Pruned, DatabaseError> {
    let cutoff = store.run(move |conn| sql::cutoff(conn, older_than)).await?;
    let mut pruned = Pruned::default();
    let gone = alerts(store, cutoff, dry_run, &mut pruned).await?;
    requests(store, cutoff, dry_run.then_some(gone), &mut pruned).await?;
    if !dry_run {
        log::info!(
            event = "pruned", alerts = pruned.alerts, links = pruned.links, requests = pruned.requests;
            "pruned old requests and alerts"
        );
    }
    Ok(pruned)
}

/// Returns the alerts that would be gone, for a dry run.
async fn alerts(
    store: &Database,
    cutoff: NaiveDateTime,
    dry_run: bool,
    pruned: &mut Pruned,
) -> Result<HashSet<AlertId>, DatabaseError> {
    let mut would_go = HashSet::new();
    let mut after = Some(AlertId(0));
    while let Some(id) = after {
        let window = store.run(move |conn| sql::alerts(conn, id, cutoff)).await?;
        after = window.last;
        if dry_run {
            pruned.alerts += window.ids.len();
            would_go.extend(&window.ids);
            pruned.links += store.run(move |conn| sql::count_links(conn, &window.ids)).await?;
        } else if !window.ids.is_empty() {
            let (alerts, links) = store.run(move |conn| sql::delete_alerts(conn, &window.ids, cutoff)).await?;
            pruned.alerts += alerts;
            pruned.links += links;
        }
    }
    Ok(would_go)
}

async fn requests(
    store: &Database,
    cutoff: NaiveDateTime,
    would_go: Option<HashSet<AlertId>>,
    pruned: &mut Pruned,
) -> Result<(), DatabaseError> {
    let dry_run = would_go.is_some();
    let gone = std::sync::Arc::new(would_go.unwrap_or_default());
    let mut after = Some(ApiCallId(0));
    while let Some(id) = after {
        let known = std::sync::Arc::clone(&gone);
        let window = store.run(move |conn| sql::api_calls(conn, id, cutoff, |alert| known.contains(&alert))).await?;
        after = window.last;
        if dry_run {
            pruned.requests += window.ids.len();
        } else if !window.ids.is_empty() {
            pruned.requests += store.run(move |conn| sql::delete_api_calls(conn, &window.ids)).await?;
        }
    }
    Ok(())
}
