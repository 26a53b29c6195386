//! Rule mode: posts to a StackStorm webhook, and asks which rules fired.
//!
//! StackStorm answers 202 without any id, and only puts the post on its broker; everything else is found by trace tag.

use super::{
    client::Client,
    error::LookupError,
    ids::{ExecutionId, TriggerInstanceId},
    outcome::{Mode, Outcome},
};
use crate::{model::target::WebhookName, text_enum};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Instant;

/// A post to a webhook.
#[derive(Debug, Clone, Copy)]
pub struct WebhookPost<'a> {
    /// Which.
    pub name: &'a WebhookName,
    /// What StackStorm's rules see as `trigger.body`.
    pub body: &'a Map<String, Value>,
    /// Sent as `St2-Trace-Tag`: what the rules' executions can be found by.
    pub trace_tag: &'a str,
    /// Nothing is written after this moment: the answer is then `TooLate`.
    pub not_after: Instant,
}

text_enum! {
    /// How far StackStorm's rules engine is with a trigger instance.
    pub enum TriggerInstanceStatus {
        /// Waits.
        Pending = "pending",
        /// Rules are being matched.
        Processing = "processing",
        /// Every rule has been looked at: the enforcements are complete.
        Processed = "processed",
        /// The rules engine failed; it does not try again.
        ProcessingFailed = "processing_failed",
    }
}

text_enum! {
    /// Whether a rule that matched could start its action.
    pub enum EnforcementStatus {
        /// It did.
        Succeeded = "succeeded",
        /// It could not: see the reason.
        Failed = "failed",
    }
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawEnforcement")]
pub struct RuleEnforcement {
    /// What it started.
    pub execution_id: Option<ExecutionId>,
    /// Whether that worked.
    pub status: EnforcementStatus,
    /// Why not.
    pub failure_reason: Option<String>,
    /// The rule's ref.
    pub rule_ref: String,
}

#[derive(Deserialize)]
struct RawEnforcement {
    #[serde(default)]
    execution_id: Option<ExecutionId>,
    status: EnforcementStatus,
    #[serde(default)]
    failure_reason: Option<String>,
    rule: RawRule,
}

#[derive(Deserialize)]
struct RawRule {
    #[serde(rename = "ref")]
    reference: String,
}

#[derive(Deserialize)]
struct RawWebhook {
    parameters: RawParameters,
}

#[derive(Deserialize)]
struct RawParameters {
    url: String,
}

#[derive(Deserialize)]
struct RawInstance {
    status: TriggerInstanceStatus,
}

impl From<RawEnforcement> for RuleEnforcement {
    fn from(raw: RawEnforcement) -> Self {
        let RawEnforcement { execution_id, status, failure_reason, rule } = raw;
        Self { execution_id, status, failure_reason, rule_ref: rule.reference }
    }
}

impl Client {
    /// Posts to a webhook. Writes at most one POST.
    pub async fn post_webhook(&self, post: WebhookPost<'_>) -> Outcome<()> {
        let mut path = vec!["webhooks"];
        path.extend(post.name.as_str().split('/'));
        let request = self.request(Method::POST, &path).header("St2-Trace-Tag", post.trace_tag).json(post.body);
        Outcome::of(Mode::Webhook, self.send(request, Some(post.not_after)).await, |_| Ok(()))
    }

    /// Whether any rule, enabled or not, has this webhook registered: a post to another is refused.
    pub async fn has_webhook(&self, name: &WebhookName) -> Result<bool, LookupError> {
        Ok(self.webhook_listings(name).await? > 0)
    }

    /// How often StackStorm lists this webhook: once for each trigger that a post to it reaches.
    pub async fn webhook_listings(&self, name: &WebhookName) -> Result<usize, LookupError> {
        let registered: Vec<RawWebhook> = self.get_json(&["webhooks"], &[]).await?;
        Ok(registered.iter().filter(|webhook| webhook.parameters.url.trim_matches('/') == name.as_str()).count())
    }

    /// How far the rules engine is; `None` when StackStorm has no such trigger instance (any more).
    pub async fn trigger_instance(&self, id: &TriggerInstanceId) -> Result<Option<TriggerInstanceStatus>, LookupError> {
        let found: Option<RawInstance> = self.find_json(&["triggerinstances", id.as_str()], &[]).await?;
        Ok(found.map(|instance| instance.status))
    }

    /// The rules that matched; complete only once the trigger instance is `processed`.
    pub async fn rule_enforcements(&self, id: &TriggerInstanceId) -> Result<Vec<RuleEnforcement>, LookupError> {
        self.list(&["ruleenforcements"], &[("trigger_instance", id.as_str())]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enforcements_are_read_as_stackstorm_writes_them() {
        let recorded = r#"[{"trigger_instance_id":"6b0235e2dbeb853eff82890c","execution_id":"6b0235e2dbeb853eff82890f","rule":{"ref":"remediation.host_down_rule","id":"6b0234078922ff26a12f1b31","uid":"rule:remediation:host_down_rule"},"enforced_at":"2026-11-22T00:22:58.293579Z","status":"succeeded","id":"6b0235e2dbeb853eff828910"},
            {"trigger_instance_id":"6b0235e9dbeb853eff828936","failure_reason":"Failed to render parameter \"instance\": no attribute","rule":{"ref":"remediation.host_down_rule","id":"6b0234078922ff26a12f1b31","uid":"rule:remediation:host_down_rule"},"enforced_at":"2026-11-22T00:23:05.239240Z","status":"failed","id":"6b0235e9dbeb853eff82893b"}]"#;
        let read: Vec<RuleEnforcement> = serde_json::from_str(recorded).unwrap();
        assert_eq!(read[0].execution_id, ExecutionId::parse("6b0235e2dbeb853eff82890f").ok());
        assert_eq!(
            (read[0].status, read[0].rule_ref.as_str()),
            (EnforcementStatus::Succeeded, "remediation.host_down_rule")
        );
        assert_eq!((read[1].status, &read[1].execution_id), (EnforcementStatus::Failed, &None));
        assert!(read[1].failure_reason.as_deref().unwrap().starts_with("Failed to render"));
    }
}
