//! The times between the steps of an alert's way, from the columns that hold them.

use crate::store::{history::Alert, json::time};
use chrono::NaiveDateTime;
use serde::Serialize;

/// A step, with the time since the first and the one before it.
///
/// StackStorm's steps are by its own clock: the time between a step of ours and one of its is as good as both clocks agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// `received`, `pending_again` (a replay), `attempted` (the last call to StackStorm), `dispatched` (its answer, or
    /// what its rules ran, written down), `execution_started`, `execution_ended`.
    pub step: &'static str,
    /// When.
    #[serde(serialize_with = "time")]
    pub at: NaiveDateTime,
    /// The execution that started or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub st2_execution_id: Option<String>,
    /// Since the alert was received.
    pub since_received_seconds: f64,
    /// Since the step before; negative never, for the steps stand in the order of their times.
    pub since_previous_seconds: f64,
}

/// An execution's id, start and end.
pub(super) type Times<'a> = (&'a str, Option<NaiveDateTime>, Option<NaiveDateTime>);

/// The steps that an alert has made, in the order of their times.
pub(super) fn steps<'a>(alert: &Alert, executions: impl Iterator<Item = Times<'a>>) -> Vec<Step> {
    let received = alert.summary.created_at;
    let replayed = alert.pending_at.filter(|_| alert.summary.dispatch_generation > 0);
    let ours =
        [("pending_again", replayed), ("attempted", alert.attempted_at), ("dispatched", alert.summary.dispatched_at)];
    let mut times: Vec<(NaiveDateTime, &'static str, Option<&str>)> = vec![(received, "received", None)];
    times.extend(ours.into_iter().filter_map(|(step, at)| Some((at?, step, None))));
    for (id, start, end) in executions {
        times.extend(start.map(|at| (at, "execution_started", Some(id))));
        times.extend(end.map(|at| (at, "execution_ended", Some(id))));
    }
    // A stable sort: steps of the same microsecond stay in the order of their meaning.
    times.sort_by_key(|(at, ..)| *at);
    let mut previous = times.first().map_or(received, |(at, ..)| *at);
    let step = |(at, step, id): (NaiveDateTime, &'static str, Option<&str>)| {
        let since_previous = at - std::mem::replace(&mut previous, at);
        Step {
            step,
            at,
            st2_execution_id: id.map(str::to_owned),
            since_received_seconds: (at - received).as_seconds_f64(),
            since_previous_seconds: since_previous.as_seconds_f64(),
        }
    };
    times.into_iter().map(step).collect()
}
