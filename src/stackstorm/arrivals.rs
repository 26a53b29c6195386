//! The newest trigger instances of a webhook: what reached StackStorm's rules engine, with any trace.

use super::{
    client::{Client, PAGE},
    error::LookupError,
    ids::TriggerInstanceId,
    webhooks::TriggerInstanceStatus,
};
use crate::model::{
    ids::{AlertId, RequestId},
    target::WebhookName,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::Value;

/// Pages read of each trigger at most: each arrival comes with its whole payload.
const PAGES: usize = 5;

/// The trigger instances of a webhook since a time, newest first.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// The instances.
    pub seen: Vec<Arrival>,
    /// False when there are older ones that were not read.
    pub whole: bool,
}

/// One trigger instance.
#[derive(Debug, Clone, Deserialize)]
pub struct Arrival {
    /// Its id.
    pub id: TriggerInstanceId,
    /// How far the rules engine is with it.
    pub status: TriggerInstanceStatus,
    /// When st2api took the webhook.
    #[serde(rename = "occurrence_time")]
    pub occurred_at: DateTime<Utc>,
    #[serde(default)]
    payload: Value,
}

impl Arrival {
    /// True when it is the webhook of this alert.
    pub fn is_of(&self, request_id: RequestId, alert_id: AlertId) -> bool {
        let body = &self.payload["body"];
        body["request_id"] == request_id.to_string() && body["alert_id"] == serde_json::json!(alert_id)
    }
}

#[derive(Deserialize)]
struct Registered {
    #[serde(rename = "ref")]
    trigger: String,
    parameters: Parameters,
}

#[derive(Deserialize)]
struct Parameters {
    url: String,
}

impl Client {
    /// Webhooks of PoundCake since a time that the rules engine has not worked off: they can still run.
    pub async fn unfinished_arrivals(&self, since: DateTime<Utc>) -> Result<Vec<TriggerInstanceId>, LookupError> {
        let registered: Vec<Registered> = self.get_json(&["webhooks"], &[]).await?;
        let mut seen = Vec::new();
        for webhook in registered {
            self.arrivals_of(&webhook.trigger, since, &mut seen).await?;
        }
        let waits = [TriggerInstanceStatus::Pending, TriggerInstanceStatus::Processing];
        let ours = |arrival: &Arrival| {
            let body = &arrival.payload["body"];
            waits.contains(&arrival.status) && body["request_id"].is_string() && body["alert_id"].is_i64()
        };
        Ok(seen.into_iter().filter(ours).map(|arrival| arrival.id).collect())
    }

    /// What reached the rules engine through this webhook since a time.
    pub async fn arrivals(&self, name: &WebhookName, since: DateTime<Utc>) -> Result<Arrivals, LookupError> {
        let registered: Vec<Registered> = self.get_json(&["webhooks"], &[]).await?;
        let ours = registered.iter().filter(|webhook| webhook.parameters.url.trim_matches('/') == name.as_str());
        let mut arrivals = Arrivals { seen: Vec::new(), whole: true };
        for webhook in ours {
            arrivals.whole &= self.arrivals_of(&webhook.trigger, since, &mut arrivals.seen).await?;
        }
        Ok(arrivals)
    }

    /// Whether these are all.
    async fn arrivals_of(
        &self,
        trigger: &str,
        since: DateTime<Utc>,
        seen: &mut Vec<Arrival>,
    ) -> Result<bool, LookupError> {
        let since = since.to_rfc3339_opts(SecondsFormat::Micros, true);
        for page in 0..PAGES {
            let (limit, offset) = (PAGE.to_string(), (page * PAGE).to_string());
            let query = [
                ("trigger", trigger),
                ("timestamp_gt", since.as_str()),
                ("limit", limit.as_str()),
                ("offset", offset.as_str()),
            ];
            let found: Vec<Arrival> = self.get_json(&["triggerinstances"], &query).await?;
            let last = found.len() < PAGE;
            seen.extend(found);
            if last {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
