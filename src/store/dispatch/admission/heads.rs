//! The oldest rows of each line, locked, with what the decision needs to know of them.

use super::{GuardedRoute, Request};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::prepared,
        schema::{poundcake_alerts::dsl, poundcake_api_calls},
    },
    model::{
        guards::admission::{Head, Line},
        ids::{AlertId, RequestId},
        status::DispatchStatus,
    },
    store::{
        dispatch::{
            claim::{self, ClaimedAlert, last_start::LastStart},
            counts::{self, AskedTargets},
        },
        guard_key::Role,
        unreadable,
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::HashMap;

/// Rows of one line that are looked at in one admission at most: more than are started, for some leave the line.
const MOST: usize = 200;

/// A row of a line.
pub(super) struct HeadRow {
    pub(super) alert: ClaimedAlert,
    pub(super) request_id: RequestId,
    pub(super) line: usize,
}

type Row = (ClaimedAlert, Option<String>, Option<NaiveDateTime>, Option<NaiveDateTime>);

/// Loads them, and counts their targets.
pub(super) fn load(
    conn: &mut AnyConnection,
    request: &Request<'_>,
    routes: &[&GuardedRoute],
    lines: &mut [Line<'_>],
    rows: &mut HashMap<AlertId, HeadRow>,
    now: NaiveDateTime,
) -> Result<Vec<Head>, DatabaseError> {
    let limit = i64::try_from((2 * request.slots + 8).min(MOST)).unwrap_or(i64::MAX);
    let mut heads = Vec::new();
    for (index, (route, line)) in std::iter::zip(routes, lines.iter()).enumerate() {
        // A line that is held whole needs one row, to say so; what is released is not held by a brake.
        for (role, held) in [(Role::Released, line.paused), (Role::Held, line.paused || line.counts.braked)] {
            let limit = if held { 1 } else { limit };
            for row in of_line(conn, &role.on(&route.name), limit)? {
                if let Some((head, row)) = head(conn, request, (index, route), row, now)? {
                    rows.insert(head.id, row);
                    heads.push(head);
                }
            }
        }
    }
    count_targets(conn, routes, lines, &heads, now)?;
    Ok(heads)
}

fn of_line(conn: &mut AnyConnection, key: &str, limit: i64) -> Result<Vec<Row>, DatabaseError> {
    let query = dsl::poundcake_alerts.filter(dsl::guard_key.eq(key)).order((dsl::guard_at, dsl::id)).limit(limit);
    let call = poundcake_api_calls::table.filter(poundcake_api_calls::id.eq(dsl::api_call_id));
    let request_id = call.select(poundcake_api_calls::request_id).single_value();
    let (of_alerts, of_links) = (LastStart::OfAlerts, LastStart::OfLinks);
    Ok(match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let columns = (ClaimedAlert::as_select(), request_id, of_alerts, of_links);
            prepared(query.for_update().skip_locked().select(columns)).load(conn)?
        }
        // BEGIN IMMEDIATE holds the only write lock.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            let columns = (ClaimedAlert::as_select(), request_id, of_alerts, of_links);
            prepared(query.select(columns)).load(conn)?
        }
    })
}

/// `None`: the row cannot be read. It leaves the line, where it would be first for ever.
fn head(
    conn: &mut AnyConnection,
    request: &Request<'_>,
    (line, route): (usize, &GuardedRoute),
    (alert, request_id, start_of_alerts, start_of_links): Row,
    now: NaiveDateTime,
) -> Result<Option<(Head, HeadRow)>, DatabaseError> {
    let request_id = match claim::read(&alert, request_id.as_deref()) {
        Ok((request_id, _)) => request_id,
        Err(row) => {
            diesel::update(dsl::poundcake_alerts.find(alert.id))
                .set(dsl::dispatch_status.eq(DispatchStatus::Pending))
                .execute(conn)?;
            unreadable::put_off(conn, std::slice::from_ref(&row), now)?;
            return Ok(None);
        }
    };
    let waivers = alert.waivers();
    let in_force = request.pauses.iter().filter(|pause| !pause.is_over(now));
    let pause = in_force.filter(|pause| pause.covers(Some(&route.name), &alert.labels.0));
    // A pause of the whole route holds the line as it is.
    let paused_until = pause.filter(|pause| !pause.covers_route(&route.name)).map(|pause| pause.look_at(now)).max();
    let head = Head {
        id: alert.id,
        line,
        target: alert.guard_target.clone().unwrap_or_default(),
        fingerprint: alert.fingerprint.clone(),
        last_start: start_of_alerts.max(start_of_links).max(alert.started_at),
        pending_at: alert.pending_at.unwrap_or(alert.created_at),
        paused_until,
        brake_waived: waivers.brake,
        cooldown_waived: waivers.cooldown,
    };
    Ok(Some((head, HeadRow { alert, request_id, line })))
}

fn count_targets(
    conn: &mut AnyConnection,
    routes: &[&GuardedRoute],
    lines: &mut [Line<'_>],
    heads: &[Head],
    now: NaiveDateTime,
) -> Result<(), DatabaseError> {
    let mut asked = AskedTargets::default();
    for head in heads {
        if let Some(route) = routes.get(head.line)
            && let Some(per_target) = &route.policy.per_target
        {
            asked.ask(&route.name, &head.target, &per_target.rates);
        }
    }
    for ((route, target), count) in counts::targets(conn, &asked, now)? {
        let Some(index) = routes.iter().position(|line| line.name == route) else { continue };
        let Some(line) = lines.get_mut(index) else { continue };
        if let Some(waits) = count.waits {
            line.counts.target_waits.insert(target.clone(), waits);
        }
        line.counts.target_starts.insert(target, count.starts);
    }
    Ok(())
}
