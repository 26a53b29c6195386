//! What came and what ran, by minute or by hour: for charts.

use crate::database::{DatabaseError, connection::AnyConnection, transaction};
use chrono::{NaiveDateTime, TimeDelta, Timelike};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text, Timestamp},
};

/// How wide a bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 60 bars: the last hour.
    Minute,
    /// 24 bars: the last day.
    Hour,
}

impl Step {
    /// How many bars.
    pub const fn bars(self) -> i32 {
        match self {
            Self::Minute => 60,
            Self::Hour => 24,
        }
    }

    /// A bar's time.
    pub const fn length(self) -> TimeDelta {
        match self {
            Self::Minute => TimeDelta::minutes(1),
            Self::Hour => TimeDelta::hours(1),
        }
    }

    /// Characters of `2026-11-28 03:14` or `2026-11-28 03` that name a bar, the same on both databases.
    const fn width(self) -> i64 {
        match self {
            Self::Minute => 16,
            Self::Hour => 13,
        }
    }

    /// The name of the bar that holds this time.
    pub fn name(self, at: NaiveDateTime) -> String {
        at.format(if matches!(self, Self::Minute) { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H" }).to_string()
    }

    /// When the bar that holds this time begins.
    pub fn begin(self, at: NaiveDateTime) -> NaiveDateTime {
        let minute = at.with_second(0).and_then(|at| at.with_nanosecond(0)).unwrap_or(at);
        match self {
            Self::Minute => minute,
            Self::Hour => minute.with_minute(0).unwrap_or(minute),
        }
    }
}

/// A bar's part.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Part {
    /// [`Step::name`].
    #[diesel(sql_type = Text)]
    pub at: String,
    /// A status; empty for webhooks.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// All parts of the three charts.
#[derive(Debug, Clone, Default)]
pub struct Rhythm {
    /// Webhooks.
    pub webhooks: Vec<Part>,
    /// Alerts, by where their dispatch stands.
    pub alerts: Vec<Part>,
    /// Executions, by how they ended.
    pub executions: Vec<Part>,
}

/// Reads them, up to the bar that holds the database's time now; that time comes with them.
pub fn rhythm(conn: &mut AnyConnection, step: Step) -> Result<(NaiveDateTime, Rhythm), DatabaseError> {
    let now = transaction::now(conn)?;
    let since = step.begin(now) - step.length() * (step.bars() - 1);
    let mut read = |from: &str| -> Result<Vec<Part>, DatabaseError> {
        // The columns and conditions are ours; the time is bound.
        let sql = format!("SELECT SUBSTR(created_at, 1, {}) AS at, {from} GROUP BY 1, 2", step.width());
        Ok(sql_query(sql).bind::<Timestamp, _>(since).load(conn)?)
    };
    Ok((
        now,
        Rhythm {
            webhooks: read(
                "'' AS status, COUNT(*) AS n FROM poundcake_api_calls WHERE created_at >= ? AND method = 'POST' AND ordered_at IS NULL",
            )?,
            alerts: read("dispatch_status AS status, COUNT(*) AS n FROM poundcake_alerts WHERE created_at >= ?")?,
            executions: read(
                "CASE WHEN ended_at IS NULL THEN 'running' ELSE COALESCE(end_status, 'unknown') END AS status, COUNT(*) AS n \
             FROM poundcake_st2_execution_link WHERE created_at >= ?",
            )?,
        },
    ))
}
