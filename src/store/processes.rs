//! The rows of running processes: what one process tells the others. They are no webhooks and no orders, and never on the path
//! of an alert.
//!
//! A row is written every few seconds and deleted when its process ends. Of a process that was killed it stays, and is stale.
//! Ids of these rows are below the guard row's (-1), so the primary key finds them whatever else the table holds.

use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        json::{json, time},
        schema::poundcake_api_calls::{self, dsl},
        transaction,
    },
    model::{
        ids::{ApiCallId, RequestId},
        truncate::column,
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

/// The method of these rows.
const METHOD: &str = "PROCESS";
/// Ids of these rows are below this one.
const BELOW: ApiCallId = ApiCallId(-1);
/// Characters of `path`.
const PATH: usize = 255;
/// A process whose row is older has ended, or cannot reach the database.
const STALE: TimeDelta = TimeDelta::seconds(30);
/// A process that was killed is shown for so long.
const SHOWN: TimeDelta = TimeDelta::hours(1);

/// The row that a process writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    /// Its own, for as long as it runs.
    pub id: ApiCallId,
    /// `/ROLE/INSTANCE`.
    pub path: String,
    /// What it tells, as JSON.
    pub body: String,
}

/// A process as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// `ingest`, `dispatcher`, `tracker` or `standalone`.
    pub role: String,
    /// Its host and process id.
    pub instance: String,
    /// When it last wrote its row, by the database's clock.
    #[serde(serialize_with = "time")]
    pub seen_at: NaiveDateTime,
    /// It has not written its row for 30 s: it was killed, or it cannot reach the database.
    pub stale: bool,
    /// What it tells: `heartbeat::Facts`.
    #[serde(serialize_with = "json")]
    pub facts: String,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_api_calls)]
struct NewRow<'a> {
    id: ApiCallId,
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    headers: &'a str,
    body: &'a str,
    status_code: i32,
    operator: &'a str,
    created_at: NaiveDateTime,
}

/// An id for the row of a process that starts. Two processes with one id are as likely as two equal UUIDs' halves.
pub fn new_id() -> ApiCallId {
    ApiCallId(-rand::random_range(2..i64::MAX))
}

/// Writes a process's row, new or again; deletes those of processes that ended long ago without deleting theirs.
pub fn write(conn: &mut AnyConnection, row: &ProcessRow) -> Result<(), DatabaseError> {
    let now = transaction::now(conn)?;
    let written = diesel::update(dsl::poundcake_api_calls.find(row.id))
        .set((dsl::body.eq(&row.body), dsl::created_at.eq(now)))
        .execute(conn)?;
    if written > 0 {
        return Ok(());
    }
    let old = dsl::poundcake_api_calls.filter(dsl::id.lt(BELOW)).filter(dsl::created_at.lt(now - SHOWN));
    diesel::delete(old).execute(conn)?;
    let request_id = RequestId::generate();
    let path = column(&row.path, PATH);
    let new = NewRow {
        id: row.id,
        request_id: request_id.as_str(),
        method: METHOD,
        path: &path,
        headers: "{}",
        body: &row.body,
        status_code: 0,
        operator: "poundcake",
        created_at: now,
    };
    each!(conn, |c| diesel::insert_into(poundcake_api_calls::table).values(&new).execute(c))?;
    Ok(())
}

/// Deletes the row of a process that ends.
pub fn delete(conn: &mut AnyConnection, id: ApiCallId) -> Result<(), DatabaseError> {
    diesel::delete(dsl::poundcake_api_calls.find(id)).execute(conn)?;
    Ok(())
}

/// The processes that write their row, and those that stopped within the last hour without deleting it, by role and instance.
pub fn read(conn: &mut AnyConnection) -> Result<Vec<Process>, DatabaseError> {
    let now = transaction::now(conn)?;
    let rows: Vec<(String, String, NaiveDateTime)> = dsl::poundcake_api_calls
        .filter(dsl::id.lt(BELOW))
        .filter(dsl::created_at.ge(now - SHOWN))
        .order((dsl::path, dsl::created_at))
        .select((dsl::path, dsl::body, dsl::created_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(path, facts, seen_at)| process(&path, facts, seen_at, now)).collect())
}

/// When each process has written its row, whether it runs or not: a row that changes is one of a process that runs.
pub fn beats(conn: &mut AnyConnection) -> Result<Vec<(ApiCallId, String, NaiveDateTime)>, DatabaseError> {
    let rows = dsl::poundcake_api_calls.filter(dsl::id.lt(BELOW)).order(dsl::id);
    Ok(rows.select((dsl::id, dsl::path, dsl::created_at)).load(conn)?)
}

fn process(path: &str, facts: String, seen_at: NaiveDateTime, now: NaiveDateTime) -> Process {
    let (role, instance) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    Process { role: role.to_owned(), instance: instance.to_owned(), seen_at, stale: now - seen_at > STALE, facts }
}

/// The server that answers this connection, as `host:port`; `None` on SQLite. Behind a proxy for several nodes it tells them
/// apart.
pub fn database_node(conn: &mut AnyConnection) -> Result<Option<String>, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let node = diesel::dsl::sql::<diesel::sql_types::Text>("CONCAT(@@hostname, ':', @@port)");
            Ok(Some(diesel::select(node).get_result(conn)?))
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(None),
    }
}
