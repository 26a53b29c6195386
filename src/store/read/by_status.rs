//! How many alerts of each state a list would show: up to a number beyond which a person no longer counts.

use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::status::DispatchStatus,
};
use chrono::NaiveDateTime;
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text, Timestamp},
};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Alerts of each state that were stored since then; `most` stands for that many or more.
///
/// From the index of states alone, and never more than `most` entries of a final state, however long the history.
pub fn by_status(
    conn: &mut AnyConnection,
    since: Option<NaiveDateTime>,
    most: u16,
) -> Result<Vec<(DispatchStatus, i64)>, DatabaseError> {
    let since = since.unwrap_or(chrono::DateTime::UNIX_EPOCH.naive_utc());
    let count = |status: &DispatchStatus| {
        let settled = if status.is_final() { "AND next_attempt_at IS NULL " } else { "" };
        let count: Count = sql_query(format!(
            "SELECT COUNT(*) AS n FROM (SELECT 1 FROM poundcake_alerts \
             WHERE dispatch_status = ? {settled}AND created_at >= ? LIMIT ?) c"
        ))
        .bind::<Text, _>(status.as_str())
        .bind::<Timestamp, _>(since)
        .bind::<BigInt, _>(i64::from(most))
        .get_result(conn)?;
        Ok((*status, count.n))
    };
    DispatchStatus::ALL.iter().map(count).collect()
}
