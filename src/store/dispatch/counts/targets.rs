//! Starts and waits of single targets (`per_target`).

use super::StartedAt;
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::guards::rate::{self, Rate},
};
use chrono::NaiveDateTime;
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamp},
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
    /// When the last row that waits for the target is looked at.
    pub last_wait: Option<NaiveDateTime>,
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
struct Wait {
    #[diesel(sql_type = Nullable<Timestamp>)]
    at: Option<NaiveDateTime>,
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
            let wait: Wait = sql_query(
                "SELECT MAX(next_attempt_at) AS at FROM poundcake_alerts \
                 WHERE guard_target = ? AND dispatch_reason = 'target_rate'",
            )
            .bind::<Text, _>(target)
            .get_result(conn)?;
            *counts.of(route, target) = TargetCount { starts, last_wait: wait.at };
        }
    }
    Ok(counts)
}

fn target_starts(
    conn: &mut AnyConnection,
    route: &str,
    target: &str,
    (most, since): (u32, NaiveDateTime),
) -> Result<Vec<NaiveDateTime>, DatabaseError> {
    let rows: Vec<StartedAt> = sql_query(
        "SELECT at FROM (SELECT id AS alert_id, started_at AS at FROM poundcake_alerts \
         WHERE guard_target = ? AND started_at > ? AND started_route = ? \
         UNION SELECT alert_id, started_at AS at FROM poundcake_st2_execution_link \
         WHERE guard_target = ? AND started_at > ? AND route = ?) s ORDER BY at DESC LIMIT ?",
    )
    .bind::<Text, _>(target)
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(route)
    .bind::<Text, _>(target)
    .bind::<Timestamp, _>(since)
    .bind::<Text, _>(route)
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.at).collect())
}
