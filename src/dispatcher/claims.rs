//! Claims and records of many deliveries, in few transactions; and what happens when a claim's COMMIT is not answered.

use super::{Dispatch, batched::Batched, guards::Rules};
use crate::{
    database::DatabaseError,
    model::guards::step::ClaimStep,
    retry::Reconnect,
    store::dispatch::{
        claim::{self, ClaimPolicy, ClaimRequest, Claimable, Claimed, Ended},
        record::{self, Record, Recorded},
        release,
    },
    tasks::Tasks,
};
use std::{sync::Arc, time::Instant};

/// What a claim gave one delivery.
pub(super) enum Claim {
    /// It is ours.
    Ours(Box<Claimed>),
    /// A guard holds it now, or it ended without a call.
    Held,
    /// This database node does not have the row yet.
    Absent,
    /// Stale, settled, held by another dispatcher or not due.
    NotClaimable,
}

pub(super) fn claims_of(dispatch: &Arc<Dispatch>, tasks: &Tasks) -> Batched<ClaimRequest, Claim> {
    let dispatch = Arc::clone(dispatch);
    Batched::start("claims", tasks, move |requests: Vec<ClaimRequest>| {
        let dispatch = Arc::clone(&dispatch);
        async move {
            let token = uuid::Uuid::new_v4().to_string();
            let claimed = claim(&dispatch, requests, token.clone()).await;
            if let Err(error) = &claimed {
                disclaim_after(&dispatch, error, token).await;
            }
            claimed
        }
    })
}

/// In the order of the requests.
async fn claim(dispatch: &Dispatch, requests: Vec<ClaimRequest>, token: String) -> Result<Vec<Claim>, DatabaseError> {
    let (rules, lease) = (dispatch.rules(), dispatch.policy.lease.length);
    let lines = Arc::clone(&dispatch.lines);
    let claimed = dispatch
        .store
        .run(move |conn| {
            let step = |row: Claimable<'_>| match rules.claim(row) {
                // The rows of a line name the guard that holds it.
                ClaimStep::Line { routed, reason, until, per_target } => {
                    let reason = lines.held_by(&routed.route).unwrap_or(reason);
                    ClaimStep::Line { routed, reason, until, per_target }
                }
                step => step,
            };
            let mut claims = claim::claim(conn, &requests, &token, &ClaimPolicy { lease, step: &step })?;
            let take = |request: &ClaimRequest| {
                if claims.held.contains(&request.alert_id) {
                    return Claim::Held;
                }
                if claims.absent.contains(&request.alert_id) {
                    return Claim::Absent;
                }
                let index = claims.claimed.iter().position(|claimed| claimed.alert.id == request.alert_id);
                index.map_or(Claim::NotClaimable, |index| Claim::Ours(Box::new(claims.claimed.swap_remove(index))))
            };
            Ok((requests.iter().map(take).collect(), claims.ended))
        })
        .await;
    claimed.map(|(claims, ended)| {
        for ended in &ended {
            note(dispatch, ended);
        }
        claims
    })
}

/// Counts and logs a row that ended with its claim.
fn note(dispatch: &Dispatch, Ended { alert_id, request_id, status, reason, error }: &Ended) {
    dispatch.metrics.settled.with_label_values(&[status.as_str(), reason.as_str()]).inc();
    let error = error.as_deref().unwrap_or("-");
    log::warn!(event = "dispatch_ended", request_id:%, alert_id:%, reason:%; "dispatch {status}: {error}");
}

impl Dispatch {
    /// What decides about guards now.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            table: self.routes.table(),
            pauses: self.pauses.all(),
            cooldown: self.policy.cooldown,
            max_age: self.policy.max_age,
        }
    }
}

/// Where the answer to a claim's COMMIT never came: if the claim holds rows, no task knows of them, and nothing was posted. Given
/// back, they can be claimed at once; left alone they would count as uncertain. After the lease the relay has taken them back.
pub(super) async fn disclaim_after(dispatch: &Dispatch, error: &DatabaseError, token: String) {
    if !matches!(error, DatabaseError::CommitUnknown(_) | DatabaseError::Silent { .. }) {
        return;
    }
    let (begun, lease) = (Instant::now(), dispatch.policy.lease.length);
    let mut pace = Reconnect::new();
    while begun.elapsed() < lease {
        let token = token.clone();
        match dispatch.store.run(move |conn| release::disclaim(conn, &token, lease)).await {
            Ok(rows) => {
                log::warn!(
                    event = "claim_unanswered", rows;
                    "no answer to the COMMIT of a claim; released the rows that it held"
                );
                return;
            }
            Err(error) => {
                let wait = pace.failed("disclaim");
                log::log!(
                    error.level(), event = "database_waiting", wait_ms = wait.as_millis();
                    "waiting for the database: {}",
                    crate::logging::chain(&error)
                );
                tokio::time::sleep(wait).await;
            }
        }
    }
}

pub(super) fn records_of(dispatch: &Arc<Dispatch>, tasks: &Tasks) -> Batched<Record, Recorded> {
    let store = dispatch.store.clone();
    Batched::start("records", tasks, move |batch: Vec<Record>| {
        let store = store.clone();
        async move { store.run(move |conn| record::record(conn, &batch)).await }
    })
}
