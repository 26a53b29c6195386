//! Rows that a guard holds and that must be looked at: because they are due, or because a pause ended or a route changed.
//!
//! The decision about each row is the caller's; here it is locked, read and written. Crash safety: every change is one
//! transaction, and a row that was not changed is looked at again.

use super::claim::Texts;
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, update},
        schema::poundcake_alerts::{self, dsl},
        transaction,
    },
    model::{
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
        truncate::column,
        waivers::Waivers,
    },
    store::ingest::alerts::ERROR,
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::BTreeMap;

/// A held row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
pub struct HeldRow {
    /// The row.
    pub id: AlertId,
    /// Which guard holds it.
    pub dispatch_reason: Option<DispatchReason>,
    /// The route that it was held for.
    pub dispatch_route: Option<String>,
    /// As sent.
    #[diesel(deserialize_as = String)]
    pub labels: Texts,
    /// When this generation began.
    pub pending_at: Option<NaiveDateTime>,
    /// When the row was inserted.
    pub created_at: NaiveDateTime,
    /// When it must be looked at.
    pub next_attempt_at: Option<NaiveDateTime>,
    /// What a person has waived.
    pub dispatch_waived: Option<String>,
}

impl HeldRow {
    /// What a person has waived for this generation.
    pub fn waivers(&self) -> Waivers {
        Waivers::parse(self.dispatch_waived.as_deref())
    }

    /// When its age begins.
    pub fn age_from(&self) -> NaiveDateTime {
        self.waivers().age_from.or(self.pending_at).unwrap_or(self.created_at)
    }
}

/// What happens to a held row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldStep {
    /// Nothing.
    Stay,
    /// It is looked at again at this time.
    Until(NaiveDateTime),
    /// The next claim decides; its age counts from this time, where one is given.
    ToPending(Option<NaiveDateTime>),
    /// It is held for this reason, and looked at again at this time.
    Hold(DispatchReason, NaiveDateTime),
    /// It ends.
    Settle(DispatchStatus, DispatchReason, String),
}

/// Which held rows.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Due by the database's clock.
    Due,
    /// Held for this reason and stored after this row, oldest first.
    Held(DispatchReason, Option<(NaiveDateTime, AlertId)>),
    /// In the line of this route (a `guard_key`).
    InLine(&'a str),
}

/// What one look did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Rows that were read.
    pub rows: usize,
    /// How many of them changed, by what happened to them.
    pub moved: BTreeMap<&'static str, usize>,
    /// The last row, to go on behind it.
    pub last: Option<(NaiveDateTime, AlertId)>,
}

/// Looks at up to `limit` rows; rows that another process has locked are passed over.
pub fn look(
    conn: &mut AnyConnection,
    which: Which<'_>,
    limit: i64,
    decide: &dyn Fn(&HeldRow, NaiveDateTime) -> HeldStep,
) -> Result<Looked, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let rows = load(conn, which, limit, now)?;
        let mut steps: BTreeMap<(HeldStep, Option<String>), Vec<AlertId>> = BTreeMap::new();
        for row in &rows {
            let step = decide(row, now);
            // The waivers change with the age, so such rows are written by what they become.
            let waived = match &step {
                HeldStep::ToPending(Some(from)) => Waivers { age_from: Some(*from), ..row.waivers() }.print(),
                _ => None,
            };
            steps.entry((step, waived)).or_default().push(row.id);
        }
        let mut looked = Looked { rows: rows.len(), ..Looked::default() };
        looked.last = rows.last().map(|row| (row.created_at, row.id));
        for ((step, waived), ids) in steps {
            let changed = ids.len();
            if let Some(word) = apply(conn, &step, waived, ids, now)? {
                *looked.moved.entry(word).or_default() += changed;
            }
        }
        Ok(looked)
    })
}

fn load(
    conn: &mut AnyConnection,
    which: Which<'_>,
    limit: i64,
    now: NaiveDateTime,
) -> Result<Vec<HeldRow>, DatabaseError> {
    let held = dsl::poundcake_alerts.limit(limit).select(HeldRow::as_select()).into_boxed();
    let query = match which {
        Which::Due => held
            .filter(dsl::dispatch_status.eq(DispatchStatus::Held))
            .filter(dsl::next_attempt_at.le(now))
            .order(dsl::next_attempt_at),
        Which::Held(reason, after) => {
            let of_reason = held.filter(dsl::dispatch_reason.eq(reason)).order((dsl::created_at, dsl::id));
            match after {
                Some((at, id)) => {
                    of_reason.filter(dsl::created_at.gt(at).or(dsl::created_at.eq(at).and(dsl::id.gt(id))))
                }
                None => of_reason,
            }
        }
        Which::InLine(key) => held.filter(dsl::guard_key.eq(key.to_owned())).order(dsl::guard_at),
    };
    let mut rows: Vec<HeldRow> = query.load(conn)?;
    // Locked by id, in one order; what has moved on since it was read is left alone.
    let mut ids: Vec<AlertId> = rows.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    let still = dsl::poundcake_alerts
        .filter(dsl::id.eq_any(ids))
        .filter(dsl::dispatch_status.eq(DispatchStatus::Held))
        .order(dsl::id)
        .select(dsl::id);
    let still: Vec<AlertId> = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => still.for_update().skip_locked().load(conn)?,
        // BEGIN IMMEDIATE holds the only write lock.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => still.load(conn)?,
    };
    rows.retain(|row| still.binary_search(&row.id).is_ok());
    Ok(rows)
}

/// Returns the word for what happened; `None`: nothing.
fn apply(
    conn: &mut AnyConnection,
    step: &HeldStep,
    waived: Option<String>,
    ids: Vec<AlertId>,
    now: NaiveDateTime,
) -> Result<Option<&'static str>, DatabaseError> {
    let due = |at: Option<NaiveDateTime>| (dsl::next_attempt_at.eq(at), dsl::updated_at.eq(now));
    let none = None::<DispatchReason>;
    Ok(match step {
        HeldStep::Stay => None,
        HeldStep::Until(at) => {
            update(among(ids), due(Some(*at))).execute(conn)?;
            None
        }
        HeldStep::ToPending(_) => {
            let pending = (dsl::dispatch_status.eq(DispatchStatus::Pending), dsl::dispatch_reason.eq(none));
            let waived = waived.map(|waived| dsl::dispatch_waived.eq(Some(waived)));
            update(among(ids), (pending, due(Some(now)), waived)).execute(conn)?;
            Some("pending")
        }
        HeldStep::Hold(reason, until) => {
            update(among(ids), (dsl::dispatch_reason.eq(Some(*reason)), due(Some(*until)))).execute(conn)?;
            Some("held")
        }
        HeldStep::Settle(status, reason, error) => {
            let ended = (
                dsl::dispatch_status.eq(*status),
                dsl::dispatch_reason.eq(Some(*reason)),
                dsl::dispatch_error.eq(Some(column(error, ERROR).into_owned())),
            );
            update(among(ids), (ended, due(None))).execute(conn)?;
            Some(reason.as_str())
        }
    })
}
