//! Deletes old history, one window of ids at a time, oldest first: each window is one short transaction.
//!
//! Only rows that no decision needs any more go: final ones that have not changed since the cutoff, and not the opener of an
//! open episode. The repeats of an alert that has been firing for weeks go: the opener alone decides what the next one is.
//! Ids ascend with time, so the pass ends at the first full window without a row that is older than the cutoff. (Not at the first
//! such row: one with a time in the future, which an older installation can leave, would end every pass.)

use super::filter::CHUNK;
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls::{self, dsl as calls},
            poundcake_st2_execution_link::dsl as links,
        },
        transaction,
    },
    model::{
        ids::{AlertId, ApiCallId},
        status::DispatchStatus,
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{
    dsl::{count_star, exists, not},
    prelude::*,
};
use std::collections::HashSet;

/// How far a pass has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window<Id> {
    /// What can go.
    pub ids: Vec<Id>,
    /// The last id that was looked at; `None`: the pass is over.
    pub last: Option<Id>,
}

/// The database's clock minus an age.
pub fn cutoff(conn: &mut AnyConnection, older_than: TimeDelta) -> Result<NaiveDateTime, DatabaseError> {
    Ok(transaction::now(conn)? - older_than)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Row {
    id: AlertId,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    dispatch_status: DispatchStatus,
    open_fingerprint: Option<String>,
    closed_at: Option<NaiveDateTime>,
    dispatch_generation: i32,
    started_at: Option<NaiveDateTime>,
    dispatched_at: Option<NaiveDateTime>,
}

/// Guards count starts of up to 7 days. What was started within this time stays, whatever the cutoff.
const STARTS_KEPT: TimeDelta = TimeDelta::days(8);
/// A pause may have begun so long ago and still hold.
const ORDERS_KEPT: TimeDelta = TimeDelta::hours(25);

impl Row {
    fn may_go(&self, cutoff: NaiveDateTime, starts_kept_from: NaiveDateTime) -> bool {
        // An older generation may have been started too; each start changes the row.
        let never_started = self.started_at.is_none() && self.dispatched_at.is_none() && self.dispatch_generation == 0;
        self.dispatch_status.is_final()
            && (never_started || self.updated_at < starts_kept_from)
            && self.created_at < cutoff
            && self.updated_at < cutoff
            && self.open_fingerprint.is_none()
            && self.closed_at.is_none_or(|closed| closed < cutoff)
    }
}

/// The alerts that can go among the next ones after an id.
pub fn alerts(
    conn: &mut AnyConnection,
    after: AlertId,
    cutoff: NaiveDateTime,
) -> Result<Window<AlertId>, DatabaseError> {
    let starts_kept_from = transaction::now(conn)? - STARTS_KEPT;
    let rows: Vec<Row> = dsl::poundcake_alerts
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit())
        .select(Row::as_select())
        .load(conn)?;
    let any_old = rows.iter().any(|row| row.created_at < cutoff);
    let last = rows.last().filter(|_| any_old && rows.len() == CHUNK).map(|row| row.id);
    Ok(Window { ids: rows.iter().filter(|row| row.may_go(cutoff, starts_kept_from)).map(|row| row.id).collect(), last })
}

/// Deletes alerts with their links, unless they were moved since; returns how many of each.
/// The alerts are locked first, which is the order in which records are written.
pub fn delete_alerts(
    conn: &mut AnyConnection,
    ids: &[AlertId],
    cutoff: NaiveDateTime,
) -> Result<(usize, usize), DatabaseError> {
    transaction::write(conn, |conn| {
        let still = dsl::poundcake_alerts
            .filter(dsl::id.eq_any(ids.to_vec()))
            .filter(dsl::dispatch_status.eq_any([
                DispatchStatus::Dispatched,
                DispatchStatus::Failed,
                DispatchStatus::Skipped,
            ]))
            .filter(dsl::updated_at.lt(cutoff))
            .order(dsl::id)
            .select(dsl::id);
        let locked: Vec<AlertId> = match conn {
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(conn) => still.for_update().load(conn)?,
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(conn) => still.load(conn)?,
        };
        let linked = diesel::delete(links::poundcake_st2_execution_link.filter(links::alert_id.eq_any(locked.clone())))
            .execute(conn)?;
        let deleted = diesel::delete(dsl::poundcake_alerts.filter(dsl::id.eq_any(locked))).execute(conn)?;
        Ok((deleted, linked))
    })
}

/// How many links these alerts have.
pub fn count_links(conn: &mut AnyConnection, ids: &[AlertId]) -> Result<usize, DatabaseError> {
    let chosen = links::poundcake_st2_execution_link.filter(links::alert_id.eq_any(ids.to_vec()));
    let count: i64 = chosen.select(count_star()).first(conn)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_api_calls)]
struct CallRow {
    id: ApiCallId,
    created_at: NaiveDateTime,
    operator: Option<String>,
    pause_until: Option<NaiveDateTime>,
}

impl CallRow {
    fn may_go(&self, cutoff: NaiveDateTime, now: NaiveDateTime) -> bool {
        let is_order = self.operator.is_some();
        self.created_at < cutoff
            && !(is_order && self.created_at >= now - ORDERS_KEPT)
            && self.pause_until.is_none_or(|until| until <= now)
    }
}

/// The webhooks and orders without alerts among the next ones after an id; alerts that are `gone` count as deleted.
pub fn api_calls(
    conn: &mut AnyConnection,
    after: ApiCallId,
    cutoff: NaiveDateTime,
    gone: impl Fn(AlertId) -> bool,
) -> Result<Window<ApiCallId>, DatabaseError> {
    let now = transaction::now(conn)?;
    let rows: Vec<CallRow> = calls::poundcake_api_calls
        .filter(calls::id.gt(after))
        .order(calls::id)
        .limit(limit())
        .select(CallRow::as_select())
        .load(conn)?;
    let any_old = rows.iter().any(|row| row.created_at < cutoff);
    let old: Vec<ApiCallId> = rows.iter().filter(|row| row.may_go(cutoff, now)).map(|row| row.id).collect();
    let last = rows.last().filter(|_| any_old && rows.len() == CHUNK).map(|row| row.id);
    let alerts: Vec<(ApiCallId, AlertId)> = dsl::poundcake_alerts
        .filter(dsl::api_call_id.eq_any(old.clone()))
        .select((dsl::api_call_id, dsl::id))
        .load(conn)?;
    let kept: HashSet<ApiCallId> =
        alerts.into_iter().filter(|(_, alert)| !gone(*alert)).map(|(call, _)| call).collect();
    Ok(Window { ids: old.into_iter().filter(|id| !kept.contains(id)).collect(), last })
}

/// Deletes webhooks that have no alerts; returns how many.
pub fn delete_api_calls(conn: &mut AnyConnection, ids: &[ApiCallId]) -> Result<usize, DatabaseError> {
    transaction::write(conn, |conn| {
        let has_alerts = exists(dsl::poundcake_alerts.filter(dsl::api_call_id.eq(poundcake_api_calls::id)));
        let chosen = calls::poundcake_api_calls.filter(calls::id.eq_any(ids.to_vec())).filter(not(has_alerts));
        Ok(diesel::delete(chosen).execute(conn)?)
    })
}

fn limit() -> i64 {
    i64::try_from(CHUNK).unwrap_or(i64::MAX)
}
