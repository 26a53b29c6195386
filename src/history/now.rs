//! How things stand: what waits, what is held, what went wrong, and what settled last.

use super::{AlertEntry, History, HistoryError, st2_rows::TablesState};
use crate::{
    database::page::Window,
    model::{
        pause::Pause,
        status::{DispatchReason, DispatchStatus},
    },
    st2_tables::{Tracking, tracking},
    store::{
        operate::{filter::Filter, pauses},
        read::{
            backlog::{self, Overdue},
            depth::{self, Depth},
        },
    },
};
use chrono::TimeDelta;
use std::time::Duration;

/// A process takes a row within seconds of its due time; a minute leaves room for load.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// How long a failure is news.
const LATELY: TimeDelta = TimeDelta::hours(1);
/// Rows that settled last.
const LAST: u16 = 12;
/// How long StackStorm's tables may take to say how many executions are followed.
const TABLES_TIMEOUT: Duration = Duration::from_secs(3);

/// Counts of rows by reason.
pub(super) type ByReason = Vec<(Option<DispatchReason>, i64)>;

/// How things stand.
#[derive(Debug, Clone)]
pub struct Now {
    /// Rows on their way, by state.
    pub waiting: Vec<Depth>,
    /// Rows that a guard holds.
    pub held: ByReason,
    /// All failed rows.
    pub failed: ByReason,
    /// Failed rows of the last hour.
    pub failed_lately: i64,
    /// Rows that StackStorm may have run already.
    pub uncertain: i64,
    /// Rows that no process took when they were due.
    pub overdue: Vec<Overdue>,
    /// Pauses in force.
    pub pauses: Vec<Pause>,
    /// Executions that take longer than they may; `None` where StackStorm's tables cannot be read.
    pub executions_overdue: Option<i64>,
    /// Rows of a final state, newest first.
    pub settled: Vec<AlertEntry>,
    /// Whether the executions could be read.
    pub execution_db: TablesState,
}

impl History {
    /// How things stand now.
    pub async fn now(&self) -> Result<Now, HistoryError> {
        let counted = self.ours(|conn| {
            Ok(Now {
                waiting: depth::read(conn)?,
                held: backlog::held(conn)?,
                failed: backlog::failed(conn)?,
                failed_lately: backlog::failed_lately(conn, LATELY)?,
                uncertain: backlog::uncertain(conn)?,
                overdue: backlog::overdue(conn, GRACE)?,
                pauses: pauses::in_force(conn)?,
                executions_overdue: None,
                settled: Vec::new(),
                execution_db: TablesState::default(),
            })
        });
        let mut now = counted.await?;
        now.executions_overdue = self.executions_overdue().await;
        for status in DispatchStatus::ALL.iter().filter(|status| status.is_final()) {
            let filter = Filter { dispatch_status: Some(*status), ..Filter::default() };
            let page = self.alerts(filter, Window { limit: LAST, after: None }).await?;
            now.settled.extend(page.rows);
            now.execution_db = page.execution_db.unwrap_or_default();
        }
        now.settled.sort_by_key(|entry| std::cmp::Reverse((entry.alert.created_at, entry.alert.id)));
        now.settled.truncate(usize::from(LAST));
        Ok(now)
    }

    async fn executions_overdue(&self) -> Option<i64> {
        let prefix = self.tables.prefix.clone();
        let counted = self.tables.store.run(move |conn| tracking::counts(conn, &prefix));
        let counts = tokio::time::timeout(TABLES_TIMEOUT, counted).await.ok()?.ok()?;
        counts.iter().find(|(tracking, _)| *tracking == Tracking::Overdue).map(|(_, executions)| *executions)
    }
}
