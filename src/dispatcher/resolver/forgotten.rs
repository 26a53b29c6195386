//! Executions that a rule started and StackStorm forgot: they stay `requested`, and no `succeeded` enforcement names them.
//!
//! The rule is direct mode's (`orphans`): old, and later executions have left `requested`. Such a one is cancelled, so that
//! it cannot run later. The next look at the row, seconds later, reads whether it ran all the same; it permits no second
//! webhook.
//! Crash safety: the id is written to the row before the cancel, so the next look knows that the cancel was ours.

use super::verdict::Evidence;
use crate::{
    database::DatabaseError,
    dispatcher::Dispatch,
    stackstorm::{Execution, LookupError},
    store::dispatch::{
        awaiting::{self, Awaiting},
        dispatch_log::{CANCELLED, Entry},
    },
};
use chrono::TimeDelta;

/// How long after the last POST an execution must still be `requested`.
const ORPHAN_AGE: TimeDelta = TimeDelta::minutes(10);

/// Cancels what is forgotten among the evidence.
pub(super) async fn cancel(dispatch: &Dispatch, row: &Awaiting, evidence: &Evidence) -> Result<(), DatabaseError> {
    if row.waited <= ORPHAN_AGE {
        return Ok(());
    }
    for execution in evidence.requested() {
        let (alert_id, execution_id) = (row.alert_id, execution.id.as_str());
        match is_forgotten(dispatch, execution).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                log::warn!(
                    event = "forgotten_check_failed", alert_id, execution_id;
                    "could not check whether StackStorm has forgotten the execution: {error}"
                );
                return Ok(());
            }
        }
        let entry = Entry::new(row.taken_at, CANCELLED).execution(execution_id);
        let noted = row.clone();
        if !dispatch.store.run(move |conn| awaiting::note(conn, &noted, &entry)).await? {
            return Ok(());
        }
        match dispatch.client.cancel_execution(&execution.id).await {
            Ok(_) => log::warn!(
                event = "execution_cancelled", alert_id, execution_id;
                "cancelled an execution that StackStorm had forgotten"
            ),
            Err(error) => log::warn!(
                event = "execution_cancel_failed", alert_id, execution_id;
                "could not cancel a forgotten execution: {error}"
            ),
        }
    }
    Ok(())
}

async fn is_forgotten(dispatch: &Dispatch, execution: &Execution) -> Result<bool, LookupError> {
    match execution.start_timestamp {
        Some(since) => dispatch.client.has_run_any_since(since).await,
        None => Ok(false),
    }
}
