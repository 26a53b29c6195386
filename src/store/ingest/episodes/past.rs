//! The history of fingerprints before their open episodes: index lookups without locks.

use crate::{
    database::{DatabaseError, connection::AnyConnection, prepared::prepared},
    model::{
        episode::Closed,
        ids::Fingerprint,
        status::{DispatchReason, DispatchStatus},
    },
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Timestamp},
};
use std::collections::HashMap;

#[derive(QueryableByName)]
struct ClosedRow {
    #[diesel(sql_type = Text)]
    fingerprint: String,
    #[diesel(sql_type = Nullable<Timestamp>)]
    starts_at: Option<NaiveDateTime>,
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
    #[diesel(sql_type = Text)]
    dispatch_status: DispatchStatus,
    #[diesel(sql_type = Nullable<Text>)]
    dispatch_reason: Option<DispatchReason>,
    #[diesel(sql_type = Timestamp)]
    closed_at: NaiveDateTime,
}

/// One index dive per fingerprint, whatever the history holds: the order is the index's. The list travels as one JSON value.
///
/// Episodes that ran nothing of their own (`reopened`, `resolved_before_dispatch`) are passed over: the newest of the
/// others has the latest start too, since an episode only opens for a start later than theirs. Counting the former
/// would let a late twin of a dispatched firing run again.
///
/// What is not closed comes last in that order, and ends the search: going on past it, MariaDB would read the row that
/// happens to stand before this fingerprint in the index, from anywhere in the table. DISTINCT keeps the list of ids a
/// table of its own; merged into the join, each id would be searched for twice.
pub(crate) fn newest_closed(
    conn: &mut AnyConnection,
    fingerprints: &[&Fingerprint],
) -> Result<HashMap<Fingerprint, Closed>, DatabaseError> {
    if fingerprints.is_empty() {
        return Ok(HashMap::new());
    }
    let list = list_table(conn);
    let query = format!(
        "SELECT a.fingerprint, a.starts_at, a.created_at, a.dispatch_status, a.dispatch_reason, a.closed_at \
         FROM (SELECT DISTINCT (SELECT CASE WHEN b.closed_at IS NULL THEN NULL ELSE b.id END FROM poundcake_alerts AS b \
             WHERE b.fingerprint = f.value AND (b.closed_at IS NULL OR b.dispatch_reason IS NULL \
               OR b.dispatch_reason NOT IN ('reopened', 'resolved_before_dispatch')) \
             ORDER BY b.closed_at DESC, b.created_at DESC, b.id DESC LIMIT 1) AS id FROM {list}) AS newest \
         JOIN poundcake_alerts AS a ON a.id = newest.id"
    );
    let rows: Vec<ClosedRow> = prepared(diesel::sql_query(query).bind::<Text, _>(list_of(fingerprints))).load(conn)?;
    rows.into_iter().map(|row| Ok((parsed(&row.fingerprint)?, row.into()))).collect()
}

fn parsed(found: &str) -> Result<Fingerprint, DatabaseError> {
    Fingerprint::parse(found).ok_or_else(|| super::unreadable_fingerprint(found))
}

/// One bound JSON list as a table `f` of one column, `value`.
fn list_table(conn: &AnyConnection) -> &'static str {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => {
            "JSON_TABLE(?, '$[*]' COLUMNS (value VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')) AS f"
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => "json_each(?) AS f",
    }
}

fn list_of(fingerprints: &[&Fingerprint]) -> String {
    let names: Vec<&str> = fingerprints.iter().map(|fingerprint| fingerprint.as_str()).collect();
    serde_json::to_string(&names).unwrap_or_default()
}

#[derive(QueryableByName)]
struct HeardRow {
    #[diesel(sql_type = Text)]
    fingerprint: String,
}

/// Those that have a row older than their opener, or any row where nothing is open. Three index dives each: a closed
/// opener, the oldest of all other rows, the opener.
pub(crate) fn heard_before(
    conn: &mut AnyConnection,
    fingerprints: &[&Fingerprint],
) -> Result<Vec<Fingerprint>, DatabaseError> {
    if fingerprints.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT f.value AS fingerprint FROM {} \
         WHERE EXISTS (SELECT 1 FROM poundcake_alerts AS c WHERE c.fingerprint = f.value AND c.closed_at IS NOT NULL) \
         OR (SELECT b.id FROM poundcake_alerts AS b WHERE b.fingerprint = f.value AND b.closed_at IS NULL \
             ORDER BY b.created_at, b.id LIMIT 1) \
           < COALESCE((SELECT o.id FROM poundcake_alerts AS o WHERE o.open_fingerprint = f.value), {})",
        list_table(conn),
        i64::MAX
    );
    let rows: Vec<HeardRow> = prepared(diesel::sql_query(query).bind::<Text, _>(list_of(fingerprints))).load(conn)?;
    rows.iter().map(|row| parsed(&row.fingerprint)).collect()
}

impl From<ClosedRow> for Closed {
    fn from(row: ClosedRow) -> Self {
        Self {
            starts_at: row.starts_at,
            created_at: row.created_at,
            dispatch_status: row.dispatch_status,
            dispatch_reason: row.dispatch_reason,
            closed_at: row.closed_at,
        }
    }
}
