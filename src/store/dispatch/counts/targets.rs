//! Starts and waits of single targets (`per_target`).

use super::StartedAt;
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::{
        guards::{
            admission::Waits,
            rate::{self, Rate},
        },
        ids::AlertId,
    },
    store::guard_key::Role,
};
use chrono::NaiveDateTime;
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text, Timestamp},
};
use std::collections::HashMap;

/// Targets to be counted, by route.
#[derive(Debug, Default)]
pub struct AskedTargets(HashMap<String, (Vec<Rate>, Vec<String>)>);

impl AskedTargets {
    /// Adds a target of a route whose `per_target` has these rates.
    pub fn ask(&mut self, route: &str, target: &str, rates: &[Rate]) {
        let (_, targets) = self.0.entry(route.to_owned()).or_insert_with(|| (rates.to_vec(), Vec::new()));
        if !targets.iter().any(|known| known == target) {
            targets.push(target.to_owned());
        }
    }
}

/// What is known of one target of one route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetCount {
    /// The newest starts, newest first.
    pub starts: Vec<NaiveDateTime>,
    /// The rows of the route that wait for the target.
    pub waits: Option<Waits>,
}

/// What is known of targets, by route and target.
#[derive(Debug, Default)]
pub struct TargetCounts(HashMap<(String, String), TargetCount>);

impl IntoIterator for TargetCounts {
    type Item = ((String, String), TargetCount);
    type IntoIter = std::collections::hash_map::IntoIter<(String, String), TargetCount>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl TargetCounts {
    /// What is known of one.
    pub fn of(&mut self, route: &str, target: &str) -> &mut TargetCount {
        self.0.entry((route.to_owned(), target.to_owned())).or_default()
    }
}

#[derive(QueryableByName)]
struct WaitsRow {
    #[diesel(sql_type = Timestamp)]
    first: NaiveDateTime,
    #[diesel(sql_type = Timestamp)]
    since: NaiveDateTime,
    #[diesel(sql_type = BigInt)]
    id: AlertId,
    #[diesel(sql_type = Timestamp)]
    last: NaiveDateTime,
}

/// Counts targets; nothing is asked of the database where no target is.
pub fn targets(
    conn: &mut AnyConnection,
    asked: &AskedTargets,
    now: NaiveDateTime,
) -> Result<TargetCounts, DatabaseError> {
    let mut counts = TargetCounts::default();
    for (route, (rates, targets)) in &asked.0 {
        let Some((most, longest)) = rate::needed(rates) else { continue };
        for target in targets {
            let starts = target_starts(conn, route, target, (most, now - longest))?;
            *counts.of(route, target) = TargetCount { starts, waits: waits(conn, route, target)? };
        }
    }
    Ok(counts)
}

/// Two looks into the index: the first and the last of those that wait. Other routes may hold rows for the same target.
fn waits(conn: &mut AnyConnection, route: &str, target: &str) -> Result<Option<Waits>, DatabaseError> {
    let key = Role::Target.on(route);
    let row: Option<WaitsRow> = sql_query(
        "SELECT guard_at AS first, COALESCE(pending_at, created_at) AS since, id, \
         (SELECT MAX(l.guard_at) FROM poundcake_alerts l WHERE l.guard_key = ? AND l.guard_target = ?) AS last \
         FROM poundcake_alerts WHERE guard_key = ? AND guard_target = ? AND guard_at IS NOT NULL ORDER BY guard_at LIMIT 1",
    )
    .bind::<Text, _>(&key)
    .bind::<Text, _>(target)
    .bind::<Text, _>(&key)
    .bind::<Text, _>(target)
    .get_result(conn)
    .optional()?;
    Ok(row.map(|WaitsRow { first, since, id, last }| Waits { first, since: (since, id), last }))
}

fn target_starts(
    conn: &mut AnyConnection,
    route: &str,
    target: &str,
    (most, since): (u32, NaiveDateTime),
) -> Result<Vec<NaiveDateTime>, DatabaseError> {
    let (place, start) = (Role::Place.on(route), Role::Start.on(route));
    let rows: Vec<StartedAt> = sql_query(
        "SELECT at FROM (SELECT id AS alert_id, started_at AS at FROM poundcake_alerts \
         WHERE guard_key IN (?, ?) AND guard_target = ? AND guard_at > ? \
         UNION SELECT alert_id, started_at AS at FROM poundcake_st2_execution_link \
         WHERE guard_key IN (?, ?) AND guard_target = ? AND started_at > ?) s ORDER BY at DESC LIMIT ?",
    )
    .bind::<Text, _>(&place)
    .bind::<Text, _>(&start)
    .bind::<Text, _>(target)
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(&place)
    .bind::<Text, _>(&start)
    .bind::<Text, _>(target)
    .bind::<Timestamp, _>(since)
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.at).collect())
}
