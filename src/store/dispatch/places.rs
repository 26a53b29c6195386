//! Which executions take places, and that they have ended.

use crate::{
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_st2_execution_link::dsl, transaction},
    model::truncate::column,
    store::guard_key::Role,
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use std::collections::{BTreeMap, BTreeSet};

/// `end_status` of an execution that StackStorm has deleted.
pub const GONE: &str = "gone";
/// `end_status` of an execution that had not ended at `POUNDCAKE_EXECUTION_DEADLINE`.
pub const OVERDUE: &str = "overdue";

/// Characters of `end_status`.
const STATUS: usize = 20;

/// An execution that takes a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// StackStorm's id.
    pub execution_id: String,
    /// How long ago its dispatch was started, by the database's clock.
    pub age: TimeDelta,
}

/// Executions that take places of these routes (`None`: of any), oldest link first.
pub fn taken(conn: &mut AnyConnection, routes: Option<&[String]>, limit: i64) -> Result<Vec<Place>, DatabaseError> {
    let now = transaction::now(conn)?;
    let query = dsl::poundcake_st2_execution_link
        .select((dsl::st2_execution_id, dsl::started_at))
        .order(dsl::id)
        .limit(limit)
        .into_boxed();
    let query = match routes {
        Some(routes) => {
            query.filter(dsl::guard_key.eq_any(routes.iter().map(|route| Role::Place.on(route)).collect::<Vec<_>>()))
        }
        None => query.filter(sql::<Bool>(&Role::Place.on_any_route())),
    };
    let rows: Vec<(String, Option<NaiveDateTime>)> = query.load(conn)?;
    let place = |(execution_id, started_at): (String, Option<NaiveDateTime>)| Place {
        execution_id,
        age: started_at.map_or(TimeDelta::zero(), |started_at| now - started_at),
    };
    Ok(rows.into_iter().map(place).collect())
}

/// Writes that executions have ended, each with StackStorm's status. The first end that is written stays. Twice is safe.
pub fn end(conn: &mut AnyConnection, ends: &[(String, String)]) -> Result<usize, DatabaseError> {
    let mut statuses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (id, status) in ends {
        statuses.entry(status).or_default().insert(id);
    }
    if statuses.is_empty() {
        return Ok(0);
    }
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let mut ended = 0;
        for (status, ids) in &statuses {
            let chosen = dsl::st2_execution_id.eq_any(ids).and(dsl::ended_at.is_null());
            ended += diesel::update(dsl::poundcake_st2_execution_link.filter(chosen))
                .set((dsl::ended_at.eq(Some(now)), dsl::end_status.eq(Some(column(status, STATUS)))))
                .execute(conn)?;
        }
        Ok(ended)
    })
}
