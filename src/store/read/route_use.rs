//! How far the limits of one route are used now, and its last 24 hours: for people, with the counts that the guards use.

use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::{
        guards::{GuardPolicy, rate::Rate},
        status::DispatchStatus,
    },
    store::{dispatch::counts, guard_key::Role},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamp},
};

/// What a route tells about its last hours.
const DAY: TimeDelta = TimeDelta::hours(24);

/// One window of `rate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowUse {
    /// The limit.
    pub rate: Rate,
    /// Starts in the window.
    pub used: usize,
    /// When a full window allows the next start.
    pub free_at: Option<NaiveDateTime>,
}

/// The last 24 hours of a route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastDay {
    /// Starts.
    pub started: i64,
    /// Executions of these starts that succeeded.
    pub succeeded: i64,
    /// That failed, timed out or were abandoned.
    pub failed: i64,
}

/// The use of one route's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteUse {
    /// Dispatches that are started and not finished.
    pub places: u32,
    /// In the order of the file.
    pub windows: Vec<WindowUse>,
    /// Different targets that stand in the line or were started lately, up to one more than the brake's limit.
    pub targets: Option<usize>,
    /// Its last 24 hours.
    pub day: LastDay,
}

/// The use of all places together.
pub fn all_places(conn: &mut AnyConnection) -> Result<u32, DatabaseError> {
    counts::all_places(conn)
}

/// Counts for one route.
pub fn route_use(conn: &mut AnyConnection, route: &str, policy: &GuardPolicy) -> Result<RouteUse, DatabaseError> {
    let now = transaction::now(conn)?;
    let starts = counts::starts(conn, route, &policy.rates, now)?;
    let windows = policy.rates.iter().map(|rate| window(*rate, &starts, now)).collect();
    let targets = match &policy.brake {
        Some(brake) => Some(counts::different_targets(conn, route, brake.above, now - brake.within)?),
        None => None,
    };
    let places = if policy.max_in_flight.is_some() { counts::places(conn, route)? } else { 0 };
    Ok(RouteUse { places, windows, targets, day: last_day(conn, route, now - DAY)? })
}

/// `starts`: newest first, as many as the largest limit needs.
fn window(rate: Rate, starts: &[NaiveDateTime], now: NaiveDateTime) -> WindowUse {
    WindowUse { rate, used: rate.in_use(starts, now), free_at: rate.next(starts).filter(|next| *next > now) }
}

#[derive(QueryableByName)]
struct DayRow {
    #[diesel(sql_type = BigInt)]
    started: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    succeeded: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    failed: Option<i64>,
}

/// From the index of starts: a start is one alert and one time, on the row or on its links.
fn last_day(conn: &mut AnyConnection, route: &str, since: NaiveDateTime) -> Result<LastDay, DatabaseError> {
    let row: DayRow = sql_query(
        "SELECT COUNT(*) AS started, SUM(CASE WHEN ended = 'succeeded' THEN 1 ELSE 0 END) AS succeeded, \
         SUM(CASE WHEN ended IN ('failed', 'timeout', 'abandoned') THEN 1 ELSE 0 END) AS failed FROM \
         (SELECT alert_id, started_at, MAX(ended) AS ended FROM (SELECT id AS alert_id, started_at, NULL AS ended \
         FROM poundcake_alerts WHERE guard_key IN (?, ?) AND guard_at > ? UNION ALL \
         SELECT alert_id, started_at, end_status AS ended FROM poundcake_st2_execution_link WHERE route = ? AND started_at > ?) s GROUP BY alert_id, started_at) d",
    )
    .bind::<Text, _>(Role::Place.on(route))
    .bind::<Text, _>(Role::Start.on(route))
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(route)
    .bind::<Timestamp, _>(since)
    .get_result(conn)?;
    let DayRow { started, succeeded, failed } = row;
    Ok(LastDay { started, succeeded: succeeded.unwrap_or(0), failed: failed.unwrap_or(0) })
}

#[derive(QueryableByName)]
struct FailedRow {
    #[diesel(sql_type = Nullable<Text>)]
    route: Option<String>,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Alerts that arrived in the last 24 hours and are failed, by the name of their route.
pub fn failed_by_route(conn: &mut AnyConnection) -> Result<Vec<(Option<String>, i64)>, DatabaseError> {
    let since = transaction::now(conn)? - DAY;
    let rows: Vec<FailedRow> = sql_query(
        "SELECT dispatch_route AS route, COUNT(*) AS n FROM poundcake_alerts \
         WHERE dispatch_status = ? AND next_attempt_at IS NULL AND created_at >= ? GROUP BY dispatch_route",
    )
    .bind::<Text, _>(DispatchStatus::Failed.as_str())
    .bind::<Timestamp, _>(since)
    .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.route, row.n)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::guards::POST_AFTER_START;

    #[test]
    fn a_full_window_says_when_it_allows_the_next_start() {
        let now = chrono::NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(3, 0, 0).unwrap();
        let at = |minutes: i64| now - TimeDelta::minutes(minutes);
        let rate = Rate { starts: 2, window: TimeDelta::hours(1) };
        let full = window(rate, &[at(1), at(20)], now);
        assert_eq!((full.used, full.free_at), (2, Some(at(20) + TimeDelta::minutes(60) + POST_AFTER_START)));
        let free = window(rate, &[at(1), at(70)], now);
        assert_eq!((free.used, free.free_at), (1, None));
    }
}
