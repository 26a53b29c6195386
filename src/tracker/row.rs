//! From what StackStorm shows to a row.

use crate::{
    clock,
    model::column::column,
    stackstorm::Execution,
    store::executions::{Tracking, upsert::Observed},
};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// Characters of a ref and of a status kept.
const REF: usize = 255;
const STATUS: usize = 32;

/// The row of an execution. Secret parameters are masked in what StackStorm shows, and stay so.
pub(super) fn observed(execution: &Execution, tracking: Tracking) -> Observed {
    Observed {
        id: execution.id.to_string(),
        action: execution.action_ref.as_deref().map(|text| column(text, REF).into_owned()),
        parameters: json(&execution.parameters),
        status: Some(column(&execution.status, STATUS).into_owned()),
        result: execution.result.as_ref().filter(|result| !result.is_null()).and_then(json),
        start_timestamp: execution.start_timestamp.map(time),
        end_timestamp: execution.end_timestamp.map(time),
        parent: execution.parent.as_ref().map(ToString::to_string),
        context: json(&execution.context),
        tracking,
        liveaction: execution.liveaction.as_ref().map(|call| {
            let callback = Some(&call.callback).filter(|callback| !callback.is_null()).and_then(json::<Value>);
            (call.id.to_string(), callback)
        }),
    }
}

fn time(time: DateTime<Utc>) -> NaiveDateTime {
    clock::cut(time.naive_utc())
}

fn json<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// When the execution took its status, by StackStorm's clock.
pub(super) fn changed_at(execution: &Execution) -> Option<DateTime<Utc>> {
    let last = execution.log.last().filter(|entry| entry.status == execution.status);
    last.and_then(|entry| entry.timestamp)
}
