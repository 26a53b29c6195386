//! Moves rows for operators: to a new generation, to `skipped/discarded` or `skipped/not_approved`, or past a guard.
//!
//! Each chunk is one transaction with a guarded UPDATE per generation, one as a rule. Dispatchers, relays and senders move
//! rows at the same time: a row that is no longer what the operator chose is left alone, and not counted.

use super::{
    author::Author,
    filter::{Chosen, Condition, Filter, Move, movable},
    holds,
};
use crate::{
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_alerts::dsl, transaction},
    model::{
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
        waivers::Waivers,
    },
    store::dispatch::dispatch_log::{self, Before, Entry, MAY_HAVE_RUN, REPLAYED},
};
use chrono::NaiveDateTime;
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Nullable, Timestamp},
};
use std::collections::BTreeMap;

/// Moves those of `chosen` (by ascending id, few) that the filter would still choose; returns how many.
pub fn move_rows(
    conn: &mut AnyConnection,
    chosen: &[Chosen],
    filter: &Filter,
    what: Move,
    author: &Author,
) -> Result<usize, DatabaseError> {
    let mut generations: BTreeMap<i32, Vec<AlertId>> = BTreeMap::new();
    for row in chosen {
        generations.entry(row.generation).or_default().push(row.id);
    }
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let mut moved = 0;
        for (generation, ids) in &generations {
            let still = || -> Condition {
                Box::new(
                    dsl::id
                        .eq_any(ids.clone())
                        .and(dsl::dispatch_generation.eq(*generation))
                        .and(filter.condition())
                        .and(movable(what, filter.ids.is_some(), now)),
                )
            };
            moved += match what {
                Move::Replay { accept_unknown, .. } => {
                    replay(conn, still(), (author, accept_unknown, generation + 1), now)?
                }
                Move::Discard => skip(conn, still(), ("discarded", DispatchReason::Discarded), author, now)?,
                Move::Reject => skip(conn, still(), ("not_approved", DispatchReason::NotApproved), author, now)?,
                Move::Release => holds::release(conn, &still, author, now)?,
                Move::Approve => holds::approve(conn, &still, author, now)?,
            };
        }
        Ok(moved)
    })
}

/// To `pending` and due: the relay publishes it. A row that StackStorm may have run becomes uncertain in its new
/// generation, so that the dispatcher looks under the older generations' tags before it posts (`dispatcher::earlier`).
///
/// Its start is cleared, unless StackStorm may have run it: links keep the starts of what ran. What people waived was for the old
/// generation; the person who replays does not mean to wait for the cooldown.
///
/// MariaDB assigns from left to right, so what reads the old state (the log with the old times, the uncertainty, the start) stands
/// before what overwrites it. The episode stays as it is: a closed one stays closed, and a follower is dispatched on its own.
fn replay(
    conn: &mut AnyConnection,
    still: Condition,
    (author, accept_unknown, generation): (&Author, bool, i32),
    now: NaiveDateTime,
) -> Result<usize, DatabaseError> {
    let entry = Entry {
        accept_unknown,
        generation: Some(generation),
        ..Entry::new(now, REPLAYED).author(&author.by, &author.reason).after(Before::default())
    };
    let log = dispatch_log::appended_in_sql(conn, &entry);
    let was_uncertain = sql::<Bool>(MAY_HAVE_RUN);
    let start = sql::<Nullable<Timestamp>>(&format!("CASE WHEN {MAY_HAVE_RUN} THEN started_at END"));
    let waived = Waivers { cooldown: true, ..Waivers::default() }.print();
    let no_time = None::<NaiveDateTime>;
    Ok(diesel::update(dsl::poundcake_alerts.filter(still))
        .set((
            dsl::dispatch_log.eq(log),
            dsl::started_at.eq(start),
            dsl::first_started_at.eq(no_time),
            dsl::dispatch_waived.eq(waived),
            dsl::dispatch_uncertain.eq(was_uncertain),
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::dispatch_reason.eq(None::<DispatchReason>),
            dsl::dispatch_error.eq(None::<String>),
            dsl::dispatch_generation.eq(dsl::dispatch_generation + 1),
            dsl::dispatch_attempts.eq(0),
            dsl::settling_since.eq(no_time),
            dsl::pending_at.eq(Some(now)),
            dsl::attempted_at.eq(no_time),
            dsl::next_attempt_at.eq(Some(now)),
            dsl::claimed_by.eq(None::<String>),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?)
}

/// To `skipped`. A message that is on its way finds the row final.
fn skip(
    conn: &mut AnyConnection,
    still: Condition,
    (event, reason): (&str, DispatchReason),
    author: &Author,
    now: NaiveDateTime,
) -> Result<usize, DatabaseError> {
    let entry = Entry::new(now, event).author(&author.by, &author.reason);
    let log = dispatch_log::appended_in_sql(conn, &entry);
    Ok(diesel::update(dsl::poundcake_alerts.filter(still))
        .set((
            dsl::dispatch_log.eq(log),
            dsl::dispatch_status.eq(DispatchStatus::Skipped),
            dsl::dispatch_reason.eq(Some(reason)),
            dsl::settling_since.eq(None::<NaiveDateTime>),
            dsl::next_attempt_at.eq(None::<NaiveDateTime>),
            dsl::claimed_by.eq(None::<String>),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?)
}
