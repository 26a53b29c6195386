//! Executions that our links name: a page, newest first, or one with its tasks and alerts.

use super::{
    History, HistoryError,
    cursor::List,
    listing::Listing,
    st2_rows::{ExecutionShown, TablesState},
    story::AlertStory,
};
use crate::{
    database::page::{Page, Position, Window},
    model::ids::AlertId,
    stackstorm::ExecutionStatus,
    store::read::{self, ExecutionLink, LinkFilter},
};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Links per look at StackStorm's tables, and looks per page, while a status is searched for.
const SEARCHED: u16 = 500;
const LOOKS: usize = 10;
/// Parents followed up from a task to the execution that an alert led to.
const DEPTH: usize = 10;

/// Which executions; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// What our links know.
    pub links: LinkFilter,
    /// What StackStorm's tables alone know.
    pub status: Option<ExecutionStatus>,
}

/// An execution on a page.
#[derive(Debug, Clone, Serialize)]
pub struct ExecutionEntry {
    /// The webhook.
    pub request_id: String,
    /// The alert.
    pub alert_id: AlertId,
    /// The row.
    #[serde(flatten)]
    pub link: ExecutionLink,
    /// `None`: StackStorm's tables do not have it (yet), or cannot be read.
    pub execution: Option<ExecutionShown>,
}

/// One execution and what it belongs to.
#[derive(Debug, Clone, Serialize)]
pub struct ExecutionStory {
    /// The one that was asked for.
    pub st2_execution_id: String,
    /// The one that an alert led to: itself, or the one whose task it is.
    pub root_execution_id: Option<String>,
    /// `None`: StackStorm's tables do not have it (yet), or cannot be read.
    pub execution: Option<ExecutionShown>,
    /// Its tasks, in short, in the order they started; at most 200.
    pub children: Vec<ExecutionShown>,
    /// The alerts that led to it.
    pub alerts: Vec<AlertStory>,
    /// Whether the executions could be read.
    pub execution_db: TablesState,
}

impl History {
    /// A page of executions, newest link first. With a status there may be fewer rows than asked for and still a next page:
    /// one answer looks through 5,000 links at most.
    pub async fn executions(
        &self,
        filter: ExecutionFilter,
        window: Window,
    ) -> Result<Listing<ExecutionEntry>, HistoryError> {
        self.executions_within(filter, window, Duration::MAX).await
    }

    /// The same for a person who waits: it looks no further once `patience` is over.
    pub async fn executions_within(
        &self,
        filter: ExecutionFilter,
        window: Window,
        patience: Duration,
    ) -> Result<Listing<ExecutionEntry>, HistoryError> {
        let begun = Instant::now();
        let Some(status) = filter.status else { return self.linked(filter.links, window).await };
        let mut found = Vec::new();
        let mut next = window.after;
        let limit = usize::from(window.limit);
        for _ in 0..LOOKS {
            let page = self.linked(filter.links.clone(), Window { limit: SEARCHED, after: next }).await?;
            if let Some(TablesState { available: false, detail }) = page.execution_db {
                return Err(HistoryError::NoTables(detail.unwrap_or_default()));
            }
            let has_status = |entry: &ExecutionEntry| {
                entry.execution.as_ref().and_then(ExecutionShown::status) == Some(status.as_str())
            };
            found.extend(page.rows.into_iter().filter(has_status));
            next = page.next;
            if found.len() > limit {
                found.truncate(limit);
                next = found.last().map(|last| Position { at: last.link.created_at, id: last.link.id });
                break;
            }
            if next.is_none() || begun.elapsed() >= patience {
                break;
            }
        }
        let execution_db = Some(TablesState { available: true, detail: None });
        Ok(Listing { list: List::Executions, rows: found, next, execution_db })
    }

    async fn linked(&self, filter: LinkFilter, window: Window) -> Result<Listing<ExecutionEntry>, HistoryError> {
        let Page { rows, next } = self.ours(move |conn| read::links(conn, &filter, window)).await?;
        let st2 = self.in_short(rows.iter().map(|link| link.st2_execution_id.clone()).collect()).await;
        let entry = |link: ExecutionLink| ExecutionEntry {
            request_id: link.request_id.clone(),
            alert_id: link.alert_id,
            execution: st2.executions.get(&link.st2_execution_id).cloned(),
            link,
        };
        let rows = rows.into_iter().map(entry).collect();
        Ok(Listing { list: List::Executions, rows, next, execution_db: Some(st2.state) })
    }

    /// An execution by its id, also a task of one that an alert led to. `None` where neither side knows it.
    pub async fn execution(&self, id: &str) -> Result<Option<ExecutionStory>, HistoryError> {
        let mut st2 = self.whole(vec![id.to_owned()]).await;
        let execution = st2.executions.remove(id);
        let (root, alerts) = self.root(id, execution.as_ref()).await?;
        if root.is_none() && execution.is_none() {
            if st2.state.available {
                return Ok(None);
            }
            return Err(HistoryError::NoTables(st2.state.detail.unwrap_or_default()));
        }
        let children = if execution.is_some() { self.children(id).await } else { Vec::new() };
        let (alerts, _) = if alerts.is_empty() { Default::default() } else { self.stories(alerts).await? };
        Ok(Some(ExecutionStory {
            st2_execution_id: id.to_owned(),
            root_execution_id: root,
            execution,
            children,
            alerts,
            execution_db: st2.state,
        }))
    }

    /// The linked execution at or above this one, and the alerts that led to it.
    async fn root(
        &self,
        id: &str,
        execution: Option<&ExecutionShown>,
    ) -> Result<(Option<String>, Vec<AlertId>), HistoryError> {
        let mut id = id.to_owned();
        let mut parent = execution.and_then(ExecutionShown::parent).map(str::to_owned);
        for _ in 0..DEPTH {
            let asked = id.clone();
            let links = self.ours(move |conn| read::links_of_execution(conn, &asked)).await?;
            if !links.is_empty() {
                return Ok((Some(id), links.into_iter().map(|link| link.alert_id).collect()));
            }
            let Some(above) = parent else { break };
            let (rows, _) = self.outcomes(vec![above.clone()]).await;
            parent = rows.into_iter().next().and_then(|row| row.parent);
            id = above;
        }
        Ok((None, Vec::new()))
    }
}
