//! Statistics of the executions of alerts, per workflow and per day.
//!
//! Our links in the time range are walked newest first, StackStorm's rows are read by id, and only counters
//! are kept: memory grows with the number of workflows and days, not of executions.

use super::{History, HistoryError, durations::Sketch, st2_rows::TablesState};
use crate::{
    database::{json::time, page::Window},
    model::execution_status::ExecutionStatus,
    st2_tables::Outcome,
    store::read::{self, ExecutionLink, LinkFilter},
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// Links per look at both sides.
const CHUNK: u16 = 2_000;
/// How long the whole walk may take.
const WALK_TIMEOUT: Duration = Duration::from_secs(30);
/// The range when none is given.
const DEFAULT: TimeDelta = TimeDelta::days(7);
/// What is said of the figures.
const COUNTED: &str = "executions linked to alerts, each once, by the time of their first link in [from, to); a day is \
                       a UTC day; failed includes timeout and abandoned; success_rate is succeeded / (succeeded + failed); \
                       durations are of those that have ended; p95 is within 1 %";

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Links of this time or later.
    pub from: DateTime<Utc>,
    /// Links before this time.
    pub to: DateTime<Utc>,
}

impl Range {
    /// What is not given: to now, from seven days before. `None` where nothing lies between.
    pub fn new(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Option<Self> {
        let to = to.unwrap_or_else(|| crate::clock::utc_now().and_utc());
        let from = from.or_else(|| to.checked_sub_signed(DEFAULT))?;
        (from < to).then_some(Self { from, to })
    }
}

/// How many executions went how.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counts {
    /// All.
    pub total: u32,
    /// `succeeded`.
    pub succeeded: u32,
    /// `failed`, `timeout` and `abandoned`.
    pub failed: u32,
    /// `canceled`.
    pub canceled: u32,
    /// Not ended yet.
    pub unfinished: u32,
    /// StackStorm's tables do not have them (yet).
    pub unknown: u32,
    /// `succeeded` of `succeeded` and `failed`; `None` where there is neither.
    pub success_rate: Option<f64>,
}

/// One workflow (or plain action).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workflow {
    /// The action's ref; `None` where neither side knows it.
    pub workflow: Option<String>,
    /// How its executions went.
    #[serde(flatten)]
    pub counts: Counts,
    /// Of those that have ended.
    pub average_seconds: Option<f64>,
    /// Of those that have ended.
    pub p95_seconds: Option<f64>,
}

/// One UTC day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// The day.
    pub day: NaiveDate,
    /// How its executions went.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// The range's begin.
    #[serde(serialize_with = "time")]
    pub from: NaiveDateTime,
    /// The range's end, not in it.
    #[serde(serialize_with = "time")]
    pub to: NaiveDateTime,
    /// What the figures count.
    pub counted: &'static str,
    /// All workflows together.
    pub all: Counts,
    /// Most executions first.
    pub workflows: Vec<Workflow>,
    /// Newest first; days without executions are left out.
    pub days: Vec<Day>,
    /// Whether the executions could be read.
    pub execution_db: TablesState,
}

#[derive(Default)]
struct Tally {
    all: Counts,
    workflows: BTreeMap<Option<String>, (Counts, Sketch)>,
    days: BTreeMap<NaiveDate, Counts>,
}

impl History {
    /// The figures of a range.
    pub async fn stats(&self, range: Range) -> Result<Stats, HistoryError> {
        // Never closed, so never an error.
        let _turn = self.walks.acquire().await;
        let filter = LinkFilter { from: Some(range.from), to: Some(range.to), ..LinkFilter::default() };
        let begun = Instant::now();
        let mut tally = Tally::default();
        let mut execution_db = TablesState { available: true, detail: None };
        let mut window = Window { limit: CHUNK, after: None };
        loop {
            let filter = filter.clone();
            let (links, next) = self
                .ours(move |conn| {
                    let page = read::links(conn, &filter, window)?;
                    Ok((first_of_each(conn, page.rows)?, page.next))
                })
                .await?;
            let ids = links.iter().map(|link| link.st2_execution_id.clone()).collect();
            let (rows, state) = self.outcomes(ids).await;
            if !state.available {
                execution_db = state;
            }
            let rows: HashMap<String, Outcome> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
            for link in &links {
                tally.add(link, rows.get(&link.st2_execution_id));
            }
            window.after = next;
            if next.is_none() {
                return Ok(tally.stats(range, execution_db));
            }
            if begun.elapsed() > WALK_TIMEOUT {
                return Err(crate::database::DatabaseError::TooLong.into());
            }
        }
    }
}

/// Those of these links that are the first of their execution.
fn first_of_each(
    conn: &mut crate::database::connection::AnyConnection,
    links: Vec<ExecutionLink>,
) -> Result<Vec<ExecutionLink>, crate::database::DatabaseError> {
    let ids: Vec<String> = links.iter().map(|link| link.st2_execution_id.clone()).collect();
    let first = read::first_links(conn, &ids)?;
    Ok(links.into_iter().filter(|link| first.get(&link.st2_execution_id) == Some(&link.id)).collect())
}

impl Tally {
    fn add(&mut self, link: &ExecutionLink, row: Option<&Outcome>) {
        let workflow = row.and_then(|row| row.action.clone()).or_else(|| link.st2_action_ref.clone());
        let (counts, durations) = self.workflows.entry(workflow).or_default();
        let status = row.map(|row| row.status.as_deref().unwrap_or_default());
        counts.add(status);
        self.all.add(status);
        self.days.entry(link.created_at.date()).or_default().add(status);
        if let Some((start, end)) = row.and_then(|row| row.start_timestamp.zip(row.end_timestamp)) {
            durations.add(end - start);
        }
    }

    fn stats(self, range: Range, execution_db: TablesState) -> Stats {
        let workflow = |(workflow, (counts, durations)): (Option<String>, (Counts, Sketch))| Workflow {
            workflow,
            counts: counts.rated(),
            average_seconds: durations.average(),
            p95_seconds: durations.percentile(95),
        };
        let mut workflows: Vec<Workflow> = self.workflows.into_iter().map(workflow).collect();
        workflows.sort_by_key(|workflow| std::cmp::Reverse(workflow.counts.total));
        let day = |(day, counts): (NaiveDate, Counts)| Day { day, counts: counts.rated() };
        Stats {
            from: range.from.naive_utc(),
            to: range.to.naive_utc(),
            counted: COUNTED,
            all: self.all.rated(),
            workflows,
            days: self.days.into_iter().rev().map(day).collect(),
            execution_db,
        }
    }
}

impl Counts {
    /// `None`: there is no row.
    fn add(&mut self, status: Option<&str>) {
        use ExecutionStatus::{Abandoned, Canceled, Failed, Succeeded, Timeout};

        self.total += 1;
        // An empty one is the tracker's word for an execution that StackStorm deleted before anybody saw it.
        let Some(status) = status.filter(|status| !status.is_empty()) else {
            self.unknown += 1;
            return;
        };
        let place = match status.parse() {
            Ok(Succeeded) => &mut self.succeeded,
            Ok(Failed | Timeout | Abandoned) => &mut self.failed,
            Ok(Canceled) => &mut self.canceled,
            // Also a word of a StackStorm that is newer than this program.
            Ok(_) | Err(_) => &mut self.unfinished,
        };
        *place += 1;
    }

    fn rated(mut self) -> Self {
        let ended = self.succeeded + self.failed;
        self.success_rate = (ended > 0).then(|| f64::from(self.succeeded) / f64::from(ended));
        self
    }
}
