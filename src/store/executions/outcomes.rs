//! How executions went: `execution_db` without parameters, result and context, which may have megabytes.

use super::{
    super::{
        StoreError,
        any::{AnyConnection, each},
    },
    TablePrefix, Tracking,
    read::{time, why_not_there},
    statement::load_by_ids,
};
use chrono::NaiveDateTime;
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text, Timestamp},
};
use serde::Serialize;

/// Tasks of one execution that are read.
pub const CHILDREN: u16 = 200;

const COLUMNS: &str = "id, action, status, start_timestamp, end_timestamp, parent, tracking";

/// The columns of a row that are never large.
#[derive(Debug, Clone, PartialEq, Serialize, QueryableByName)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Outcome {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub action: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub status: Option<String>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    #[serde(serialize_with = "time")]
    pub start_timestamp: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    #[serde(serialize_with = "time")]
    pub end_timestamp: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    pub parent: Option<String>,
    #[diesel(sql_type = Text)]
    pub tracking: Tracking,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcomes {
    /// The rows that are there.
    Rows(Vec<Outcome>),
    /// The tables cannot be read, and why.
    NotThere(String),
}

/// The rows of these ids, in no particular order.
pub(super) fn of(conn: &mut AnyConnection, prefix: &TablePrefix, ids: &[String]) -> Result<Outcomes, StoreError> {
    let table = prefix.table("execution_db");
    let mut load = || -> Result<Vec<Outcome>, StoreError> {
        Ok(load_by_ids!(conn, ids, |marks| format!("SELECT {COLUMNS} FROM {table} WHERE id IN {marks}")))
    };
    or_why(load())
}

/// The rows whose parent this is.
pub(super) fn children(conn: &mut AnyConnection, prefix: &TablePrefix, parent: &str) -> Result<Outcomes, StoreError> {
    let table = prefix.table("execution_db");
    let sql = format!("SELECT {COLUMNS} FROM {table} WHERE parent = ? ORDER BY start_timestamp, id LIMIT {CHILDREN}");
    let rows = each!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(parent).load::<Outcome>(c));
    or_why(rows.map_err(StoreError::from))
}

fn or_why(rows: Result<Vec<Outcome>, StoreError>) -> Result<Outcomes, StoreError> {
    match rows {
        Ok(rows) => Ok(Outcomes::Rows(rows)),
        Err(error) => match why_not_there(&error) {
            Some(why) => Ok(Outcomes::NotThere(why)),
            None => Err(error),
        },
    }
}
