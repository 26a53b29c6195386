//! What a reader of `execution_db` saw, and when.

use anyhow::{Context, ensure};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    Connection, MysqlConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Nullable, Text, Timestamp},
};
use st2_stand_in::ExecutionView;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The states on the way.
const STATES: [&str; 5] = ["requested", "delayed", "scheduled", "running", "succeeded"];

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
    #[diesel(sql_type = Timestamp)]
    tracked_at: NaiveDateTime,
}

/// Per execution, when its row first showed each state or a later one.
type Times = HashMap<String, [Option<DateTime<Utc>>; STATES.len()]>;

/// The reader: it looks about twenty times a second, so a lag is up to that much too long.
pub(crate) struct Seen(Arc<Mutex<Times>>);

fn rank(status: &str) -> Option<usize> {
    STATES.iter().position(|state| *state == status)
}

impl Seen {
    /// Reads from now on.
    pub(crate) fn watch(url: String) -> Self {
        let times: Arc<Mutex<Times>> = Arc::default();
        let seen = Self(Arc::clone(&times));
        std::thread::spawn(move || {
            let Ok(mut conn) = MysqlConnection::establish(&url) else { return };
            // What was written since the last look, with some seconds for a COMMIT that came late.
            let sql = "SELECT id, status, tracked_at FROM execution_db WHERE tracked_at >= ? - INTERVAL 5 SECOND";
            let mut newest = DateTime::<Utc>::UNIX_EPOCH.naive_utc();
            // Its end is that of the program, or of the database.
            while let Ok(rows) = sql_query(sql).bind::<Timestamp, _>(newest).load::<Row>(&mut conn) {
                newest = rows.iter().map(|row| row.tracked_at).max().unwrap_or(newest).max(newest);
                note(&Self(Arc::clone(&times)), &rows);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many rows are at their end.
    pub(crate) fn ended(&self) -> usize {
        self.lock().values().filter(|times| times[STATES.len() - 1].is_some()).count()
    }

    /// The lag of every change, sorted.
    pub(crate) fn lags(&self, executions: &[ExecutionView]) -> anyhow::Result<Vec<Duration>> {
        let seen = self.lock();
        let mut lags = Vec::new();
        for execution in executions {
            let times = seen.get(&execution.id).with_context(|| format!("{} has no row", execution.id))?;
            let log = execution.document["log"].as_array().context("a log")?;
            ensure!(log.len() == STATES.len(), "{} went through {} states", execution.id, log.len());
            for entry in log {
                let state = entry["status"].as_str().and_then(rank).context("a state of the five")?;
                let at: DateTime<Utc> = entry["timestamp"].as_str().context("a time")?.parse()?;
                let seen_at =
                    times[state].with_context(|| format!("{} was never seen {}", execution.id, STATES[state]))?;
                lags.push((seen_at - at).to_std().unwrap_or_default());
            }
        }
        lags.sort_unstable();
        Ok(lags)
    }
}

fn note(seen: &Seen, rows: &[Row]) {
    let now = Utc::now();
    let mut seen = seen.lock();
    for row in rows {
        let Some(state) = row.status.as_deref().and_then(rank) else { continue };
        let times = seen.entry(row.id.clone()).or_default();
        for time in &mut times[..=state] {
            time.get_or_insert(now);
        }
    }
}
