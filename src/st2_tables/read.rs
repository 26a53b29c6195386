//! Reads `execution_db` by ids or by parent: whole rows, or without the columns that can have megabytes.

use super::{TablePrefix, Tracking, statement::load_by_ids};
use crate::database::{
    DatabaseError,
    connection::{AnyConnection, each},
    error_texts,
    json::{optional_json, optional_time},
};
use chrono::NaiveDateTime;
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text, Timestamp},
};
use serde::Serialize;

/// Tasks of one execution that are read.
pub const CHILDREN: u16 = 200;

const SHORT: &str = "id, action, status, start_timestamp, end_timestamp, parent, tracking";
const LARGE: &str = "parameters, result, context";

/// How an execution went: the columns of a row that are never large.
#[derive(Debug, Clone, PartialEq, Serialize, QueryableByName)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Outcome {
    #[diesel(sql_type = Text)]
    pub id: String,
    /// The action's ref.
    #[diesel(sql_type = Nullable<Text>)]
    pub action: Option<String>,
    /// StackStorm's word; `None` for one that StackStorm had deleted before it was ever seen.
    #[diesel(sql_type = Nullable<Text>)]
    pub status: Option<String>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    #[serde(serialize_with = "optional_time")]
    pub start_timestamp: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    #[serde(serialize_with = "optional_time")]
    pub end_timestamp: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    pub parent: Option<String>,
    #[diesel(sql_type = Text)]
    pub tracking: Tracking,
}

/// A row of `execution_db`.
#[derive(Debug, Clone, PartialEq, Serialize, QueryableByName)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct ExecutionRow {
    #[diesel(embed)]
    #[serde(flatten)]
    pub outcome: Outcome,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "optional_json")]
    pub parameters: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "optional_json")]
    pub result: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "optional_json")]
    pub context: Option<String>,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<T> {
    /// The rows that are there; by ids, in no particular order.
    Rows(Vec<T>),
    /// The tables cannot be read, and why: not migrated, no SELECT granted, the other database is away.
    NotThere(String),
}

/// The rows of these ids.
pub fn executions(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    ids: &[String],
) -> Result<Found<ExecutionRow>, DatabaseError> {
    let table = prefix.table("execution_db");
    let mut load =
        || Ok(load_by_ids!(conn, ids, |marks| format!("SELECT {SHORT}, {LARGE} FROM {table} WHERE id IN {marks}")));
    found(load())
}

/// The same without what may be large.
pub(crate) fn outcomes(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    ids: &[String],
) -> Result<Found<Outcome>, DatabaseError> {
    let table = prefix.table("execution_db");
    let mut load = || Ok(load_by_ids!(conn, ids, |marks| format!("SELECT {SHORT} FROM {table} WHERE id IN {marks}")));
    found(load())
}

/// The rows whose parent this is, in the order they started.
pub(crate) fn children(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    parent: &str,
) -> Result<Found<Outcome>, DatabaseError> {
    let table = prefix.table("execution_db");
    let sql = format!("SELECT {SHORT} FROM {table} WHERE parent = ? ORDER BY start_timestamp, id LIMIT {CHILDREN}");
    let rows = each!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(parent).load::<Outcome>(c));
    found(rows.map_err(DatabaseError::from))
}

fn found<T>(rows: Result<Vec<T>, DatabaseError>) -> Result<Found<T>, DatabaseError> {
    match rows {
        Ok(rows) => Ok(Found::Rows(rows)),
        Err(error) => match why_not_there(&error) {
            Some(why) => Ok(Found::NotThere(why)),
            None => Err(error),
        },
    }
}

/// A table, a column or the right to read them is missing: the server's own words (English: see `database::session`).
fn why_not_there(error: &DatabaseError) -> Option<String> {
    let DatabaseError::Query(error) = error else { return None };
    let message = error_texts::what_cannot_be_read(error)?;
    Some(format!("{message}; run: poundcake migrate up, and grant SELECT"))
}
