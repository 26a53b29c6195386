//! Alerts that wait for an approval, and what happened to their targets lately.

use super::Alert;
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::{poundcake_alerts::dsl, poundcake_st2_execution_link::dsl as links},
        transaction,
    },
    model::status::{DispatchReason, DispatchStatus},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{dsl::count_star, prelude::*};
use std::collections::HashMap;

/// An alert that waits for an approval.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// It.
    pub alert: Alert,
    /// What guards count it by.
    pub target: Option<String>,
    /// Executions for this target in the last 24 hours.
    pub runs_of_target: i64,
}

/// How many wait, and those whose time is over first, at most `most`. One whose time is over is not shown.
pub fn waiting(conn: &mut AnyConnection, most: i64) -> Result<(i64, Vec<Waiting>), DatabaseError> {
    let now = transaction::now(conn)?;
    let waits = || {
        dsl::poundcake_alerts
            .filter(dsl::dispatch_status.eq(DispatchStatus::Held))
            .filter(dsl::dispatch_reason.eq(DispatchReason::Approval))
            .filter(dsl::next_attempt_at.gt(now))
    };
    let rows: Vec<(Alert, Option<String>)> = waits()
        .order((dsl::next_attempt_at, dsl::id))
        .limit(most)
        .select((Alert::as_select(), dsl::guard_target))
        .load(conn)?;
    let targets = rows.iter().filter_map(|(_, target)| target.clone()).collect();
    let runs = runs(conn, targets, now - TimeDelta::hours(24))?;
    let waiting = rows.into_iter().map(|(alert, target)| {
        let runs_of_target = target.as_ref().and_then(|target| runs.get(target)).copied().unwrap_or(0);
        Waiting { alert, target, runs_of_target }
    });
    Ok((waits().count().get_result(conn)?, waiting.collect()))
}

fn runs(
    conn: &mut AnyConnection,
    mut targets: Vec<String>,
    since: NaiveDateTime,
) -> Result<HashMap<String, i64>, DatabaseError> {
    targets.sort_unstable();
    targets.dedup();
    // The index of targets begins with the key, and each route has two keys.
    let keys: Vec<Option<String>> =
        links::poundcake_st2_execution_link.select(links::guard_key).distinct().load(conn)?;
    let rows: Vec<(Option<String>, i64)> = links::poundcake_st2_execution_link
        .filter(links::guard_key.eq_any(keys.into_iter().flatten()))
        .filter(links::guard_target.eq_any(targets))
        .filter(links::started_at.gt(since))
        .group_by(links::guard_target)
        .select((links::guard_target, count_star()))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(target, runs)| Some((target?, runs))).collect())
}
