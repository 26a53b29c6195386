//! What guards count, each by an index of its own: places, starts, the targets of a line.
//!
//! A start is on the alert's row until a replay takes it from there, and on each link of it; so a start is one alert and one
//! time, whatever it is found on.

mod targets;

pub use targets::{AskedTargets, TargetCount, TargetCounts, targets};

use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::guards::rate::{self, Rate},
    store::guard_key::Role,
};
use chrono::NaiveDateTime;
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text, Timestamp},
};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct StartedAt {
    #[diesel(sql_type = Timestamp)]
    at: NaiveDateTime,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Of a row: its place was freed at the deadline (`Waivers::overdue`). Few rows take places, so this costs no index.
const OVERDUE: &str = "COALESCE(dispatch_waived, '') LIKE '%\"overdue\"%'";

/// How many dispatches of a route are started and not finished.
pub fn places(conn: &mut AnyConnection, route: &str) -> Result<u32, DatabaseError> {
    let key = Role::Place.on(route);
    let count: Count = sql_query(format!(
        "SELECT (SELECT COUNT(*) FROM poundcake_alerts WHERE guard_key = ? AND NOT {OVERDUE}) + (SELECT COUNT(*) FROM \
         (SELECT DISTINCT alert_id, started_at FROM poundcake_st2_execution_link WHERE guard_key = ?) d) AS n",
    ))
    .bind::<Text, _>(&key)
    .bind::<Text, _>(&key)
    .get_result(conn)?;
    Ok(u32::try_from(count.n).unwrap_or(u32::MAX))
}

/// The same for all guarded routes together.
pub fn all_places(conn: &mut AnyConnection) -> Result<u32, DatabaseError> {
    let place = Role::Place.on_any_route();
    let count: Count = sql_query(format!(
        "SELECT (SELECT COUNT(*) FROM poundcake_alerts WHERE {place} AND NOT {OVERDUE}) + \
         (SELECT COUNT(*) FROM (SELECT DISTINCT alert_id, started_at FROM poundcake_st2_execution_link WHERE {place}) d) AS n",
    ))
    .get_result(conn)?;
    Ok(u32::try_from(count.n).unwrap_or(u32::MAX))
}

/// The newest starts of a route that these rates need to know, newest first.
pub fn starts(
    conn: &mut AnyConnection,
    route: &str,
    rates: &[Rate],
    now: NaiveDateTime,
) -> Result<Vec<NaiveDateTime>, DatabaseError> {
    let Some((most, longest)) = rate::needed(rates) else { return Ok(Vec::new()) };
    let since = now - longest;
    let rows: Vec<StartedAt> = sql_query(
        "SELECT at FROM (SELECT id AS alert_id, started_at AS at FROM poundcake_alerts WHERE guard_key IN (?, ?) AND guard_at > ? \
         UNION SELECT alert_id, started_at AS at FROM poundcake_st2_execution_link \
         WHERE route = ? AND started_at > ? AND guard_target IS NOT NULL) s ORDER BY at DESC LIMIT ?",
    )
    .bind::<Text, _>(Role::Place.on(route))
    .bind::<Text, _>(Role::Start.on(route))
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(route)
    .bind::<Timestamp, _>(since)
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.at).collect())
}

/// How many different targets stand in the route's line or were started after `since`: exact up to `above`; more than that is
/// any number above it.
pub fn different_targets(
    conn: &mut AnyConnection,
    route: &str,
    above: u32,
    since: NaiveDateTime,
) -> Result<usize, DatabaseError> {
    let most = usize::try_from(above).unwrap_or(usize::MAX);
    let limit = i64::from(above) + 1;
    let mut targets = std::collections::HashSet::new();
    for role in [Role::Held, Role::Released] {
        let rows: Vec<Named> = sql_query(
            "SELECT guard_target AS name FROM poundcake_alerts WHERE guard_key = ? GROUP BY guard_target LIMIT ?",
        )
        .bind::<Text, _>(role.on(route))
        .bind::<BigInt, _>(limit)
        .load(conn)?;
        targets.extend(rows.into_iter().map(|row| row.name));
    }
    if targets.len() > most {
        return Ok(targets.len());
    }
    let rows: Vec<Named> = sql_query(
        "SELECT name FROM (SELECT guard_target AS name FROM poundcake_alerts WHERE guard_key IN (?, ?) AND guard_at > ? \
         UNION SELECT guard_target AS name FROM poundcake_st2_execution_link \
         WHERE route = ? AND started_at > ? AND guard_target IS NOT NULL) s LIMIT ?",
    )
    .bind::<Text, _>(Role::Place.on(route))
    .bind::<Text, _>(Role::Start.on(route))
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(route)
    .bind::<Timestamp, _>(since)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    targets.extend(rows.into_iter().map(|row| row.name));
    Ok(targets.len())
}

/// The routes whose lines have rows: a loose scan of the index, one look for each line.
pub fn lines(conn: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    let (held, released) = (Role::Held.on_any_route(), Role::Released.on_any_route());
    let rows: Vec<Named> = sql_query(format!(
        "SELECT guard_key AS name FROM poundcake_alerts WHERE {held} GROUP BY guard_key \
         UNION ALL SELECT guard_key AS name FROM poundcake_alerts WHERE {released} GROUP BY guard_key",
    ))
    .load(conn)?;
    let mut routes: Vec<String> = rows.iter().filter_map(|row| Role::route(&row.name).map(str::to_owned)).collect();
    routes.sort_unstable();
    routes.dedup();
    Ok(routes)
}
