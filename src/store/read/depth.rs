//! The number of rows that are not final and the age of the oldest, for `/metrics` and `doctor`.

use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::status::DispatchStatus,
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp},
};

/// The rows of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The state.
    pub status: DispatchStatus,
    /// How many.
    pub rows: i64,
    /// Age of the oldest since it became pending, by the database's clock; 0 without rows.
    pub oldest_seconds: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    dispatch_status: DispatchStatus,
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<Timestamp>)]
    oldest: Option<NaiveDateTime>,
}

/// Every state that is not final, those without rows too.
pub fn read(conn: &mut AnyConnection) -> Result<Vec<Depth>, DatabaseError> {
    let now = transaction::now(conn)?;
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT dispatch_status, COUNT(*) AS n, MIN(pending_at) AS oldest FROM poundcake_alerts \
         WHERE dispatch_status IN ('pending', 'queued', 'held', 'dispatching', 'awaiting_execution') GROUP BY dispatch_status",
    )
    .load(conn)?;
    let depth = |status: DispatchStatus| {
        let row = rows.iter().find(|row| row.dispatch_status == status);
        let age = row.and_then(|row| row.oldest).map_or(0, |oldest| (now - oldest).num_seconds().max(0));
        Depth { status, rows: row.map_or(0, |row| row.n), oldest_seconds: age }
    };
    Ok(DispatchStatus::ALL.iter().filter(|status| !status.is_final()).map(|status| depth(*status)).collect())
}
