//! How things stand: what waits, what is held, what went wrong, and what settled last.

use super::{AlertEntry, History, HistoryError, kept::Kept, st2_rows::TablesState};
use crate::{
    database::{DatabaseError, connection::AnyConnection, page::Window},
    model::{
        pause::Pause,
        status::{DispatchReason, DispatchStatus},
    },
    st2_tables::{Tracking, tracking},
    store::{
        operate::{filter::Filter, pauses},
        processes::Process,
        read::{
            backlog::{self, Overdue},
            depth::{self, Depth},
        },
    },
};
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};

/// A process takes a row within seconds of its due time; a minute leaves room for load.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// How long a failure is news.
const LATELY: TimeDelta = TimeDelta::hours(1);
/// Rows that settled last.
const LAST: u16 = 12;
/// How long StackStorm's tables may take to say how many executions are followed.
const TABLES_TIMEOUT: Duration = Duration::from_secs(3);

/// What every page shows at its top is read once a second at most, however many people look, and is 5 s old at most.
pub(super) fn kept() -> Arc<Kept<(Standing, Vec<Process>)>> {
    Arc::new(Kept::new(Duration::from_secs(1), Duration::from_secs(5)))
}

/// Counts of rows by reason.
pub(super) type ByReason = Vec<(Option<DispatchReason>, i64)>;

/// Whether all is well: what every page says of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Rows on their way, by state.
    pub waiting: Vec<Depth>,
    /// Rows that a guard holds.
    pub held: ByReason,
    /// Failed rows of the last hour.
    pub failed_lately: i64,
    /// Rows that no process took when they were due.
    pub overdue: Vec<Overdue>,
    /// Pauses in force.
    pub pauses: Vec<Pause>,
}

/// How things stand, whole.
#[derive(Debug, Clone)]
pub struct Now {
    /// Whether all is well.
    pub standing: Standing,
    /// All failed rows.
    pub failed: ByReason,
    /// Rows that StackStorm may have run already.
    pub uncertain: i64,
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
                standing: standing(conn)?,
                failed: backlog::failed(conn)?,
                uncertain: backlog::uncertain(conn)?,
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

    /// Whether all is well, and the processes, as they were some seconds ago.
    pub async fn standing(&self) -> Result<Arc<(Standing, Vec<Process>)>, HistoryError> {
        let history = self.clone();
        self.standing.get(|| async move { Ok((history.ours(standing).await?, history.processes().await?)) }).await
    }

    async fn executions_overdue(&self) -> Option<i64> {
        let prefix = self.tables.prefix.clone();
        let counted = self.tables.store.run(move |conn| tracking::counts(conn, &prefix));
        let counts = tokio::time::timeout(TABLES_TIMEOUT, counted).await.ok()?.ok()?;
        counts.iter().find(|(tracking, _)| *tracking == Tracking::Overdue).map(|(_, executions)| *executions)
    }
}

fn standing(conn: &mut AnyConnection) -> Result<Standing, DatabaseError> {
    Ok(Standing {
        waiting: depth::read(conn)?,
        held: backlog::held(conn)?,
        failed_lately: backlog::failed_lately(conn, LATELY)?,
        overdue: backlog::overdue(conn, GRACE)?,
        pauses: pauses::in_force(conn)?,
    })
}
