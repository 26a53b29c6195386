//! Converts an execution of StackStorm to a row.

use crate::{
    clock,
    model::truncate::column,
    st2_tables::{Tracking, upsert::Observed},
    stackstorm::Execution,
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
        parameters: execution.parameters.as_ref().and_then(json),
        status: Some(column(&execution.status, STATUS).into_owned()),
        result: execution.result.as_ref().filter(|result| !result.is_null()).and_then(json),
        start_timestamp: execution.start_timestamp.map(time),
        end_timestamp: execution.end_timestamp.map(time),
        parent: execution.parent.as_ref().map(ToString::to_string),
        context: execution.context.as_ref().and_then(json),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_that_stackstorm_hides_are_null_and_not_an_empty_object() {
        let row = |value: Value| observed(&serde_json::from_value(value).unwrap(), Tracking::Following);
        let bare = row(json!({ "id": "a", "status": "requested" }));
        assert_eq!((bare.parameters, bare.context, bare.result), (None, None, None));
        let null =
            row(json!({ "id": "a", "status": "requested", "parameters": null, "context": null, "result": null }));
        assert_eq!((null.parameters, null.context, null.result), (None, None, None));
        let empty = row(json!({ "id": "a", "status": "requested", "parameters": {}, "context": {}, "result": {} }));
        let object = Some("{}".to_owned());
        assert_eq!((&empty.parameters, &empty.context, &empty.result), (&object, &object, &object));
    }
}
