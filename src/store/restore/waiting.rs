//! Rows that the backup has as not final. Since then they may have been sent, replayed and sent again; so each becomes `pending`
//! and uncertain, in a generation above all that it may have reached, and the dispatcher looks under the tags of all of those
//! before it posts (`dispatcher::prior_generations`).
//!
//! Age, places and starts stay as they are. What people had waived does not: they approved what was shown then.

use crate::{
    clock::rfc3339,
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::poundcake_alerts::{self, dsl},
        transaction,
    },
    model::{
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
        waivers::Waivers,
    },
    store::dispatch::dispatch_log::{self, Before, Entry, RESTORED},
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// So many generations beyond those that the backup or StackStorm's executions show are looked up too: the last call of one may
/// still hang inside StackStorm, and show only later.
const UNSEEN: i32 = 4;
/// Rows of one transaction.
const CHUNK: i64 = 200;

/// The restore that a row is marked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// When the backup was taken, as the command was told: what tells one restore from another.
    pub given: NaiveDateTime,
    /// What happened after this time is not in the backup.
    pub backup: NaiveDateTime,
    /// Who runs the command.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Restore {
    /// What the row's `dispatch_log` says; it names the backup, so that the same command again knows what it has done.
    fn detail(&self) -> String {
        format!("restored from the backup of {}; looked up in StackStorm before it is sent", rfc3339(self.given))
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Row {
    id: AlertId,
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_generation: i32,
    dispatch_uncertain: bool,
    attempted_at: Option<NaiveDateTime>,
    dispatched_at: Option<NaiveDateTime>,
    dispatch_waived: Option<String>,
    dispatch_log: Option<String>,
}

impl Row {
    /// Done for this restore, and untouched since.
    fn is_marked(&self, detail: &str) -> bool {
        let ours = |entry: &Entry| {
            entry.event == RESTORED
                && entry.detail.as_deref() == Some(detail)
                && entry.generation == Some(self.dispatch_generation)
        };
        let waits = self.dispatch_status == DispatchStatus::Pending && self.dispatch_uncertain;
        waits && self.attempted_at.is_none() && dispatch_log::entries(self.dispatch_log.as_deref()).iter().any(ours)
    }

    /// The oldest call that may be unknown. What the backup has as certain was called since, if at all.
    fn oldest_call(&self, backup: NaiveDateTime) -> NaiveDateTime {
        let is_open = self.dispatch_uncertain || self.dispatch_status == DispatchStatus::AwaitingExecution;
        self.attempted_at.filter(|_| is_open).map_or(backup, |at| at.min(backup))
    }
}

/// Rows that were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marked {
    /// Rows that are not final.
    pub waiting: usize,
    /// Those of them that were changed.
    pub changed: usize,
    /// The last row, to go on behind it; `None`: there are no more.
    pub last: Option<AlertId>,
}

/// The next rows after this one.
pub fn mark(conn: &mut AnyConnection, after: AlertId, restore: &Restore) -> Result<Marked, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let rows = not_final(conn, after)?;
        let mut marked = Marked { waiting: rows.len(), ..Marked::default() };
        marked.last = rows.last().map(|row| row.id);
        for row in rows.iter().filter(|row| !row.is_marked(&restore.detail())) {
            write(conn, row, row.dispatch_generation + 1 + UNSEEN, restore, now)?;
            marked.changed += 1;
        }
        Ok(marked)
    })
}

/// How many rows are not final.
pub fn count(conn: &mut AnyConnection) -> Result<usize, DatabaseError> {
    let waiting: i64 = dsl::poundcake_alerts.filter(dsl::dispatch_status.eq_any(NOT_FINAL)).count().get_result(conn)?;
    Ok(usize::try_from(waiting).unwrap_or_default())
}

/// Of a row that waits: StackStorm has seen this generation of it, so its own must be above. False when it is.
pub fn raise(conn: &mut AnyConnection, id: AlertId, seen: i32, restore: &Restore) -> Result<bool, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let row: Row = dsl::poundcake_alerts.find(id).select(Row::as_select()).first(conn)?;
        if row.dispatch_status.is_final() || row.dispatch_generation > seen {
            return Ok(false);
        }
        write(conn, &row, seen + 1 + UNSEEN, restore, now)?;
        Ok(true)
    })
}

const NOT_FINAL: [DispatchStatus; 5] = [
    DispatchStatus::Pending,
    DispatchStatus::Queued,
    DispatchStatus::Held,
    DispatchStatus::Dispatching,
    DispatchStatus::AwaitingExecution,
];

/// Found first, then locked by their ids: a search that locks would wait for rows that it only passes.
fn not_final(conn: &mut AnyConnection, after: AlertId) -> Result<Vec<Row>, DatabaseError> {
    let waits = || dsl::dispatch_status.eq_any(NOT_FINAL);
    let found = dsl::poundcake_alerts.filter(dsl::id.gt(after)).filter(waits()).order(dsl::id).limit(CHUNK);
    let ids: Vec<AlertId> = found.select(dsl::id).load(conn)?;
    let query = dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)).order(dsl::id);
    let mut rows = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => query.for_update().select(Row::as_select()).load(conn)?,
        // BEGIN IMMEDIATE holds the only write lock.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => query.select(Row::as_select()).load(conn)?,
    };
    rows.retain(|row: &Row| !row.dispatch_status.is_final());
    Ok(rows)
}

fn write(
    conn: &mut AnyConnection,
    row: &Row,
    generation: i32,
    restore: &Restore,
    now: NaiveDateTime,
) -> Result<(), DatabaseError> {
    let reason = row.dispatch_reason.map_or("-", DispatchReason::as_str);
    let entry = Entry {
        from: Some(format!("{}/{reason}", row.dispatch_status)),
        generation: Some(generation),
        last_attempt: Some(rfc3339(row.oldest_call(restore.backup))),
        ..Entry::new(now, RESTORED).detail(&restore.detail()).author(&restore.by, &restore.reason)
    };
    let entry = entry.after(Before::new(row.attempted_at, row.dispatched_at));
    let waived = Waivers { age_from: Waivers::parse(row.dispatch_waived.as_deref()).age_from, ..Waivers::default() };
    let no_time = None::<NaiveDateTime>;
    diesel::update(dsl::poundcake_alerts.find(row.id))
        .set((
            dsl::dispatch_log.eq(Some(dispatch_log::append(row.dispatch_log.as_deref(), &entry))),
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::dispatch_reason.eq(None::<DispatchReason>),
            dsl::dispatch_error.eq(None::<String>),
            dsl::dispatch_generation.eq(generation),
            dsl::dispatch_attempts.eq(0),
            dsl::dispatch_uncertain.eq(true),
            dsl::dispatch_silent.eq(true),
            dsl::dispatch_waived.eq(waived.print()),
            dsl::settling_since.eq(no_time),
            dsl::attempted_at.eq(no_time),
            dsl::next_attempt_at.eq(Some(now)),
            dsl::claimed_by.eq(None::<String>),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}
