//! The rows of StackStorm's tables for our links, and the message when they cannot be read.

use super::History;
use crate::st2_tables::{ExecutionRow, Found, Outcome, Tracking};
use chrono::NaiveDateTime;
use serde::Serialize;
use std::{collections::HashMap, time::Duration};

/// How long the other side may take before our side is shown alone.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// Executions that one answer shows with parameters, result and context: a result may have megabytes.
const WHOLE: usize = 100;

/// Whether StackStorm's tables could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TablesState {
    /// False: everything about executions but their ids and refs is missing.
    pub available: bool,
    /// Why it is, and what to do.
    pub detail: Option<String>,
}

impl TablesState {
    fn there() -> Self {
        Self { available: true, detail: None }
    }

    fn missing(why: String) -> Self {
        Self { available: false, detail: Some(why) }
    }

    /// Both are there, or what one of them lacks.
    fn and(self, other: Self) -> Self {
        if self.available { other } else { self }
    }
}

/// A row of `execution_db`, with or without what may be large.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Row {
    Whole(Box<ExecutionRow>),
    Short(Outcome),
}

impl Row {
    fn outcome(&self) -> &Outcome {
        match self {
            Self::Whole(row) => &row.outcome,
            Self::Short(outcome) => outcome,
        }
    }
}

/// An execution as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutionShown {
    #[serde(flatten)]
    pub(super) row: Row,
    /// From `start_timestamp` to `end_timestamp`.
    pub duration_seconds: Option<f64>,
    /// StackStorm's own page about it, where `ST2_WEB_URL` is set.
    pub web_url: Option<String>,
}

impl ExecutionShown {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.row.outcome().id
    }

    /// StackStorm's word, if it is known.
    pub fn status(&self) -> Option<&str> {
        self.row.outcome().status.as_deref()
    }

    /// The action's ref.
    pub fn action(&self) -> Option<&str> {
        self.row.outcome().action.as_deref()
    }

    /// The result's JSON, where it was read and there is one.
    pub fn result(&self) -> Option<&str> {
        match &self.row {
            Row::Whole(row) => row.result.as_deref(),
            Row::Short(_) => None,
        }
    }

    /// The parameters' JSON, where they were read.
    pub fn parameters(&self) -> Option<&str> {
        match &self.row {
            Row::Whole(row) => row.parameters.as_deref(),
            Row::Short(_) => None,
        }
    }

    /// The execution whose task it is.
    pub fn parent(&self) -> Option<&str> {
        self.row.outcome().parent.as_deref()
    }

    /// When it started and ended, by StackStorm's clock.
    pub fn times(&self) -> (Option<NaiveDateTime>, Option<NaiveDateTime>) {
        let outcome = self.row.outcome();
        (outcome.start_timestamp, outcome.end_timestamp)
    }

    /// Since when it runs, if it has begun and not ended: of one that StackStorm has deleted nothing is known.
    pub fn runs_since(&self) -> Option<NaiveDateTime> {
        let outcome = self.row.outcome();
        let goes_on = !self.is_terminal() && outcome.tracking != Tracking::Gone;
        outcome.start_timestamp.filter(|_| goes_on)
    }

    /// True when it will not change any more.
    pub fn is_terminal(&self) -> bool {
        let status = self.status().and_then(|status| status.parse::<crate::stackstorm::ExecutionStatus>().ok());
        status.is_some_and(crate::stackstorm::ExecutionStatus::is_terminal)
    }
}

/// Executions by their id, and whether all of them could be looked up.
pub(super) struct St2Rows {
    pub(super) executions: HashMap<String, ExecutionShown>,
    pub(super) state: TablesState,
}

impl History {
    /// The rows of these executions, in short.
    pub(super) async fn outcomes(&self, ids: Vec<String>) -> (Vec<Outcome>, TablesState) {
        if ids.is_empty() {
            return (Vec::new(), TablesState::there());
        }
        match tokio::time::timeout(READ_TIMEOUT, self.tables.outcomes(ids)).await {
            Ok(Found::Rows(rows)) => (rows, TablesState::there()),
            Ok(Found::NotThere(why)) => (Vec::new(), TablesState::missing(why)),
            Err(_elapsed) => (Vec::new(), TablesState::missing(self.slow())),
        }
    }

    /// The same as it is shown.
    pub(super) async fn in_short(&self, ids: Vec<String>) -> St2Rows {
        let (rows, state) = self.outcomes(ids).await;
        let shown = rows.into_iter().map(|row| (row.id.clone(), self.shown(Row::Short(row))));
        St2Rows { executions: shown.collect(), state }
    }

    /// The rows of these executions: the first hundred whole, the others in short.
    pub(super) async fn whole(&self, mut ids: Vec<String>) -> St2Rows {
        let rest = ids.split_off(ids.len().min(WHOLE));
        let mut st2 = self.in_short(rest).await;
        if ids.is_empty() {
            return st2;
        }
        let found = match tokio::time::timeout(READ_TIMEOUT, self.tables.executions(ids)).await {
            Ok(found) => found,
            Err(_elapsed) => Found::NotThere(self.slow()),
        };
        match found {
            Found::Rows(rows) => {
                let shown = rows.into_iter().map(|row| (row.outcome.id.clone(), self.shown(Row::Whole(Box::new(row)))));
                st2.executions.extend(shown);
            }
            Found::NotThere(why) => st2.state = TablesState::missing(why).and(st2.state),
        }
        st2
    }

    /// The tasks of an execution, in short, in the order they started; at most 200.
    pub(super) async fn children(&self, parent: &str) -> Vec<ExecutionShown> {
        match tokio::time::timeout(READ_TIMEOUT, self.tables.children(parent.to_owned())).await {
            Ok(Found::Rows(rows)) => rows.into_iter().map(|row| self.shown(Row::Short(row))).collect(),
            _ => Vec::new(),
        }
    }

    fn slow(&self) -> String {
        format!("the database {} did not answer within {} s", self.tables.store.label(), READ_TIMEOUT.as_secs())
    }

    /// A row with what is computed from it.
    pub(super) fn shown(&self, row: Row) -> ExecutionShown {
        let mut shown = ExecutionShown { row, duration_seconds: None, web_url: None };
        let (start, end) = shown.times();
        shown.web_url = self.web_url.as_ref().map(|base| page(base, shown.id()));
        shown.duration_seconds = start.zip(end).map(|(start, end)| (end - start).as_seconds_f64());
        shown
    }
}

/// Where StackStorm's web interface shows an execution.
fn page(base: &url::Url, id: &str) -> String {
    format!("{}/#/history/{id}/general", base.as_str().trim_end_matches('/'))
}
