//! Rows that are due: what the relay publishes, and what a confirm changes.
//!
//! `next_attempt_at` is moved before anything is published, in a transaction that does nothing else; so a relay that
//! dies in between only delays, and two relays never publish the same row at once.

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, update},
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls,
        },
        transaction,
    },
    model::{
        ids::{AlertId, ApiCallId, RequestId},
        status::DispatchStatus,
    },
    store::{
        ingest::alerts::status,
        unreadable::{self, Unreadable},
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// How long a row belongs to the publisher that took it before a relay publishes it again.
pub const RELAY_AFTER: TimeDelta = TimeDelta::seconds(15);
/// `claimed_by` of a row that a relay took because it was due: its message may be consumed before the confirm is marked,
/// and must then be claimable although the due time has been moved.
pub(crate) const RELAYED: &str = "relay";
/// `queued` rows are due again after the time they have waited already, within these bounds.
const QUEUED_SHORTEST: TimeDelta = TimeDelta::minutes(5);
const QUEUED_LONGEST: TimeDelta = TimeDelta::hours(1);

/// A row that is to be published, as it was read: the confirm only counts while these still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The row.
    pub alert_id: AlertId,
    /// Its webhook.
    pub request_id: RequestId,
    /// Its generation.
    pub generation: i32,
    /// When it became pending.
    pub pending_at: NaiveDateTime,
    /// Its due time, moved already.
    pub next_attempt_at: NaiveDateTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct DueRow {
    id: AlertId,
    api_call_id: ApiCallId,
    dispatch_generation: i32,
    created_at: NaiveDateTime,
    pending_at: Option<NaiveDateTime>,
    next_attempt_at: Option<NaiveDateTime>,
}

/// What one look took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// To be published.
    pub due: Vec<Due>,
    /// Rows that were due, with those that cannot be read.
    pub looked_at: usize,
}

/// Takes up to `limit` rows of one state that are due, oldest first, and moves their due time; others skip them.
/// One state at a time: over several states MariaDB would sort, and lock what it sorts (measured).
pub fn take(conn: &mut AnyConnection, status: DispatchStatus, limit: i64) -> Result<Taken, DatabaseError> {
    let (due, unreadable) = transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let rows = lock_due(conn, status, limit, now)?;
        let ids: Vec<AlertId> = rows.iter().map(|row| row.id).collect();
        let next = now + RELAY_AFTER;
        diesel::update(dsl::poundcake_alerts.filter(dsl::id.eq_any(&ids)))
            .set((dsl::next_attempt_at.eq(Some(next)), dsl::claimed_by.eq(Some(RELAYED))))
            .execute(conn)?;
        let rows = rows.into_iter().map(|row| DueRow { next_attempt_at: Some(next), ..row }).collect();
        let (due, unreadable) = with_requests(conn, rows)?;
        unreadable::put_off(conn, &unreadable, now)?;
        Ok((due, unreadable))
    })?;
    unreadable::report(&unreadable);
    Ok(Taken { looked_at: due.len() + unreadable.len(), due })
}

fn lock_due(
    conn: &mut AnyConnection,
    status: DispatchStatus,
    limit: i64,
    now: NaiveDateTime,
) -> Result<Vec<DueRow>, DatabaseError> {
    let query = dsl::poundcake_alerts
        .filter(dsl::dispatch_status.eq(status))
        .filter(dsl::next_attempt_at.le(now))
        .order(dsl::next_attempt_at)
        .limit(limit);
    Ok(match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => query.for_update().skip_locked().select(DueRow::as_select()).load(conn)?,
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => query.select(DueRow::as_select()).load(conn)?,
    })
}

/// The rows of these ids, as they are. One that cannot be read is left to the relay, which says so.
pub(crate) fn of_alerts(conn: &mut AnyConnection, ids: &[AlertId]) -> Result<Vec<Due>, DatabaseError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)).select(DueRow::as_select()).load(conn)?;
    with_requests(conn, rows).map(|(due, _unreadable)| due)
}

fn with_requests(conn: &mut AnyConnection, rows: Vec<DueRow>) -> Result<(Vec<Due>, Vec<Unreadable>), DatabaseError> {
    let calls: Vec<ApiCallId> = rows.iter().map(|row| row.api_call_id).collect();
    let requests: HashMap<ApiCallId, String> = poundcake_api_calls::table
        .filter(poundcake_api_calls::id.eq_any(calls))
        .select((poundcake_api_calls::id, poundcake_api_calls::request_id))
        .load::<(ApiCallId, String)>(conn)?
        .into_iter()
        .collect();
    let (mut all, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match due(&row, requests.get(&row.api_call_id).map(String::as_str)) {
            Ok(due) => all.push(due),
            Err(row) => unreadable.push(row),
        }
    }
    Ok((all, unreadable))
}

fn due(row: &DueRow, request_id: Option<&str>) -> Result<Due, Unreadable> {
    let no_due_time = || Unreadable::new(row.id, "next_attempt_at is NULL although the row waits".to_owned());
    Ok(Due {
        alert_id: row.id,
        request_id: unreadable::request_id(row.id, row.api_call_id, request_id)?,
        generation: row.dispatch_generation,
        pending_at: row.pending_at.unwrap_or(row.created_at),
        next_attempt_at: row.next_attempt_at.ok_or_else(no_due_time)?,
    })
}

/// After the confirm: `queued`, unless a dispatcher has claimed the row already or anybody else moved it.
/// Returns how many rows changed.
pub fn mark_queued(conn: &mut AnyConnection, published: &[Due]) -> Result<usize, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let mut marked = 0;
        for ((generation, read, next), ids) in groups(published, now) {
            let unmoved = dsl::dispatch_generation.eq(generation).and(dsl::next_attempt_at.eq(read).assume_not_null());
            let unclaimed = status().eq(DispatchStatus::Pending).or(status().eq(DispatchStatus::Queued));
            let queued = (
                dsl::dispatch_status.eq(DispatchStatus::Queued),
                dsl::next_attempt_at.eq(Some(next)),
                dsl::claimed_by.eq(None::<String>),
                dsl::updated_at.eq(now),
            );
            marked += update(among(ids).and(unmoved).and(unclaimed), queued).execute(conn)?;
        }
        Ok(marked)
    })
}

/// Rows that change alike: one UPDATE each, ids ascending.
fn groups(published: &[Due], now: NaiveDateTime) -> BTreeMap<(i32, NaiveDateTime, NaiveDateTime), Vec<AlertId>> {
    let mut groups: BTreeMap<_, Vec<AlertId>> = BTreeMap::new();
    for due in published {
        let key = (due.generation, due.next_attempt_at, queued_until(due.pending_at, now));
        groups.entry(key).or_default().push(due.alert_id);
    }
    for ids in groups.values_mut() {
        ids.sort_unstable();
    }
    groups
}

/// Cut to whole minutes of waiting, so that rows of about the same age share one UPDATE.
fn queued_until(pending_at: NaiveDateTime, now: NaiveDateTime) -> NaiveDateTime {
    let waited = TimeDelta::minutes((now - pending_at).num_minutes());
    now + waited.clamp(QUEUED_SHORTEST, QUEUED_LONGEST)
}

/// The broker lost its queue: all `queued` rows are due now. In chunks, so that nothing is locked for long.
pub fn requeue_all(conn: &mut AnyConnection) -> Result<usize, DatabaseError> {
    const CHUNK: i64 = 1_000;
    let mut moved = 0;
    let mut after = AlertId(0);
    loop {
        let chunk = transaction::write(conn, |conn| {
            let now = transaction::now(conn)?;
            let ids: Vec<AlertId> = dsl::poundcake_alerts
                .filter(dsl::dispatch_status.eq(DispatchStatus::Queued))
                .filter(dsl::id.gt(after))
                .order(dsl::id)
                .limit(CHUNK)
                .select(dsl::id)
                .load(conn)?;
            diesel::update(
                dsl::poundcake_alerts.filter(dsl::id.eq_any(&ids)).filter(status().eq(DispatchStatus::Queued)),
            )
            .set(dsl::next_attempt_at.eq(Some(now)))
            .execute(conn)?;
            Ok(ids)
        })?;
        let Some(last) = chunk.last() else { return Ok(moved) };
        after = *last;
        moved += chunk.len();
    }
}

/// Claims whose lease has ended go back to `pending`, due now and still uncertain: their dispatcher died or hangs, and
/// the next claim looks them up before it posts. Returns how many.
pub fn expire_leases(conn: &mut AnyConnection, limit: i64) -> Result<usize, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let ids: Vec<AlertId> =
            lock_due(conn, DispatchStatus::Dispatching, limit, now)?.into_iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        Ok(diesel::update(
            dsl::poundcake_alerts
                .filter(dsl::id.eq_any(ids))
                .filter(dsl::dispatch_status.eq(DispatchStatus::Dispatching))
                .filter(dsl::next_attempt_at.le(now)),
        )
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::claimed_by.eq(None::<String>),
            dsl::next_attempt_at.eq(Some(now)),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?)
    })
}
