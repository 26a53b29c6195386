//! What a claim does with rows that are not dispatched now: a guard holds them, or they end.

use super::Ended;
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, each_row, update},
        schema::poundcake_alerts::dsl,
    },
    model::{
        guards::{
            admission::{Waits, wait_for_target},
            step::{ClaimStep, Routed},
        },
        ids::{AlertId, RequestId},
        status::{DispatchReason, DispatchStatus},
        truncate::column,
    },
    store::{
        dispatch::counts::{self, TargetCounts},
        ingest::alerts::ERROR,
    },
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Timestamp},
};
use std::collections::BTreeMap;

/// A row and what happens to it.
pub(super) struct Guarded {
    pub(super) id: AlertId,
    pub(super) request_id: RequestId,
    pub(super) step: ClaimStep,
    /// When it became pending.
    pub(super) since: NaiveDateTime,
    pub(super) now: NaiveDateTime,
}

impl Guarded {
    /// The end of the row, if it ends here.
    pub(super) fn ended(self) -> Option<Ended> {
        let Self { id, request_id, step, .. } = self;
        match step {
            ClaimStep::Settle { status, reason, error, .. } => {
                Some(Ended { alert_id: id, request_id, status, reason, error })
            }
            _ => None,
        }
    }
}

/// Rows that one UPDATE changes alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    route: String,
    target: Option<String>,
    status: DispatchStatus,
    reason: DispatchReason,
    error: Option<String>,
}

/// What one row has alone.
struct Own {
    id: AlertId,
    guard_target: Option<String>,
    until: Option<NaiveDateTime>,
}

/// Writes what happens to the rows; they are locked.
pub(super) fn hold(conn: &mut AnyConnection, rows: &[Guarded]) -> Result<(), DatabaseError> {
    let Some(now) = rows.first().map(|row| row.now) else { return Ok(()) };
    let mut targets = targets(conn, rows, now)?;
    let mut groups: BTreeMap<Alike, Vec<Own>> = BTreeMap::new();
    for row in rows {
        if let Some((alike, own)) = change(row, &mut targets) {
            groups.entry(alike).or_default().push(own);
        }
    }
    for (alike, rows) in groups {
        let error = alike.error.as_deref().map(|error| dsl::dispatch_error.eq(Some(column(error, ERROR).into_owned())));
        let guard_targets = rows.iter().map(|row| (row.id, row.guard_target.clone()));
        let until = rows.iter().map(|row| (row.id, row.until));
        let values = (
            dsl::dispatch_status.eq(alike.status),
            dsl::dispatch_reason.eq(Some(alike.reason)),
            dsl::dispatch_route.eq(Some(alike.route)),
            dsl::dispatch_target.eq(alike.target),
            dsl::guard_target.eq(each_row::<Nullable<Text>, _>(guard_targets)),
            dsl::next_attempt_at.eq(each_row::<Nullable<Timestamp>, _>(until)),
            dsl::claimed_by.eq(None::<String>),
            dsl::updated_at.eq(now),
            error,
        );
        update(among(rows.iter().map(|row| row.id)), values).execute(conn)?;
    }
    Ok(())
}

/// What is known of the targets of rows whose route has `per_target`.
fn targets(conn: &mut AnyConnection, rows: &[Guarded], now: NaiveDateTime) -> Result<TargetCounts, DatabaseError> {
    let mut asked = counts::AskedTargets::default();
    for row in rows {
        if let ClaimStep::Line {
            routed: Routed { route, guard_target: Some(target), .. },
            per_target: Some(per_target),
            ..
        } = &row.step
        {
            asked.ask(route, target, &per_target.rates);
        }
    }
    counts::targets(conn, &asked, now)
}

/// `None`: nothing, the row was claimed.
fn change(row: &Guarded, targets: &mut TargetCounts) -> Option<(Alike, Own)> {
    let change = |routed: &Routed, status, reason, error, until| {
        let (route, target) = (routed.route.clone(), Some(routed.target.to_string()));
        let alike = Alike { route, target, status, reason, error };
        (alike, Own { id: row.id, guard_target: routed.guard_target.clone(), until })
    };
    match &row.step {
        ClaimStep::NoRoute | ClaimStep::Start(_) | ClaimStep::Show(_) => None,
        ClaimStep::Settle { routed, status, reason, error } => {
            Some(change(routed, *status, *reason, error.clone(), None))
        }
        ClaimStep::Wait { routed, reason, until } => {
            Some(change(routed, DispatchStatus::Held, *reason, None, Some(*until)))
        }
        ClaimStep::Line { routed, reason, until, per_target } => {
            let wait = per_target.as_ref().zip(routed.guard_target.as_deref()).and_then(|(per_target, target)| {
                let known = targets.of(&routed.route, target);
                let since = (row.since, row.id);
                let until = wait_for_target(&per_target.rates, &known.starts, known.waits.as_ref(), since, row.now)?;
                known.waits = Some(Waits::with(known.waits, until, since));
                Some(until)
            });
            let reason = if wait.is_some() { DispatchReason::TargetRate } else { *reason };
            // It expires like the rows of the line, however many wait for its target.
            let until = wait.map_or(*until, |wait| wait.min(*until));
            Some(change(routed, DispatchStatus::Held, reason, None, Some(until)))
        }
    }
}
