//! What guards hold and count at this moment, route by route: for people, not for decisions.

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        json::{optional_time, time},
        transaction,
    },
    model::{pause::Pause, status::DispatchReason},
    store::{guard_key::Role, guard_row::Brakes, operate::pauses},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamp},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The guards of all routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guards {
    /// Those that hold or count something, by name; `None` are alerts of routes without a name.
    pub routes: Vec<RouteGuards>,
    /// In force, oldest first.
    pub pauses: Vec<Pause>,
}

/// What the guards of one route hold and count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RouteGuards {
    /// Its name.
    pub route: Option<String>,
    /// What waits, by reason.
    pub held: Vec<Held>,
    /// Rows of its line that a person has released.
    pub released: i64,
    /// Dispatches that are started and not finished.
    pub places: i64,
    /// Starts of the last hour.
    pub starts_last_hour: i64,
    /// Since when its brake is on until a person releases it (RFC 3339).
    pub brake_since: Option<String>,
}

/// Rows that wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What they wait for.
    pub reason: Option<DispatchReason>,
    /// How many.
    pub rows: i64,
    /// Since when the oldest waits.
    #[serde(serialize_with = "optional_time")]
    pub oldest_since: Option<NaiveDateTime>,
    /// When the first of them is looked at next.
    #[serde(serialize_with = "time")]
    pub next_at: NaiveDateTime,
}

#[derive(QueryableByName)]
struct HeldRow {
    #[diesel(sql_type = Nullable<Text>)]
    route: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<DispatchReason>,
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<Timestamp>)]
    oldest: Option<NaiveDateTime>,
    #[diesel(sql_type = Timestamp)]
    next: NaiveDateTime,
}

#[derive(QueryableByName)]
struct Keyed {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Reads them.
pub fn guards(conn: &mut AnyConnection) -> Result<Guards, DatabaseError> {
    let mut routes: BTreeMap<Option<String>, RouteGuards> = BTreeMap::new();
    for HeldRow { route, reason, n, oldest, next } in held(conn)? {
        let held = Held { reason, rows: n, oldest_since: oldest, next_at: next };
        routes.entry(route).or_default().held.push(held);
    }
    for Keyed { name, n } in released(conn)? {
        routes.entry(Some(name)).or_default().released += n;
    }
    for Keyed { name, n } in places(conn)? {
        routes.entry(Some(name)).or_default().places += n;
    }
    for (name, since) in Brakes::read(conn)?.all() {
        routes.entry(Some(name.to_owned())).or_default().brake_since = Some(since.to_owned());
    }
    let since = transaction::now(conn)? - TimeDelta::hours(1);
    for (name, route) in &mut routes {
        route.route.clone_from(name);
        if let Some(name) = name {
            route.starts_last_hour = starts(conn, name, since)?;
        }
    }
    Ok(Guards { routes: routes.into_values().collect(), pauses: pauses::in_force(conn)? })
}

fn held(conn: &mut AnyConnection) -> Result<Vec<HeldRow>, DatabaseError> {
    let (oldest, next) = (first(conn, "pending_at"), first(conn, "next_attempt_at"));
    Ok(sql_query(format!(
        "SELECT dispatch_route AS route, dispatch_reason AS reason, COUNT(*) AS n, {oldest} AS oldest, \
         {next} AS next FROM poundcake_alerts WHERE dispatch_status = 'held' \
         GROUP BY dispatch_route, dispatch_reason ORDER BY dispatch_route, dispatch_reason",
    ))
    .load(conn)?)
}

/// The first of these times. A person who mends a row of SQLite, where a time is a text, may write a day alone.
fn first(conn: &AnyConnection, column: &str) -> String {
    let first = format!("MIN({column})");
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => first,
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => {
            format!("CASE WHEN {first} LIKE '____-__-__' THEN {first} || ' 00:00:00' ELSE {first} END")
        }
    }
}

/// Rows in the line that the brake does not hold, by route.
fn released(conn: &mut AnyConnection) -> Result<Vec<Keyed>, DatabaseError> {
    by_route(conn, &alerts_with(Role::Released))
}

/// Places, by route: of alerts, and of links.
fn places(conn: &mut AnyConnection) -> Result<Vec<Keyed>, DatabaseError> {
    let mut places = by_route(conn, &alerts_with(Role::Place))?;
    let links = format!(
        "SELECT guard_key AS name, COUNT(*) AS n FROM (SELECT DISTINCT guard_key, alert_id, started_at \
         FROM poundcake_st2_execution_link WHERE {}) d GROUP BY guard_key",
        Role::Place.on_any_route()
    );
    places.extend(by_route(conn, &links)?);
    Ok(places)
}

/// Reads the index of `guard_key` alone.
fn alerts_with(role: Role) -> String {
    let any = role.on_any_route();
    format!("SELECT guard_key AS name, COUNT(*) AS n FROM poundcake_alerts WHERE {any} GROUP BY guard_key")
}

fn by_route(conn: &mut AnyConnection, query: &str) -> Result<Vec<Keyed>, DatabaseError> {
    let rows: Vec<Keyed> = sql_query(query).load(conn)?;
    let of_route = |row: Keyed| Keyed { name: Role::route(&row.name).unwrap_or_default().to_owned(), n: row.n };
    Ok(rows.into_iter().map(of_route).collect())
}

/// A start is one alert and one time, on the row or on its links.
fn starts(conn: &mut AnyConnection, route: &str, since: NaiveDateTime) -> Result<i64, DatabaseError> {
    let count: Count = sql_query(
        "SELECT COUNT(*) AS n FROM (SELECT id AS alert_id, started_at FROM poundcake_alerts \
         WHERE guard_key IN (?, ?) AND guard_at > ? UNION SELECT alert_id, started_at FROM poundcake_st2_execution_link \
         WHERE route = ? AND started_at > ? AND guard_target IS NOT NULL) s",
    )
    .bind::<Text, _>(Role::Place.on(route))
    .bind::<Text, _>(Role::Start.on(route))
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(route)
    .bind::<Timestamp, _>(since)
    .get_result(conn)?;
    Ok(count.n)
}
