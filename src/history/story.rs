//! Webhooks and alerts with their links and executions: one whole, or a page in short.

use super::{
    History, HistoryError,
    cursor::List,
    listing::Listing,
    st2_rows::{ExecutionShown, St2Rows, TablesState},
    timeline::{Step, steps},
};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        page::{Page, Window},
    },
    model::ids::{AlertId, RequestId},
    store::{
        dispatch::dispatch_log,
        operate::filter::Filter,
        read::{self, Alert, AlertCounts, AlertSummary, Call, CallFilter, CallSummary, ExecutionLink},
    },
};
use serde::Serialize;
use std::{collections::HashMap, time::Duration};

/// How long a program waits for a search: below the bound of one statement.
const SEARCH: Duration = Duration::from_secs(5);

/// A link and its execution.
#[derive(Debug, Clone, Serialize)]
pub struct LinkStory {
    /// The row.
    #[serde(flatten)]
    pub link: ExecutionLink,
    /// `None`: StackStorm's tables do not have it (yet), or cannot be read.
    pub execution: Option<ExecutionShown>,
}

/// An alert whole.
#[derive(Debug, Clone, Serialize)]
pub struct AlertStory {
    /// Its webhook.
    pub request_id: String,
    /// The row.
    #[serde(flatten)]
    pub alert: Alert,
    /// What happened to its dispatch besides success: failed attempts, lookups, cancels, replays; the last 20.
    pub attempts: Vec<dispatch_log::Entry>,
    /// What StackStorm ran for it.
    pub links: Vec<LinkStory>,
    /// The times between the steps.
    pub steps: Vec<Step>,
}

/// A webhook whole.
#[derive(Debug, Clone, Serialize)]
pub struct RequestStory {
    /// The row, with headers and body.
    #[serde(flatten)]
    pub call: Call,
    /// Its alerts, in the order they were stored.
    pub alerts: Vec<AlertStory>,
    /// Whether the executions could be read.
    pub execution_db: TablesState,
}

/// A webhook on a page.
#[derive(Debug, Clone, Serialize)]
pub struct RequestEntry {
    /// The row without headers and body.
    #[serde(flatten)]
    pub call: CallSummary,
    /// How many of its alerts stand in which `dispatch_status`.
    pub alerts: AlertCounts,
}

/// An alert on a page.
#[derive(Debug, Clone, Serialize)]
pub struct AlertEntry {
    /// Its webhook.
    pub request_id: String,
    /// The row in short.
    #[serde(flatten)]
    pub alert: AlertSummary,
    /// What StackStorm ran for it.
    pub links: Vec<LinkStory>,
}

/// One alert, by itself.
#[derive(Debug, Clone, Serialize)]
pub struct AlertAlone {
    /// The alert.
    #[serde(flatten)]
    pub story: AlertStory,
    /// Whether the executions could be read.
    pub execution_db: TablesState,
}

/// Alerts as our tables have them.
struct Told {
    alerts: Vec<(String, Alert)>,
    links: Vec<ExecutionLink>,
}

impl History {
    /// A webhook by its id.
    pub async fn request(&self, request_id: RequestId) -> Result<Option<RequestStory>, HistoryError> {
        let found = self.ours(move |conn| {
            let Some(call) = read::call(conn, request_id)? else { return Ok(None) };
            let alerts = read::alerts_of_call(conn, call.summary.id)?;
            let told = told(conn, alerts)?;
            Ok(Some((call, told)))
        });
        let Some((call, told)) = found.await? else { return Ok(None) };
        let (alerts, execution_db) = self.tell(told).await;
        Ok(Some(RequestStory { call, alerts, execution_db }))
    }

    /// An alert by its id.
    pub async fn alert(&self, id: AlertId) -> Result<Option<AlertAlone>, HistoryError> {
        let (mut alerts, execution_db) = self.stories(vec![id]).await?;
        Ok(alerts.pop().map(|story| AlertAlone { story, execution_db }))
    }

    /// Alerts by their ids, by ascending id.
    pub async fn stories(&self, ids: Vec<AlertId>) -> Result<(Vec<AlertStory>, TablesState), HistoryError> {
        let found = self.ours(move |conn| {
            let alerts = read::alerts_by_id(conn, &ids)?;
            told(conn, alerts)
        });
        Ok(self.tell(found.await?).await)
    }

    /// A page of webhooks.
    pub async fn requests(&self, filter: CallFilter, window: Window) -> Result<Listing<RequestEntry>, HistoryError> {
        let Page { rows, next } = self.ours(move |conn| read::calls(conn, &filter, window)).await?;
        let rows = rows.into_iter().map(|(call, alerts)| RequestEntry { call, alerts }).collect();
        Ok(Listing { list: List::Requests, rows, next, execution_db: None })
    }

    /// A page of alerts.
    pub async fn alerts(&self, filter: Filter, window: Window) -> Result<Listing<AlertEntry>, HistoryError> {
        self.alerts_within(filter, window, SEARCH).await
    }

    /// The same for a person who waits: a search by filters that are rare only together ends after `patience`. Then there may be
    /// fewer rows than asked for and still a next page.
    pub async fn alerts_within(
        &self,
        filter: Filter,
        window: Window,
        patience: Duration,
    ) -> Result<Listing<AlertEntry>, HistoryError> {
        let found = self.ours(move |conn| {
            let page = read::alerts(conn, &filter, window, patience)?;
            let calls: Vec<_> = page.rows.iter().map(|alert| alert.api_call_id).collect();
            let ids: Vec<_> = page.rows.iter().map(|alert| alert.id).collect();
            Ok((page, read::request_ids(conn, &calls)?, read::links_of_alerts(conn, &ids)?))
        });
        let (Page { rows, next }, requests, links) = found.await?;
        let st2 = self.in_short(execution_ids(&links)).await;
        let mut links = by_alert(links, &st2);
        let entry = |alert: AlertSummary| AlertEntry {
            request_id: requests.get(&alert.api_call_id).cloned().unwrap_or_default(),
            links: links.remove(&alert.id).unwrap_or_default(),
            alert,
        };
        let rows = rows.into_iter().map(entry).collect();
        Ok(Listing { list: List::Alerts, rows, next, execution_db: Some(st2.state) })
    }

    async fn tell(&self, told: Told) -> (Vec<AlertStory>, TablesState) {
        let Told { alerts, links } = told;
        let st2 = self.whole(execution_ids(&links)).await;
        let mut links = by_alert(links, &st2);
        let story = |(request_id, alert): (String, Alert)| {
            let links = links.remove(&alert.summary.id).unwrap_or_default();
            let attempts = dispatch_log::entries(alert.dispatch_log.as_deref());
            let steps = steps_of(&alert, &attempts, &links);
            AlertStory { request_id, alert, attempts, links, steps }
        };
        (alerts.into_iter().map(story).collect(), st2.state)
    }
}

/// The steps of an alert with this log and these executions.
pub(super) fn steps_of(alert: &Alert, log: &[dispatch_log::Entry], links: &[LinkStory]) -> Vec<Step> {
    let times = links.iter().filter_map(|link| {
        let (start, end) = link.execution.as_ref()?.times();
        Some((link.link.st2_execution_id.as_str(), start, end))
    });
    steps(alert, log, times)
}

fn told(conn: &mut AnyConnection, alerts: Vec<Alert>) -> Result<Told, DatabaseError> {
    let calls: Vec<_> = alerts.iter().map(|alert| alert.summary.api_call_id).collect();
    let ids: Vec<_> = alerts.iter().map(|alert| alert.summary.id).collect();
    let requests = read::request_ids(conn, &calls)?;
    let links = read::links_of_alerts(conn, &ids)?;
    let named = |alert: Alert| {
        let request_id = requests.get(&alert.summary.api_call_id).cloned().unwrap_or_default();
        (request_id, alert)
    };
    Ok(Told { alerts: alerts.into_iter().map(named).collect(), links })
}

fn execution_ids(links: &[ExecutionLink]) -> Vec<String> {
    let mut ids: Vec<String> = links.iter().map(|link| link.st2_execution_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn by_alert(links: Vec<ExecutionLink>, st2: &St2Rows) -> HashMap<AlertId, Vec<LinkStory>> {
    let mut by_alert: HashMap<AlertId, Vec<LinkStory>> = HashMap::new();
    for link in links {
        let execution = st2.executions.get(&link.st2_execution_id).cloned();
        by_alert.entry(link.alert_id).or_default().push(LinkStory { link, execution });
    }
    by_alert
}
