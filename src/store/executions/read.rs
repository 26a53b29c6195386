//! Reading `execution_db` by lists of ids.

use super::{
    super::{StoreError, any::AnyConnection},
    TablePrefix, Tracking,
    statement::load_by_ids,
};
use crate::clock;
use chrono::NaiveDateTime;
use diesel::{
    QueryableByName,
    result::{DatabaseErrorKind, Error},
    sql_types::{Nullable, Text, Timestamp},
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A row of `execution_db`.
#[derive(Debug, Clone, PartialEq, Serialize, QueryableByName)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct ExecutionRow {
    #[diesel(sql_type = Text)]
    pub id: String,
    /// The action's ref.
    #[diesel(sql_type = Nullable<Text>)]
    pub action: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "json")]
    pub parameters: Option<String>,
    /// StackStorm's word; `None` for one that StackStorm had deleted before it was ever seen.
    #[diesel(sql_type = Nullable<Text>)]
    pub status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "json")]
    pub result: Option<String>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    #[serde(serialize_with = "time")]
    pub start_timestamp: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    #[serde(serialize_with = "time")]
    pub end_timestamp: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    pub parent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "json")]
    pub context: Option<String>,
    #[diesel(sql_type = Text)]
    pub tracking: Tracking,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub enum Executions {
    /// The rows of those ids that have one, in no particular order.
    Rows(Vec<ExecutionRow>),
    /// The tables cannot be read, and why: not migrated, no SELECT granted, the other database is away.
    NotThere(String),
}

impl Executions {
    /// The rows, or none.
    pub fn into_rows(self) -> Vec<ExecutionRow> {
        match self {
            Self::Rows(rows) => rows,
            Self::NotThere(_) => Vec::new(),
        }
    }
}

/// The rows of these ids.
pub fn executions(conn: &mut AnyConnection, prefix: &TablePrefix, ids: &[String]) -> Result<Executions, StoreError> {
    match rows(conn, &prefix.table("execution_db"), ids) {
        Ok(rows) => Ok(Executions::Rows(rows)),
        Err(error) => match why_not_there(&error) {
            Some(why) => Ok(Executions::NotThere(why)),
            None => Err(error),
        },
    }
}

fn rows(conn: &mut AnyConnection, table: &str, ids: &[String]) -> Result<Vec<ExecutionRow>, StoreError> {
    let rows: Vec<ExecutionRow> = load_by_ids!(conn, ids, |marks| format!(
        "SELECT id, action, parameters, status, result, start_timestamp, end_timestamp, parent, context, tracking \
         FROM {table} WHERE id IN {marks}"
    ));
    Ok(rows)
}

/// A table, a column or the right to read them is missing: the server's own words (English: see `store::conn`).
pub(super) fn why_not_there(error: &StoreError) -> Option<String> {
    let StoreError::Query(Error::DatabaseError(DatabaseErrorKind::Unknown, info)) = error else { return None };
    let message = info.message();
    let missing = message.contains("doesn't exist")
        || message.contains("command denied to user")
        || message.contains("no such table")
        || message.contains("Unknown column")
        || message.contains("no such column");
    missing.then(|| format!("{message}; run: poundcake migrate up, and grant SELECT"))
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
pub(super) fn time<S: Serializer>(time: &Option<NaiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(clock::rfc3339).serialize(serializer)
}

/// The column's JSON as it is; what is none, by somebody else's hand, as the text it is.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn json<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(text) = text else { return serializer.serialize_none() };
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_str(text),
    }
}
