//! The executions that the tracker follows, and how far it has read the links.
//!
//! Rows that are not finished are found by the index on `tracking`; links that have no row yet stand behind a mark in
//! `tracker_state`. Both stay cheap however many finished executions there are.

use super::{
    TablePrefix, Tracking,
    schema::LEDGER,
    statement::{IDS, Value, execute, load_by_ids, marks},
    statuses, terminal_statuses,
};
use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        transaction,
    },
    model::execution_status::ExecutionStatus,
};
use chrono::TimeDelta;
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text},
};

const MARK: &str = "links_read_to";

/// A row that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Unfinished {
    /// The execution.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// The execution whose task it is.
    #[diesel(sql_type = Nullable<Text>)]
    pub parent: Option<String>,
}

/// An execution and what is done with it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Tracked {
    /// The execution.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// The column.
    #[diesel(sql_type = Text)]
    pub tracking: Tracking,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    tracking: Tracking,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The link up to which every one has its row in `execution_db`; 0 before the first.
pub fn read_to(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<i64, DatabaseError> {
    let sql = format!("SELECT value FROM {} WHERE name = '{MARK}'", prefix.table(LEDGER));
    let kept: Vec<Kept> = diesel::sql_query(sql).load(conn)?;
    let Some(Kept { value }) = kept.first() else { return Ok(0) };
    Ok(value.parse().unwrap_or_else(|error: std::num::ParseIntError| {
        log::error!(
            event = "row_unreadable", value, error:%;
            "{MARK} of tracker_state is not a number; reading all links again"
        );
        0
    }))
}

/// Moves the mark. Any value that was true stays true, so two trackers may overwrite each other's.
pub fn set_read_to(conn: &mut AnyConnection, prefix: &TablePrefix, link_id: i64) -> Result<(), DatabaseError> {
    let ledger = prefix.table(LEDGER);
    let conflict = if conn.is_single_writer() { "ON CONFLICT (name) DO UPDATE SET" } else { "ON DUPLICATE KEY UPDATE" };
    let sql =
        format!("INSERT INTO {ledger} (name, value) VALUES ('{MARK}', '{link_id}') {conflict} value = '{link_id}'");
    execute(conn, sql, [])?;
    Ok(())
}

/// Every row that is not finished.
pub fn unfinished(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<Vec<Unfinished>, DatabaseError> {
    let table = prefix.table("execution_db");
    let sql = format!("SELECT id, parent FROM {table} WHERE tracking IN ('following', 'overdue')");
    Ok(diesel::sql_query(sql).load(conn)?)
}

/// What is done with those of these executions that have a row.
pub fn tracked(conn: &mut AnyConnection, prefix: &TablePrefix, ids: &[String]) -> Result<Vec<Tracked>, DatabaseError> {
    let table = prefix.table("execution_db");
    let rows: Vec<Tracked> =
        load_by_ids!(conn, ids, |marks| format!("SELECT id, tracking FROM {table} WHERE id IN {marks}"));
    Ok(rows)
}

/// Ended executions whose children are all there.
pub fn finish(conn: &mut AnyConnection, prefix: &TablePrefix, ids: &[String]) -> Result<(), DatabaseError> {
    let (table, terminal) = (prefix.table("execution_db"), terminal_statuses());
    for chunk in ids.chunks(IDS) {
        let sql = format!(
            "UPDATE {table} SET tracking = 'done' WHERE status IN ({terminal}) AND id IN {}",
            marks(chunk.len())
        );
        execute(conn, sql, chunk.iter().map(|id| Value::from(id.as_str())))?;
    }
    Ok(())
}

/// Marks what has been unfinished for longer than the deadline, and says which were not marked yet. Those that wait for a
/// person (`paused`, `pending`) or for their own delay are left out.
pub fn mark_overdue(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    deadline: TimeDelta,
) -> Result<Vec<String>, DatabaseError> {
    let table = prefix.table("execution_db");
    let before = transaction::now(conn)? - deadline;
    let moving = statuses(ExecutionStatus::is_moving);
    let sql = format!(
        "SELECT id, tracking FROM {table} WHERE tracking = 'following' AND start_timestamp < ? AND status IN ({moving})"
    );
    let overdue: Vec<Tracked> = diesel::sql_query(sql).bind::<diesel::sql_types::Timestamp, _>(before).load(conn)?;
    let ids: Vec<String> = overdue.into_iter().map(|row| row.id).collect();
    let terminal = terminal_statuses();
    for chunk in ids.chunks(IDS) {
        let sql = format!(
            "UPDATE {table} SET tracking = 'overdue' WHERE tracking = 'following' AND status NOT IN ({terminal}) AND id IN {}",
            marks(chunk.len())
        );
        execute(conn, sql, chunk.iter().map(|id| Value::from(id.as_str())))?;
    }
    Ok(ids)
}

/// How many rows are followed, and how many overdue, in this order.
pub fn counts(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<[(Tracking, i64); 2], DatabaseError> {
    let table = prefix.table("execution_db");
    let sql = format!(
        "SELECT tracking, COUNT(*) AS n FROM {table} WHERE tracking IN ('following', 'overdue') GROUP BY tracking"
    );
    let rows: Vec<Counted> = each!(conn, |c| diesel::sql_query(sql).load(c))?;
    let count = |tracking| (tracking, rows.iter().find(|row| row.tracking == tracking).map_or(0, |row| row.n));
    Ok([count(Tracking::Following), count(Tracking::Overdue)])
}
