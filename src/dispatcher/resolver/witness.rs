//! What else StackStorm knows of a webhook that has no trace when the deadline comes: evidence for the person who decides
//! about a replay. It decides nothing: no order in StackStorm proves that a webhook was not published.

use crate::{
    dispatcher::Dispatch,
    model::target::{Target, WebhookName},
    stackstorm::{Arrival, Arrivals, TriggerInstanceStatus},
    store::dispatch::awaiting::Awaiting,
};
use chrono::{DateTime, TimeDelta, Utc};

/// StackStorm's clock may be behind the database's by so much.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// `None` when the row went to no webhook, as far as it says.
pub(super) async fn look(dispatch: &Dispatch, row: &Awaiting) -> Option<String> {
    let Some(Target::Webhook(name)) = row.target.as_deref()?.parse().ok() else { return None };
    let since = (row.posted_at - SKEW).and_utc();
    match dispatch.client.arrivals(&name, since).await {
        Ok(arrivals) => Some(words(&name, row, &arrivals)),
        Err(error) => Some(format!("the trigger instances of {name} cannot be read: {error}")),
    }
}

fn words(name: &WebhookName, row: &Awaiting, arrivals: &Arrivals) -> String {
    let ours = |seen: &&Arrival| seen.is_of(row.request_id, row.alert_id);
    if let Some(found) = arrivals.seen.iter().find(ours) {
        return format!("trigger instance {} of {name} has this alert_id and is {}", found.id, found.status);
    }
    let posted: DateTime<Utc> = row.posted_at.and_utc();
    let later = |seen: &&Arrival| seen.status == TriggerInstanceStatus::Processed && seen.occurred_at > posted;
    let processed = arrivals.seen.iter().filter(later).count();
    let range = if arrivals.whole { "no" } else { "none of the newest" };
    format!("{range} trigger instances of {name} have this alert_id; {processed} later ones were processed")
}
