//! Statistics of the executions of alerts, per workflow and per day.
//!
//! Our links in the time range are walked newest first, StackStorm's rows are read by id, and only counters
//! are kept: memory grows with the number of workflows and days, not of executions. The counters of whole days and hours whose
//! executions have all ended are kept in memory ([`pieces`]), so a question about a month walks the last hours only.

mod pieces;
mod tally;
mod walk;

pub(super) use pieces::Tallies;

use super::{History, HistoryError, st2_rows::TablesState};
use crate::{database::json::time, model::execution_status::ExecutionStatus};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde::Serialize;
use std::time::{Duration, Instant};
use tally::Tally;

/// How long the whole walk may take.
const WALK_TIMEOUT: Duration = Duration::from_secs(30);
/// How far back the counters are read before anybody asks.
const WARM: TimeDelta = TimeDelta::days(31);
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

impl History {
    /// The figures of a range.
    pub async fn stats(&self, range: Range) -> Result<Stats, HistoryError> {
        // Never closed, so never an error.
        let _turn = self.walks.acquire().await;
        let first = self.first_link().await?;
        self.tallies.forget_before(first);
        let begun = Instant::now();
        let mut all = Tally::default();
        let mut execution_db = TablesState { available: true, detail: None };
        for piece in pieces::of(range, first, crate::clock::utc_now()) {
            if begun.elapsed() > WALK_TIMEOUT {
                return Err(crate::database::DatabaseError::TooLong.into());
            }
            let (tally, state) = self.piece(piece, WALK_TIMEOUT.saturating_sub(begun.elapsed())).await?;
            all.merge(&tally);
            if !state.available {
                execution_db = state;
            }
        }
        Ok(all.stats(range, execution_db))
    }

    /// Reads the counters of the last month piece by piece, so that the first person who asks does not wait for all of them.
    pub async fn warm(&self) {
        let now = crate::clock::utc_now();
        let Some(range) = Range::new(Some((now - WARM).and_utc()), None) else { return };
        let Ok(first) = self.first_link().await else { return };
        for piece in pieces::of(range, first, now).into_iter().rev().filter(|piece| piece.is_kept) {
            // A database that is away now is asked again by the first person.
            if self.piece(piece, WALK_TIMEOUT).await.is_err() {
                return;
            }
        }
    }

    async fn first_link(&self) -> Result<Option<NaiveDateTime>, HistoryError> {
        Ok(self.ours(crate::store::read::first_link).await?)
    }
}

impl Counts {
    fn merge(&mut self, other: &Self) {
        self.total += other.total;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.canceled += other.canceled;
        self.unfinished += other.unfinished;
        self.unknown += other.unknown;
    }

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
