//! How many rows guards hold and for how long, how many places are taken, and the pauses in force, for `/metrics`.

use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::status::DispatchReason,
    store::{guard_key::Role, operate::pauses},
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp},
};

/// Rows that one guard of one route holds.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct HeldRows {
    /// The route's name.
    #[diesel(sql_type = Nullable<Text>)]
    pub dispatch_route: Option<String>,
    /// The guard.
    #[diesel(sql_type = Nullable<Text>)]
    pub dispatch_reason: Option<DispatchReason>,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
    /// Since when the oldest of them waits.
    #[diesel(sql_type = Nullable<Timestamp>)]
    pub oldest: Option<NaiveDateTime>,
}

impl HeldRows {
    /// The route's name, for a label.
    pub fn route(&self) -> &str {
        self.dispatch_route.as_deref().unwrap_or_default()
    }

    /// The guard's name, for a label.
    pub fn reason(&self) -> &'static str {
        self.dispatch_reason.map_or("", DispatchReason::as_str)
    }
}

/// Dispatches of one route that are started and not finished.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Places {
    /// The route's name.
    #[diesel(sql_type = Text)]
    pub route: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// What guards hold and start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardDepth {
    /// Rows that wait.
    pub held: Vec<HeldRows>,
    /// Places that are taken.
    pub places: Vec<Places>,
    /// When each pause in force began.
    pub pauses: Vec<NaiveDateTime>,
    /// The database's time.
    pub now: NaiveDateTime,
}

impl GuardDepth {
    /// Seconds since then; 0 for what is not known or in the future.
    pub fn seconds_since(&self, then: Option<NaiveDateTime>) -> i64 {
        then.map_or(0, |then| (self.now - then).num_seconds().max(0))
    }

    /// The age of the oldest pause in force; 0 without one.
    pub fn oldest_pause_seconds(&self) -> i64 {
        self.seconds_since(self.pauses.iter().min().copied())
    }
}

/// Reads all of it.
pub fn read(conn: &mut AnyConnection) -> Result<GuardDepth, DatabaseError> {
    let now = transaction::now(conn)?;
    let held = diesel::sql_query(
        "SELECT dispatch_route, dispatch_reason, COUNT(*) AS n, MIN(pending_at) AS oldest FROM poundcake_alerts \
         WHERE dispatch_status = 'held' GROUP BY dispatch_route, dispatch_reason",
    )
    .load(conn)?;
    let place = Role::Place.on_any_route();
    // A key is `place/ROUTE`.
    let places = diesel::sql_query(format!(
        "SELECT route, CAST(SUM(n) AS SIGNED) AS n FROM ( \
         SELECT SUBSTR(guard_key, 7) AS route, COUNT(*) AS n FROM poundcake_alerts \
         WHERE {place} GROUP BY guard_key UNION ALL \
         SELECT SUBSTR(guard_key, 7) AS route, COUNT(DISTINCT alert_id) AS n FROM poundcake_st2_execution_link \
         WHERE {place} GROUP BY guard_key) p GROUP BY route",
    ))
    .load(conn)?;
    let pauses = pauses::in_force(conn)?.into_iter().map(|pause| pause.since).collect();
    Ok(GuardDepth { held, places, pauses, now })
}
