//! Pauses: rows of `poundcake_api_calls` that have an end. Those in force are found by it.

use super::orders::{self, Known, NewOrder};
use crate::{
    clock::rfc3339,
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::{
            poundcake_alerts,
            poundcake_api_calls::{self, dsl},
            poundcake_st2_execution_link,
        },
        transaction,
    },
    model::{
        ids::ApiCallId,
        pause::{Pause, Scope, ScopeInBody},
    },
    store::guard_key::Role,
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use diesel::{dsl::exists, prelude::*};
use serde::Deserialize;

/// The path of the API.
pub const PATH: &str = "/api/v1/pauses";
/// The end of pauses without an end: later than any other.
const ENDLESS: NaiveDateTime = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day.and_time(NaiveTime::MIN),
    None => NaiveDateTime::MAX,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = poundcake_api_calls)]
struct Row {
    id: ApiCallId,
    body: String,
    operator: Option<String>,
    created_at: NaiveDateTime,
    pause_until: Option<NaiveDateTime>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(flatten)]
    scope: ScopeInBody,
    reason: String,
}

/// The pauses in force by the database's clock, oldest first. One that cannot be read covers everything
/// ([`Scope::Unreadable`]).
pub fn in_force(conn: &mut AnyConnection) -> Result<Vec<Pause>, DatabaseError> {
    let now = transaction::now(conn)?;
    let rows: Vec<Row> = dsl::poundcake_api_calls
        .filter(dsl::pause_until.gt(Some(now)))
        .order(dsl::id)
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(pause).collect())
}

fn pause(row: Row) -> Pause {
    let read = serde_json::from_str::<Body>(&row.body).map_err(|error| error.to_string());
    let read = read.and_then(|body| Ok((Scope::try_from(body.scope).map_err(|error| error.to_string())?, body.reason)));
    let (scope, reason) = read.unwrap_or_else(|why| (Scope::Unreadable(why), String::new()));
    Pause {
        id: row.id,
        scope,
        reason,
        operator: row.operator.unwrap_or_default(),
        since: row.created_at,
        until: row.pause_until.filter(|until| *until < ENDLESS),
    }
}

/// When a pause ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// So long after now.
    After(TimeDelta),
    /// At this time.
    At(NaiveDateTime),
}

/// Begins a pause; `None`: it would not end in the future, or last longer than `longest`.
pub fn begin(
    conn: &mut AnyConnection,
    order: &NewOrder,
    end: End,
    longest: TimeDelta,
) -> Result<Option<Pause>, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let until = match end {
            End::After(length) => now + length,
            End::At(until) => until,
        };
        if until <= now || until > now + longest {
            return Ok(None);
        }
        let result = serde_json::json!({ "until": rfc3339(until) }).to_string();
        let known = Known { done: Some((201, &result)), pause_until: Some(until) };
        let id = orders::insert(conn, order, known, now)?;
        let (body, operator) = (order.body.clone(), Some(order.operator.clone()));
        Ok(Some(pause(Row { id, body, operator, created_at: now, pause_until: Some(until) })))
    })
}

/// What an order has begun that pauses everything first.
#[derive(Debug)]
pub struct BegunPaused {
    /// The order's row.
    pub order: ApiCallId,
    /// The pause that is in force.
    pub pause: Pause,
    /// It was not in force before.
    pub is_new: bool,
}

/// Writes an order down and begins its pause of everything, which only a person ends: both or none. Such a pause that is in force
/// already is that pause.
pub fn begin_paused(
    conn: &mut AnyConnection,
    order: &NewOrder,
    pause: &NewOrder,
) -> Result<BegunPaused, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let order = orders::insert(conn, order, Known::default(), now)?;
        let found = in_force(conn)?.into_iter().find(|pause| pause.until.is_none() && pause.scope == Scope::Everything);
        if let Some(pause) = found {
            return Ok(BegunPaused { order, pause, is_new: false });
        }
        Ok(BegunPaused { order, pause: insert_endless(conn, pause, now)?, is_new: true })
    })
}

fn insert_endless(conn: &mut AnyConnection, order: &NewOrder, now: NaiveDateTime) -> Result<Pause, DatabaseError> {
    let known = Known { done: Some((201, "{\"until\":null}")), pause_until: Some(ENDLESS) };
    let id = orders::insert(conn, order, known, now)?;
    let (body, operator) = (order.body.clone(), Some(order.operator.clone()));
    Ok(pause(Row { id, body, operator, created_at: now, pause_until: None }))
}

/// Ends a pause now and writes that order down; `None`: none in force has this id.
pub fn end(conn: &mut AnyConnection, id: ApiCallId, order: &NewOrder) -> Result<Option<Pause>, DatabaseError> {
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let row = dsl::poundcake_api_calls.find(id);
        let in_force = row.filter(dsl::pause_until.gt(Some(now))).select(dsl::pause_until);
        let Some(until) = in_force.first::<Option<NaiveDateTime>>(conn).optional()?.flatten() else { return Ok(None) };
        // Of two people at once the second finds another end than it read, even where it read the clock first.
        let unchanged = row.filter(dsl::pause_until.eq(Some(until)));
        if diesel::update(unchanged).set(dsl::pause_until.eq(Some(now))).execute(conn)? == 0 {
            return Ok(None);
        }
        let result = serde_json::json!({ "until": rfc3339(now) }).to_string();
        orders::insert(conn, order, Known { done: Some((200, &result)), pause_until: None }, now)?;
        let row: Row = dsl::poundcake_api_calls.find(id).select(Row::as_select()).first(conn)?;
        Ok(Some(pause(row)))
    })
}

/// Whether a guard holds an alert of this route, or the route started one not long ago.
pub fn is_known_route(conn: &mut AnyConnection, name: &str) -> Result<bool, DatabaseError> {
    use poundcake_alerts::dsl as alerts;
    use poundcake_st2_execution_link::dsl as links;
    let roles = [Role::Held, Role::Released, Role::Target, Role::Place, Role::Start];
    let guarded = alerts::poundcake_alerts.filter(alerts::guard_key.eq_any(roles.map(|role| role.on(name))));
    let linked = links::poundcake_st2_execution_link.filter(links::route.eq(name));
    Ok(diesel::select(exists(guarded)).get_result(conn)? || diesel::select(exists(linked)).get_result(conn)?)
}
