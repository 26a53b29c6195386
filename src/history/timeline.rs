//! The times between the steps of an alert, from the row's time columns.

use crate::{
    database::json::time,
    store::{
        dispatch::dispatch_log::{Before, Entry},
        read::Alert,
    },
};
use chrono::{DateTime, NaiveDateTime};
use serde::Serialize;

/// A step, with the time since the first and the one before it.
///
/// StackStorm's steps are by its own clock: the time between a step of ours and one of its is as good as both clocks agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// `received`, `pending_again` (a new generation: replayed, or retried because the alert still fires), `attempted` (a
    /// generation's last call to StackStorm), `dispatched` (its answer, or what its rules ran, written down),
    /// `execution_started`, `execution_ended`.
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

/// A step's time, name and execution.
type Time<'a> = (NaiveDateTime, &'static str, Option<&'a str>);

/// The steps of PoundCake's. The columns have those of the newest generation, the log those that it took the place of.
fn ours(alert: &Alert, log: &[Entry]) -> Vec<Time<'static>> {
    let mut times: Vec<Time> = vec![(alert.summary.created_at, "received", None)];
    let mut add = |step, at: Option<NaiveDateTime>| {
        // `dispatched_at` is not cleared by a replay: the same time may come twice.
        let new = at.map(|at| (at, step, None)).filter(|new| !times.contains(new));
        times.extend(new);
    };
    let read = |text: &Option<String>| Some(DateTime::parse_from_rfc3339(text.as_deref()?).ok()?.naive_utc());
    for Entry { at, before, .. } in log {
        let Some(Before { attempted_at, dispatched_at }) = before.as_deref() else { continue };
        add("attempted", read(attempted_at));
        add("dispatched", read(dispatched_at));
        add("pending_again", read(&Some(at.clone())));
    }
    add("pending_again", alert.pending_at.filter(|_| alert.summary.dispatch_generation > 0));
    add("attempted", alert.attempted_at);
    add("dispatched", alert.summary.dispatched_at);
    times
}

/// The steps that an alert has made, in the order of their times.
pub(super) fn steps<'a>(alert: &Alert, log: &[Entry], executions: impl Iterator<Item = Times<'a>>) -> Vec<Step> {
    let received = alert.summary.created_at;
    let mut times: Vec<Time<'a>> = ours(alert, log);
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
