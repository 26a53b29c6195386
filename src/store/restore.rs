//! What `poundcake restored` changes in a database that was restored from a backup and does not know what ran since.
//!
//! - [`waiting`]: rows that are not final become `pending` and uncertain, in a generation that nothing has seen.
//! - [`read_back`]: what StackStorm ran since becomes rows and links: the row that is there, or one that is made again.
//! - [`connections`]: who else is connected.
//!
//! Crash safety: each row is one transaction, and says in its `dispatch_log` what was done. The same command again passes over
//! what is done, and takes the rest.

pub mod connections;
mod episode;
pub mod read_back;
pub mod waiting;

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::{poundcake_alerts, poundcake_api_calls, poundcake_st2_execution_link as links},
        transaction,
    },
    model::ids::{AlertId, ApiCallId},
};
use chrono::NaiveDateTime;
use diesel::{dsl::max, prelude::*};

/// What the restored database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// The database's clock.
    pub now: NaiveDateTime,
    /// The newest alert.
    pub newest_alert: Option<AlertId>,
    /// When a process last wrote its own row: the backup is hardly later.
    pub newest_beat: Option<NaiveDateTime>,
}

/// Reads it.
pub fn stand(conn: &mut AnyConnection) -> Result<Stand, DatabaseError> {
    let calls = poundcake_api_calls::table.filter(poundcake_api_calls::id.lt(ApiCallId(-1)));
    Ok(Stand {
        now: transaction::now(conn)?,
        newest_alert: poundcake_alerts::table.select(max(poundcake_alerts::id)).first(conn)?,
        newest_beat: calls.select(max(poundcake_api_calls::created_at)).first(conn)?,
    })
}

/// The newest link that was made before this time; 0 if there is none. Read from the newest backwards.
pub fn newest_link(conn: &mut AnyConnection, before: NaiveDateTime) -> Result<i64, DatabaseError> {
    let links = links::table.filter(links::created_at.lt(before)).order(links::id.desc());
    Ok(links.select(links::id).first(conn).optional()?.unwrap_or_default())
}
