//! Pauses in force: rows of `poundcake_api_calls` that have not ended, found by their end.

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::poundcake_api_calls::{self, dsl},
        transaction,
    },
    model::{
        ids::ApiCallId,
        pause::{Pause, Scope, ScopeInBody},
    },
};
use chrono::{Datelike, NaiveDateTime};
use diesel::prelude::*;
use serde::Deserialize;

/// The year in which pauses without an end are said to end: later than any other.
const ENDLESS: i32 = 9999;

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
    let rows: Vec<Row> =
        dsl::poundcake_api_calls.filter(dsl::pause_until.gt(now)).order(dsl::id).select(Row::as_select()).load(conn)?;
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
        until: row.pause_until.filter(|until| until.year() < ENDLESS),
    }
}
