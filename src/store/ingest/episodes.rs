//! The rows that the episode decision looks at, and what it does to them. Used by `webhooks` inside its transaction.

mod past;

pub(crate) use past::newest_closed;

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{filled, prepared},
        schema::poundcake_alerts::{self, dsl},
    },
    model::{
        episode::{EpisodeState, Heard, Opener, OpenerRef},
        ids::{AlertId, Fingerprint},
        plan::OpenerUpdate,
        status::{DispatchReason, DispatchStatus},
    },
    store::dispatch::dispatch_log,
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Values bound in one statement at most: SQLite takes 32,766, MariaDB 65,535. Chunks of a sorted list keep its order.
const BINDS: usize = 8_192;

/// What the decision needs to know of each fingerprint; the open openers are locked until the transaction ends.
pub(crate) fn load(
    conn: &mut AnyConnection,
    heard: &BTreeMap<Fingerprint, Heard>,
) -> Result<HashMap<Fingerprint, EpisodeState>, DatabaseError> {
    let mut states: HashMap<Fingerprint, EpisodeState> = HashMap::with_capacity(heard.len());
    for row in open(conn, heard.keys())? {
        let fingerprint = asked_for(heard, row.open_fingerprint.as_deref().unwrap_or_default())?;
        states.entry(fingerprint).or_default().open = Some(row.into());
    }
    let open = |fingerprint| states.get(fingerprint).and_then(|state| state.open.as_ref());
    let asked: Vec<&Fingerprint> = heard
        .iter()
        .filter(|(fingerprint, heard)| heard.asks_for_closed(open(fingerprint)))
        .map(|(fingerprint, _)| fingerprint)
        .collect();
    let asked_before: Vec<&Fingerprint> = heard
        .iter()
        .filter(|(fingerprint, heard)| heard.asks_for_heard_before(open(fingerprint)))
        .map(|(fingerprint, _)| fingerprint)
        .collect();
    for (fingerprint, closed) in newest_closed(conn, &asked)? {
        states.entry(fingerprint).or_default().closed = Some(closed);
    }
    for fingerprint in past::heard_before(conn, &asked_before)? {
        states.entry(fingerprint).or_default().heard_before = true;
    }
    Ok(states)
}

/// The fingerprint that a row was found by. One that MariaDB takes for the same and we do not (blanks at its end) must be
/// no reason to open a second episode, which its unique key would always refuse.
fn asked_for(heard: &BTreeMap<Fingerprint, Heard>, found: &str) -> Result<Fingerprint, DatabaseError> {
    let fingerprint = Fingerprint::parse(found).filter(|found| heard.contains_key(found));
    fingerprint.ok_or_else(|| unreadable_fingerprint(found))
}

fn unreadable_fingerprint(found: &str) -> DatabaseError {
    DatabaseError::Unreadable(format!(
        "poundcake_alerts has the fingerprint {found:?}, which is not 16 hex digits; correct it (SELECT id FROM poundcake_alerts \
         WHERE fingerprint = '{found}' OR open_fingerprint = '{found}')"
    ))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct OpenRow {
    id: AlertId,
    open_fingerprint: Option<String>,
    starts_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_uncertain: bool,
    pending_at: Option<NaiveDateTime>,
    started_at: Option<NaiveDateTime>,
    dispatch_generation: i32,
    last_seen_at: Option<NaiveDateTime>,
}

impl From<OpenRow> for Opener {
    fn from(row: OpenRow) -> Self {
        Self {
            id: OpenerRef::Row(row.id),
            starts_at: row.starts_at,
            created_at: row.created_at,
            dispatch_status: row.dispatch_status,
            dispatch_reason: row.dispatch_reason,
            uncertain: row.dispatch_uncertain,
            pending_at: row.pending_at,
            started_at: row.started_at,
            generation: row.dispatch_generation,
            last_seen_at: row.last_seen_at.unwrap_or(row.created_at),
        }
    }
}

/// Sorted and locked: any other order deadlocks several times per batch (measured).
fn open<'a>(
    conn: &mut AnyConnection,
    sorted: impl Iterator<Item = &'a Fingerprint>,
) -> Result<Vec<OpenRow>, DatabaseError> {
    let sorted: Vec<&str> = sorted.map(Fingerprint::as_str).collect();
    let mut rows = Vec::new();
    for chunk in sorted.chunks(BINDS) {
        let query = dsl::poundcake_alerts
            .filter(dsl::open_fingerprint.eq_any(filled(chunk.iter().copied())))
            .order(dsl::open_fingerprint);
        rows.extend(match conn {
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(conn) => {
                prepared(query.for_update().select(OpenRow::as_select())).load::<OpenRow>(conn)?
            }
            // BEGIN IMMEDIATE holds the only write lock.
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(conn) => prepared(query.select(OpenRow::as_select())).load::<OpenRow>(conn)?,
        });
    }
    Ok(rows)
}

/// Writes one opener's change; the row is locked since [`load`].
pub(crate) fn update(
    conn: &mut AnyConnection,
    id: AlertId,
    change: OpenerUpdate,
    now: NaiveDateTime,
    relay_at: NaiveDateTime,
) -> Result<(), DatabaseError> {
    if let Some(generation) = change.retry {
        retry(conn, id, generation, now, relay_at)?;
    }
    if change.skip {
        diesel::update(dsl::poundcake_alerts.find(id))
            .set((
                dsl::dispatch_status.eq(DispatchStatus::Skipped),
                dsl::dispatch_reason.eq(Some(DispatchReason::ResolvedBeforeDispatch)),
                // A relay may have taken it in vain.
                dsl::claimed_by.eq(None::<String>),
                dsl::next_attempt_at.eq(None::<NaiveDateTime>),
            ))
            .execute(conn)?;
    }
    if change.close {
        diesel::update(dsl::poundcake_alerts.find(id))
            .set((dsl::open_fingerprint.eq(None::<String>), dsl::closed_at.eq(Some(now)), dsl::updated_at.eq(now)))
            .execute(conn)?;
    }
    Ok(())
}

/// A row that is pending and certain again, and whose episode ended while it was claimed, runs nothing any more; unless
/// the same alert fires again already: that firing counted on this row and waits for it. Looking for it takes the lock
/// that a new opener holds, so the two cannot miss each other (see the recheck in `webhooks`).
pub(crate) fn skip_if_ended(conn: &mut AnyConnection, id: AlertId, now: NaiveDateTime) -> Result<(), DatabaseError> {
    let row = dsl::poundcake_alerts.find(id);
    let (fingerprint, pending_at, closed_at): (String, Option<NaiveDateTime>, Option<NaiveDateTime>) =
        row.select((dsl::fingerprint, dsl::pending_at, dsl::closed_at)).first(conn)?;
    // A replay of a closed episode is newer than its end.
    let ended = closed_at.is_some_and(|closed| pending_at.is_none_or(|pending| closed > pending));
    if !ended || is_open(conn, &fingerprint)? {
        return Ok(());
    }
    let waits = dsl::dispatch_status.eq_any([DispatchStatus::Pending, DispatchStatus::Held]);
    diesel::update(row.filter(waits))
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Skipped),
            dsl::dispatch_reason.eq(Some(DispatchReason::ResolvedBeforeDispatch)),
            dsl::next_attempt_at.eq(None::<NaiveDateTime>),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// A firing that has been dispatched itself counts on no other row.
fn is_open(conn: &mut AnyConnection, fingerprint: &str) -> Result<bool, DatabaseError> {
    let query = dsl::poundcake_alerts.filter(dsl::open_fingerprint.eq(fingerprint)).select(dsl::dispatch_status);
    let open: Option<DispatchStatus> = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => query.for_update().first(conn).optional()?,
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => query.first(conn).optional()?,
    };
    Ok(open.is_some_and(|status| status != DispatchStatus::Dispatched))
}

/// Moves `last_seen_at` of all that were heard of.
pub(crate) fn touch(conn: &mut AnyConnection, ids: &[AlertId], now: NaiveDateTime) -> Result<(), DatabaseError> {
    for ids in ids.chunks(BINDS) {
        diesel::update(dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)))
            .set((dsl::last_seen_at.eq(Some(now)), dsl::updated_at.eq(now)))
            .execute(conn)?;
    }
    Ok(())
}

/// A failed dispatch whose alert still fires starts again, after the cooldown.
fn retry(
    conn: &mut AnyConnection,
    id: AlertId,
    generation: i32,
    now: NaiveDateTime,
    relay_at: NaiveDateTime,
) -> Result<(), DatabaseError> {
    type Kept = (Option<String>, Option<NaiveDateTime>, Option<NaiveDateTime>);
    let kept = (dsl::dispatch_log, dsl::attempted_at, dsl::dispatched_at);
    let (log, attempted_at, dispatched_at): Kept = dsl::poundcake_alerts.find(id).select(kept).first(conn)?;
    let entry = dispatch_log::Entry::new(now, "retried")
        .detail("the alert still fires after the cooldown")
        .after(dispatch_log::Before::new(attempted_at, dispatched_at));
    diesel::update(dsl::poundcake_alerts.find(id))
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::dispatch_reason.eq(None::<DispatchReason>),
            dsl::dispatch_generation.eq(generation),
            dsl::dispatch_attempts.eq(0),
            dsl::dispatch_log.eq(Some(dispatch_log::append(log.as_deref(), &entry))),
            dsl::attempted_at.eq(None::<NaiveDateTime>),
            // The links keep the start for the cooldown, which this generation does not waive.
            dsl::started_at.eq(None::<NaiveDateTime>),
            dsl::first_started_at.eq(None::<NaiveDateTime>),
            dsl::dispatch_waived.eq(None::<String>),
            dsl::pending_at.eq(Some(now)),
            dsl::next_attempt_at.eq(Some(relay_at)),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}
