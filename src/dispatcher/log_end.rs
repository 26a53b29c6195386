//! The log lines for how a claim ended.

use super::End;
use crate::store::dispatch::{
    claim::Claimed,
    release::{NotRun, Release, Shown, Watch},
};

/// Logs it. `ours`: the claim was still held when its end was written.
pub(super) fn log(claimed: &Claimed, end: &End, ours: bool) {
    let (request_id, alert_id) = (claimed.request_id, claimed.alert.id);
    let attempt = claimed.alert.dispatch_attempts + 1;
    if !ours {
        lost(claimed, end);
    }
    match end {
        End::Dispatched { links, .. } => {
            let execution_id = links.first().map_or("", |link| link.execution_id.as_str());
            log::info!(event = "dispatched", request_id:%, alert_id, attempt, execution_id; "dispatched");
        }
        End::NotRun(NotRun { status, reason, error, .. }) => log::warn!(
            event = "dispatch_ended", request_id:%, alert_id, attempt, reason:%;
            "dispatch {status}: {}",
            error.as_deref().unwrap_or("-")
        ),
        End::Released(Release { due_in, doubt, cause, .. }) => {
            let (due_s, uncertain) = (due_in.num_seconds(), doubt.is_uncertain());
            let why = cause.as_ref().map_or("waiting", |cause| cause.event);
            log::info!(
                event = "dispatch_released", request_id:%, alert_id, attempt, due_s, uncertain, why;
                "released the claim: {why}"
            );
            // What StackStorm said may quote parameters, so it stays out of the usual log; the row has it.
            let text = cause.as_ref().map_or("-", |cause| &cause.text);
            log::debug!(event = "release_reason", alert_id; "released because: {text}");
        }
        End::Shown(Shown { status, reason, .. }) => log::info!(
            event = "dispatch_shown", request_id:%, alert_id, reason:%;
            "wrote what would be sent into dispatch_log, and sent nothing: {status}"
        ),
        End::Awaiting(Watch { doubt, cause, .. }) => {
            let (uncertain, why) = (doubt.is_uncertain(), cause.as_ref().map_or("-", |cause| cause.event));
            log::info!(
                event = "webhook_watched", request_id:%, alert_id, attempt, uncertain, why;
                "webhook accepted by StackStorm; awaiting rules"
            );
        }
    }
}

/// Another process had the row.
fn lost(claimed: &Claimed, end: &End) {
    let (request_id, alert_id) = (claimed.request_id, claimed.alert.id);
    if matches!(end, End::Dispatched { .. }) {
        log::error!(
            event = "second_execution", request_id:%, alert_id;
            "this alert already has another execution; linking this one too"
        );
    } else {
        log::warn!(
            event = "claim_outlived_lease", request_id:%, alert_id, end = end.word();
            "the claim was older than its lease; another process may have taken the row"
        );
    }
}
