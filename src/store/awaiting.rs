//! Rule mode's rows: taken by the resolver when they are due, and settled without a claim.

use super::{
    StoreError,
    alerts::ERROR,
    any::AnyConnection,
    schema::{
        poundcake_alerts::{self, dsl},
        poundcake_api_calls,
    },
    tx,
};
use crate::model::{
    column::column,
    ids::{AlertId, RequestId},
    status::{DispatchReason, DispatchStatus},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

/// A row whose webhook StackStorm has, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaiting {
    /// The row.
    pub alert_id: AlertId,
    /// Its webhook.
    pub request_id: RequestId,
    /// Its generation.
    pub generation: i32,
    /// How long ago it became pending (its webhook, or its last replay), by the database's clock.
    pub age: TimeDelta,
    /// How long ago the webhook was posted, by the database's clock.
    pub waited: TimeDelta,
    /// No answer came to the POST: StackStorm may not have it.
    pub uncertain: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
struct Row {
    id: AlertId,
    dispatch_generation: i32,
    dispatch_uncertain: bool,
    attempted_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    pending_at: Option<NaiveDateTime>,
}

/// A row waits for about half as long as it has waited, within these bounds, until it is looked at again.
const SHORTEST: TimeDelta = TimeDelta::milliseconds(500);
const LONGEST: TimeDelta = TimeDelta::seconds(30);

/// Takes up to `limit` rows that are due and moves their due time, so that other resolvers pass them over.
pub fn take(conn: &mut AnyConnection, limit: i64) -> Result<Vec<Awaiting>, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let mut taken = Vec::new();
        for (row, request_id) in due(conn, limit, now)? {
            let waited = now - row.attempted_at.unwrap_or(row.created_at);
            let next = now + (waited / 2).clamp(SHORTEST, LONGEST);
            let changed = diesel::update(
                dsl::poundcake_alerts
                    .find(row.id)
                    .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
                    .filter(dsl::next_attempt_at.le(now)),
            )
            .set(dsl::next_attempt_at.eq(Some(next)))
            .execute(conn)?;
            if let (1, Ok(request_id)) = (changed, RequestId::parse(&request_id)) {
                let (generation, uncertain) = (row.dispatch_generation, row.dispatch_uncertain);
                let age = now - row.pending_at.unwrap_or(row.created_at);
                taken.push(Awaiting { alert_id: row.id, request_id, generation, age, waited, uncertain });
            }
        }
        Ok(taken)
    })
}

/// Read without locks; the UPDATE after it decides who gets a row.
fn due(conn: &mut AnyConnection, limit: i64, now: NaiveDateTime) -> Result<Vec<(Row, String)>, StoreError> {
    Ok(dsl::poundcake_alerts
        .inner_join(poundcake_api_calls::table)
        .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
        .filter(dsl::next_attempt_at.le(now))
        .order(dsl::next_attempt_at)
        .limit(limit)
        .select((Row::as_select(), poundcake_api_calls::request_id))
        .load(conn)?)
}

/// Ends a row without an execution: no rule matched, all rules failed, or the deadline passed. False when the row has
/// moved on.
pub fn settle(
    conn: &mut AnyConnection,
    row: &Awaiting,
    status: DispatchStatus,
    reason: DispatchReason,
    error: &str,
) -> Result<bool, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let changed = diesel::update(
            dsl::poundcake_alerts
                .find(row.alert_id)
                .filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
                .filter(dsl::dispatch_generation.eq(row.generation)),
        )
        .set((
            dsl::dispatch_status.eq(status),
            dsl::dispatch_reason.eq(Some(reason)),
            dsl::dispatch_error.eq(Some(column(error, ERROR))),
            dsl::dispatch_uncertain.eq(false),
            dsl::next_attempt_at.eq(None::<NaiveDateTime>),
            dsl::updated_at.eq(now),
        ))
        .execute(conn)?;
        Ok(changed == 1)
    })
}
