//! Reads PoundCake's executions since a given time from StackStorm, whichever process requested them. A restored database lacks them.
//!
//! It is read from the executions themselves. What a dispatch sent comes back with them: in direct mode `context.poundcake` and
//! the parameters, in rule mode the payload of the trigger instance.

use super::{
    client::{Client, PAGE},
    error::LookupError,
    executions::Execution,
    ids::ExecutionId,
};
use crate::model::trace_tag::TraceTag;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The type of the triggers of StackStorm's webhooks.
const WEBHOOK: &str = "core.st2.webhook";

/// An execution that a dispatch of ours led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The dispatch.
    pub tag: TraceTag,
    /// The execution, without its result.
    pub execution: Execution,
    /// The alert's fingerprint, where it comes back.
    pub fingerprint: Option<String>,
    /// What was sent: parameters, or the body for the webhook.
    pub sent: Map<String, Value>,
    /// Rule mode: the webhook.
    pub webhook: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    execution: Execution,
    #[serde(default)]
    trigger: Value,
    #[serde(default)]
    trigger_instance: Value,
}

impl Listed {
    /// `None` for what is not ours: executions of other programs, and those that other rules hung into our trace.
    fn of_ours(self) -> Option<Started> {
        let tag: TraceTag = self.execution.in_context("trace_context")?.get("trace_tag")?.as_str()?.parse().ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if self.execution.rule_ref.is_none() {
            let ours = self.execution.in_context("poundcake")?;
            let same = ours["request_id"] == tag.request_id.as_str() && ours["alert_id"] == tag.alert_id.0;
            let fingerprint = text(&ours["fingerprint"]);
            let sent = self.execution.parameters.clone().unwrap_or_default();
            return same.then_some(Started { tag, execution: self.execution, fingerprint, sent, webhook: None });
        }
        let body = self.trigger_instance["payload"]["body"].as_object()?.clone();
        let is_webhook = self.trigger["type"] == WEBHOOK;
        // A route may send other values under our names, so one of the two is enough.
        let said = |name: &str, value: Value| body.get(name) == Some(&value);
        let same = said("request_id", tag.request_id.as_str().into()) || said("alert_id", tag.alert_id.0.into());
        let fingerprint = body.get("fingerprint").and_then(text);
        let webhook = text(&self.trigger["parameters"]["url"]);
        (is_webhook && same).then_some(Started { tag, execution: self.execution, fingerprint, sent: body, webhook })
    }
}

impl Client {
    /// The executions of our dispatches that StackStorm created after a time and still has, oldest first. StackStorm's retries of
    /// them are among them, tasks of workflows are not.
    ///
    /// Pages go on behind the last time that was read, not behind a count: StackStorm may delete old executions meanwhile.
    pub async fn started_since(&self, since: DateTime<Utc>) -> Result<Vec<Started>, LookupError> {
        let (mut after, mut offset, mut limit) = (since, 0, PAGE);
        let mut seen: HashSet<ExecutionId> = HashSet::new();
        let mut started = Vec::new();
        loop {
            let page = match self.page_of_executions(after, offset, limit).await {
                // With the payloads of webhooks a page can be large.
                Err(LookupError::TooLarge { .. }) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                page => page?,
            };
            let (length, last) = (page.len(), page.iter().filter_map(|listed| listed.execution.start_timestamp).max());
            let new = page.into_iter().filter(|listed| seen.insert(listed.execution.id.clone()));
            started.extend(new.filter_map(Listed::of_ours));
            if length < limit {
                return Ok(started);
            }
            // StackStorm's times have more digits than it compares.
            match last.map(|last| last - TimeDelta::milliseconds(2)).filter(|last| *last > after) {
                Some(last) => (after, offset) = (last, 0),
                None => offset += length,
            }
        }
    }

    async fn page_of_executions(
        &self,
        after: DateTime<Utc>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Listed>, LookupError> {
        let after = after.to_rfc3339_opts(SecondsFormat::Micros, true);
        let (limit, offset) = (limit.to_string(), offset.to_string());
        let query = [
            ("parent", "null"),
            // Alone it also sorts: oldest first.
            ("timestamp_gt", after.as_str()),
            ("exclude_attributes", "result"),
            ("limit", limit.as_str()),
            ("offset", offset.as_str()),
        ];
        self.get_json(&["executions"], &query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ours(text: &str) -> Option<Started> {
        serde_json::from_str::<Listed>(text).unwrap().of_ours()
    }

    #[test]
    fn an_execution_of_direct_mode_says_whose_it_is() {
        let ours = r#"{"id":"6b0235893117e68b4306be9d","status":"succeeded","action":{"ref":"a.b"},"parameters":{"instance":"h"},
            "context":{"trace_context":{"trace_tag":"poundcake:r:7:1"},"poundcake":{"request_id":"r","alert_id":7,"fingerprint":"f"}}}"#;
        let found = of_ours(ours).unwrap();
        assert_eq!((found.tag.to_string().as_str(), found.fingerprint.as_deref()), ("poundcake:r:7:1", Some("f")));
        assert_eq!(found.sent["instance"], "h");
        assert_eq!(of_ours(&ours.replace("\"alert_id\":7", "\"alert_id\":8")), None);
        assert_eq!(of_ours(&ours.replace("poundcake:r:7:1", "theirs")), None);
    }

    #[test]
    fn an_execution_of_a_rule_is_ours_by_the_webhook_that_set_it_off() {
        let ours = r#"{"id":"6b0235e2dbeb853eff82890f","status":"running","rule":{"ref":"p.r"},
            "context":{"trace_context":{"id_":"6b02","trace_tag":"poundcake:r:7:0"}},
            "trigger":{"type":"core.st2.webhook","parameters":{"url":"poundcake_alert"}},
            "trigger_instance":{"payload":{"body":{"request_id":"r","alert_id":7,"fingerprint":"f"}}}}"#;
        let found = of_ours(ours).unwrap();
        assert_eq!((found.webhook.as_deref(), found.fingerprint.as_deref()), (Some("poundcake_alert"), Some("f")));
        let chained = ours.replace("core.st2.webhook", "core.st2.generic.actiontrigger");
        assert_eq!(of_ours(&chained), None, "another rule hung it into our trace");
    }
}
