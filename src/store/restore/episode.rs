//! The episode of a row that is made again: what StackStorm ran last for a fingerprint is what is open now, as far as anybody
//! knows. If its alert has resolved since, the next firing starts later, and opens the next episode.

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::poundcake_alerts::{self, dsl},
    },
    model::{ids::AlertId, status::DispatchStatus},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

/// The row that is open.
#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Open {
    id: AlertId,
    starts_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    pending_at: Option<NaiveDateTime>,
    dispatch_status: DispatchStatus,
}

/// Whether a dispatch with this start, which ran at `begun`, is the one that is open. What was open before it is closed then: a
/// process closed it before it opened the next, in the time that the backup does not know.
///
/// A row that was not sent before its episode ended is not sent any more (`episodes::skip_if_ended`), so it must be closed after it
/// became pending.
pub(super) fn takes_over(
    conn: &mut AnyConnection,
    fingerprint: &str,
    (starts_at, begun): (Option<NaiveDateTime>, NaiveDateTime),
    now: NaiveDateTime,
) -> Result<bool, DatabaseError> {
    let Some(open) = find(conn, fingerprint)? else { return Ok(true) };
    let start = open.starts_at.unwrap_or(open.created_at);
    let ran_itself = open.dispatch_status == DispatchStatus::Dispatched && start >= starts_at.unwrap_or(begun);
    if start > begun || ran_itself {
        return Ok(false);
    }
    let closed_at = open.pending_at.map_or(now, |pending| now.max(pending + TimeDelta::microseconds(1)));
    diesel::update(dsl::poundcake_alerts.find(open.id))
        .set((dsl::open_fingerprint.eq(None::<String>), dsl::closed_at.eq(Some(closed_at)), dsl::updated_at.eq(now)))
        .execute(conn)?;
    Ok(true)
}

fn find(conn: &mut AnyConnection, fingerprint: &str) -> Result<Option<Open>, DatabaseError> {
    let query = dsl::poundcake_alerts.filter(dsl::open_fingerprint.eq(fingerprint));
    Ok(match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => query.for_update().select(Open::as_select()).first(conn).optional()?,
        // BEGIN IMMEDIATE holds the only write lock.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => query.select(Open::as_select()).first(conn).optional()?,
    })
}
