//! What people do with held rows: release (waive brake and cooldown), approve, reject.
//!
//! Each is a guarded UPDATE: a row that has moved on, or that another person was faster with, is left alone and not counted.

use super::{author::Author, filter::Condition};
use crate::{
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_alerts::dsl},
    model::{ids::AlertId, status::DispatchReason, waivers::Waivers},
    store::dispatch::dispatch_log::{self, Entry, SHOWN},
};
use chrono::{DateTime, NaiveDateTime};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// Waives brake and cooldown of this generation. A row that the cooldown holds is looked at now; the limits of its route still
/// hold it.
pub(super) fn release(
    conn: &mut AnyConnection,
    still: &impl Fn() -> Condition,
    author: &Author,
    now: NaiveDateTime,
) -> Result<usize, DatabaseError> {
    type Row = (AlertId, Option<String>, Option<DispatchReason>);
    let rows: Vec<Row> = dsl::poundcake_alerts
        .filter(still())
        .select((dsl::id, dsl::dispatch_waived, dsl::dispatch_reason))
        .load(conn)?;
    let mut alike: BTreeMap<(Option<String>, bool), Vec<AlertId>> = BTreeMap::new();
    for (id, waived, reason) in rows {
        alike.entry((waived, reason == Some(DispatchReason::Cooldown))).or_default().push(id);
    }
    let entry = Entry::new(now, "released").author(&author.by, &author.reason);
    let mut moved = 0;
    for ((before, cools), ids) in alike {
        let after = Waivers { brake: true, cooldown: true, ..Waivers::parse(before.as_deref()) }.print();
        let log = dispatch_log::appended_in_sql(conn, &entry);
        let set = (dsl::dispatch_log.eq(log), dsl::dispatch_waived.eq(after), dsl::updated_at.eq(now));
        let cooling = dsl::dispatch_reason.eq(DispatchReason::Cooldown).assume_not_null();
        let rows = dsl::id.eq_any(ids).and(still()).and(same_waivers(before));
        moved += if cools {
            diesel::update(dsl::poundcake_alerts.filter(rows.and(cooling)))
                .set((set, dsl::next_attempt_at.eq(Some(now))))
                .execute(conn)?
        } else {
            diesel::update(dsl::poundcake_alerts.filter(rows.and(diesel::dsl::not(cooling)))).set(set).execute(conn)?
        };
    }
    Ok(moved)
}

fn same_waivers(before: Option<String>) -> Condition {
    match before {
        None => Box::new(dsl::dispatch_waived.is_null()),
        Some(text) => Box::new(dsl::dispatch_waived.eq(text).assume_not_null()),
    }
}

#[derive(Queryable)]
struct Shown {
    id: AlertId,
    dispatch_log: Option<String>,
    dispatch_waived: Option<String>,
    pending_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

/// Approves exactly what was shown: the digest of the newest entry `shown`. The time since then does not count as age. A row
/// that shows nothing is left alone.
pub(super) fn approve(
    conn: &mut AnyConnection,
    still: &impl Fn() -> Condition,
    author: &Author,
    now: NaiveDateTime,
) -> Result<usize, DatabaseError> {
    let columns = (dsl::id, dsl::dispatch_log, dsl::dispatch_waived, dsl::pending_at, dsl::created_at);
    let rows: Vec<Shown> = dsl::poundcake_alerts.filter(still()).select(columns).load(conn)?;
    let entry = Entry::new(now, "approved").author(&author.by, &author.reason);
    let mut moved = 0;
    for row in rows {
        let Some(waivers) = approved(&row, now) else { continue };
        let log = dispatch_log::appended_in_sql(conn, &entry);
        let row = dsl::id.eq(row.id).and(still()).and(same_waivers(row.dispatch_waived));
        moved += diesel::update(dsl::poundcake_alerts.filter(row))
            .set((
                dsl::dispatch_log.eq(log),
                dsl::dispatch_waived.eq(waivers.print()),
                dsl::next_attempt_at.eq(Some(now)),
                dsl::updated_at.eq(now),
            ))
            .execute(conn)?;
    }
    Ok(moved)
}

fn approved(row: &Shown, now: NaiveDateTime) -> Option<Waivers> {
    let entries = dispatch_log::entries(row.dispatch_log.as_deref());
    let shown = entries.iter().rev().find(|entry| entry.event == SHOWN)?;
    let before = Waivers::parse(row.dispatch_waived.as_deref());
    let since = DateTime::parse_from_rfc3339(&shown.at).map_or(now, |at| at.naive_utc()).min(now);
    let age_from = before.age_from.or(row.pending_at).unwrap_or(row.created_at);
    Some(Waivers { approval: Some(shown.digest.clone()?), age_from: Some(age_from + (now - since)), ..before })
}
