//! Queries of `doctor` and of the operator page: rows that are overdue, failed, held or uncertain.

use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::status::{DispatchReason, DispatchStatus},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text, Timestamp},
};

#[derive(QueryableByName)]
#[cfg(feature = "mysql")]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The server's version and the client library's; `None` on SQLite, which is compiled in.
pub fn versions(conn: &mut AnyConnection) -> Result<Option<String>, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let server: Version = diesel::sql_query("SELECT VERSION() AS version").get_result(conn)?;
            let library =
                crate::database::client_library::name_and_version().unwrap_or_else(|| "of unknown version".to_owned());
            Ok(Some(format!("server {}, client library {library}", server.version)))
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(None),
    }
}

/// Rows of one state whose due time has passed by more than was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// The state.
    pub status: DispatchStatus,
    /// How many.
    pub rows: i64,
    /// How long the first of them has been due.
    pub oldest_seconds: i64,
}

#[derive(QueryableByName)]
struct OverdueRow {
    #[diesel(sql_type = Text)]
    dispatch_status: DispatchStatus,
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<Timestamp>)]
    oldest: Option<NaiveDateTime>,
}

/// Rows that were due `grace` ago and that no process has taken, by the database's clock.
pub fn overdue(conn: &mut AnyConnection, grace: TimeDelta) -> Result<Vec<Overdue>, DatabaseError> {
    let now = transaction::now(conn)?;
    let rows: Vec<OverdueRow> = diesel::sql_query(
        "SELECT dispatch_status, COUNT(*) AS n, MIN(next_attempt_at) AS oldest FROM poundcake_alerts \
         WHERE dispatch_status IN ('pending', 'queued', 'held', 'dispatching', 'awaiting_execution') AND next_attempt_at < ? \
         GROUP BY dispatch_status ORDER BY dispatch_status",
    )
    .bind::<Timestamp, _>(now - grace)
    .load(conn)?;
    let overdue = |row: OverdueRow| Overdue {
        status: row.dispatch_status,
        rows: row.n,
        oldest_seconds: row.oldest.map_or(0, |oldest| (now - oldest).num_seconds()),
    };
    Ok(rows.into_iter().map(overdue).collect())
}

#[derive(QueryableByName)]
struct OfReason {
    #[diesel(sql_type = Nullable<Text>)]
    dispatch_reason: Option<DispatchReason>,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Failed rows by reason. Only failed rows have these reasons, so the index of reasons answers alone, however many rows failed.
pub fn failed(conn: &mut AnyConnection) -> Result<Vec<(Option<DispatchReason>, i64)>, DatabaseError> {
    let rows: Vec<OfReason> = diesel::sql_query(
        "SELECT dispatch_reason, COUNT(*) AS n FROM poundcake_alerts WHERE dispatch_reason IN \
         ('rejected', 'attempts_exhausted', 'expired', 'uncertain', 'rule_failed') \
         GROUP BY dispatch_reason ORDER BY dispatch_reason",
    )
    .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.dispatch_reason, row.n)).collect())
}

/// How many of the rows that were stored in the last `since` have failed, by the database's clock.
pub fn failed_lately(conn: &mut AnyConnection, since: TimeDelta) -> Result<i64, DatabaseError> {
    let now = transaction::now(conn)?;
    let count: Count = diesel::sql_query(
        "SELECT COUNT(*) AS n FROM poundcake_alerts \
         WHERE dispatch_status = 'failed' AND next_attempt_at IS NULL AND created_at >= ?",
    )
    .bind::<Timestamp, _>(now - since)
    .get_result(conn)?;
    Ok(count.n)
}

/// Held rows by the guard that holds them.
pub fn held(conn: &mut AnyConnection) -> Result<Vec<(Option<DispatchReason>, i64)>, DatabaseError> {
    let rows: Vec<OfReason> = diesel::sql_query(
        "SELECT dispatch_reason, COUNT(*) AS n FROM poundcake_alerts WHERE dispatch_status = 'held' \
         GROUP BY dispatch_reason ORDER BY dispatch_reason",
    )
    .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.dispatch_reason, row.n)).collect())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Rows that are not final and that StackStorm may have run already: they are looked up before anything is posted.
pub fn uncertain(conn: &mut AnyConnection) -> Result<i64, DatabaseError> {
    let count: Count = diesel::sql_query(
        "SELECT COUNT(*) AS n FROM poundcake_alerts WHERE dispatch_uncertain = 1 \
         AND dispatch_status IN ('pending', 'queued', 'held', 'dispatching', 'awaiting_execution')",
    )
    .get_result(conn)?;
    Ok(count.n)
}

/// How many rows guards have held for more than 10 minutes, if no alert was resolved in the last 24 h; else 0.
pub fn held_without_resolves(conn: &mut AnyConnection) -> Result<i64, DatabaseError> {
    let now = transaction::now(conn)?;
    let held: Count = diesel::sql_query(
        "SELECT COUNT(*) AS n FROM poundcake_alerts WHERE dispatch_status = 'held' AND pending_at < ? \
         AND NOT EXISTS (SELECT 1 FROM poundcake_alerts r WHERE r.created_at > ? AND r.status = 'resolved')",
    )
    .bind::<Timestamp, _>(now - TimeDelta::minutes(10))
    .bind::<Timestamp, _>(now - TimeDelta::hours(24))
    .get_result(conn)?;
    Ok(held.n)
}
