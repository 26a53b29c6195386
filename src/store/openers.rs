//! The rows that the episode decision looks at, and what it does to them. Used by `intake` inside its transaction.

use super::{
    StoreError,
    any::AnyConnection,
    dispatch_log,
    prepared::{filled, prepared},
    schema::poundcake_alerts::{self, dsl},
};
use crate::model::{
    episode::{Closed, EpisodeState, Heard, Opener, OpenerRef},
    fold::OpenerUpdate,
    ids::{AlertId, Fingerprint},
    status::{DispatchReason, DispatchStatus},
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Timestamp},
};
use std::collections::{BTreeMap, HashMap};

/// Values bound in one statement at most: SQLite takes 32,766, MariaDB 65,535. Chunks of a sorted list keep its order.
const BINDS: usize = 8_192;

/// What the decision needs to know of each fingerprint; the open openers are locked until the transaction ends.
pub(super) fn load(
    conn: &mut AnyConnection,
    heard: &BTreeMap<Fingerprint, Heard>,
) -> Result<HashMap<Fingerprint, EpisodeState>, StoreError> {
    let mut states: HashMap<Fingerprint, EpisodeState> = HashMap::with_capacity(heard.len());
    for row in open(conn, heard.keys())? {
        if let Some(fingerprint) = Fingerprint::parse(&row.fingerprint) {
            states.entry(fingerprint).or_default().open = Some(row.into());
        }
    }
    let open = |fingerprint| states.get(fingerprint).and_then(|state| state.open.as_ref());
    let asked: Vec<&Fingerprint> = heard
        .iter()
        .filter(|(fingerprint, heard)| heard.asks_for_closed(open(fingerprint)))
        .map(|(fingerprint, _)| fingerprint)
        .collect();
    for (fingerprint, closed) in newest_closed(conn, &asked)? {
        states.entry(fingerprint).or_default().closed = Some(closed);
    }
    Ok(states)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct OpenRow {
    id: AlertId,
    fingerprint: String,
    starts_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_uncertain: bool,
    pending_at: Option<NaiveDateTime>,
    dispatch_generation: i32,
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
            generation: row.dispatch_generation,
        }
    }
}

/// Sorted and locked: any other order deadlocks several times per batch (measured).
fn open<'a>(
    conn: &mut AnyConnection,
    sorted: impl Iterator<Item = &'a Fingerprint>,
) -> Result<Vec<OpenRow>, StoreError> {
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
pub(super) fn newest_closed(
    conn: &mut AnyConnection,
    fingerprints: &[&Fingerprint],
) -> Result<HashMap<Fingerprint, Closed>, StoreError> {
    if fingerprints.is_empty() {
        return Ok(HashMap::new());
    }
    let list = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => {
            "JSON_TABLE(?, '$[*]' COLUMNS (value VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')) AS f"
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => "json_each(?) AS f",
    };
    let query = format!(
        "SELECT a.fingerprint, a.starts_at, a.created_at, a.dispatch_status, a.dispatch_reason \
         FROM (SELECT DISTINCT (SELECT CASE WHEN b.closed_at IS NULL THEN NULL ELSE b.id END FROM poundcake_alerts AS b \
             WHERE b.fingerprint = f.value AND (b.closed_at IS NULL OR b.dispatch_reason IS NULL \
               OR b.dispatch_reason NOT IN ('reopened', 'resolved_before_dispatch')) \
             ORDER BY b.closed_at DESC, b.created_at DESC, b.id DESC LIMIT 1) AS id FROM {list}) AS newest \
         JOIN poundcake_alerts AS a ON a.id = newest.id"
    );
    let names: Vec<&str> = fingerprints.iter().map(|fingerprint| fingerprint.as_str()).collect();
    let names = serde_json::to_string(&names).unwrap_or_default();
    let rows: Vec<ClosedRow> = prepared(diesel::sql_query(query).bind::<Text, _>(names)).load(conn)?;
    Ok(rows.into_iter().filter_map(|row| Some((Fingerprint::parse(&row.fingerprint)?, row.into()))).collect())
}

impl From<ClosedRow> for Closed {
    fn from(row: ClosedRow) -> Self {
        Self {
            starts_at: row.starts_at,
            created_at: row.created_at,
            dispatch_status: row.dispatch_status,
            dispatch_reason: row.dispatch_reason,
        }
    }
}

/// Writes one opener's change; the row is locked since [`load`].
pub(super) fn update(
    conn: &mut AnyConnection,
    id: AlertId,
    change: OpenerUpdate,
    now: NaiveDateTime,
    relay_at: NaiveDateTime,
) -> Result<(), StoreError> {
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
/// that a new opener holds, so the two cannot miss each other (see `intake`'s recheck).
pub(super) fn skip_if_ended(conn: &mut AnyConnection, id: AlertId, now: NaiveDateTime) -> Result<(), StoreError> {
    let row = dsl::poundcake_alerts.find(id);
    let (fingerprint, pending_at, closed_at): (String, Option<NaiveDateTime>, Option<NaiveDateTime>) =
        row.select((dsl::fingerprint, dsl::pending_at, dsl::closed_at)).first(conn)?;
    // A replay of a closed episode is newer than its end.
    let ended = closed_at.is_some_and(|closed| pending_at.is_none_or(|pending| closed > pending));
    if !ended || is_open(conn, &fingerprint)? {
        return Ok(());
    }
    diesel::update(row.filter(dsl::dispatch_status.eq(DispatchStatus::Pending)))
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Skipped),
            dsl::dispatch_reason.eq(Some(DispatchReason::ResolvedBeforeDispatch)),
            dsl::next_attempt_at.eq(None::<NaiveDateTime>),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

fn is_open(conn: &mut AnyConnection, fingerprint: &str) -> Result<bool, StoreError> {
    let query = dsl::poundcake_alerts.filter(dsl::open_fingerprint.eq(fingerprint)).select(dsl::id);
    let open: Option<AlertId> = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => query.for_update().first(conn).optional()?,
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => query.first(conn).optional()?,
    };
    Ok(open.is_some())
}

/// Moves `last_seen_at` of all that were heard of.
pub(super) fn touch(conn: &mut AnyConnection, ids: &[AlertId], now: NaiveDateTime) -> Result<(), StoreError> {
    for ids in ids.chunks(BINDS) {
        diesel::update(dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)))
            .set((dsl::last_seen_at.eq(Some(now)), dsl::updated_at.eq(now)))
            .execute(conn)?;
    }
    Ok(())
}

/// A failed dispatch whose alert still fires starts anew, after the cooldown.
fn retry(
    conn: &mut AnyConnection,
    id: AlertId,
    generation: i32,
    now: NaiveDateTime,
    relay_at: NaiveDateTime,
) -> Result<(), StoreError> {
    let log: Option<String> = dsl::poundcake_alerts.find(id).select(dsl::dispatch_log).first(conn)?;
    let entry = dispatch_log::Entry::new(now, "retried").detail("the alert still fires after the cooldown");
    diesel::update(dsl::poundcake_alerts.find(id))
        .set((
            dsl::dispatch_status.eq(DispatchStatus::Pending),
            dsl::dispatch_reason.eq(None::<DispatchReason>),
            dsl::dispatch_generation.eq(generation),
            dsl::dispatch_attempts.eq(0),
            dsl::dispatch_log.eq(Some(dispatch_log::append(log.as_deref(), &entry))),
            dsl::attempted_at.eq(None::<NaiveDateTime>),
            dsl::pending_at.eq(Some(now)),
            dsl::next_attempt_at.eq(Some(relay_at)),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}
