//! What an admission writes into rows that it does not start.

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, each_row, update},
        schema::poundcake_alerts::dsl,
        transaction,
    },
    model::{guards::admission::Blocked, ids::AlertId, status::DispatchReason},
    store::guard_key::Role,
};
use chrono::NaiveDateTime;
use diesel::{
    dsl::case_when,
    prelude::*,
    sql_types::{Nullable, Timestamp},
};
use std::collections::BTreeMap;

/// Rows leave the line for a reason of their own; they are locked.
pub(super) fn leave(
    conn: &mut AnyConnection,
    rows: &[(AlertId, DispatchReason, NaiveDateTime)],
    now: NaiveDateTime,
) -> Result<(), DatabaseError> {
    let mut groups: BTreeMap<DispatchReason, Vec<(AlertId, Option<NaiveDateTime>)>> = BTreeMap::new();
    for (id, reason, until) in rows {
        groups.entry(*reason).or_default().push((*id, Some(*until)));
    }
    for (reason, rows) in groups {
        let ids = among(rows.iter().map(|(id, _)| *id));
        let until = each_row::<Nullable<Timestamp>, _>(rows);
        // In the line it is looked at when it expires. That stays so, however many wait for its target.
        let expires = dsl::next_attempt_at.lt(until.clone()).assume_not_null();
        let at = case_when(expires, dsl::next_attempt_at).otherwise(until.clone());
        let values = (dsl::dispatch_reason.eq(Some(reason)), dsl::updated_at.eq(now));
        if reason == DispatchReason::TargetRate {
            update(ids, (values, dsl::next_attempt_at.eq(at))).execute(conn)?;
        } else {
            update(ids, (values, dsl::next_attempt_at.eq(until))).execute(conn)?;
        }
    }
    Ok(())
}

/// See [`super::name_guard`].
pub(super) fn name_guard(
    conn: &mut AnyConnection,
    route: &str,
    blocked: Blocked,
    limit: i64,
) -> Result<usize, DatabaseError> {
    // A pause of the route holds the line as it is: its rows keep the guard that they waited for.
    let reason = match blocked.reason {
        DispatchReason::Paused => return Ok(0),
        reason => reason,
    };
    transaction::write(conn, |conn| {
        let query = dsl::poundcake_alerts
            .filter(dsl::guard_key.eq(Role::Held.on(route)))
            .filter(dsl::dispatch_reason.ne(reason))
            .limit(limit)
            .select(dsl::id);
        let ids: Vec<AlertId> = match conn {
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(conn) => query.for_update().skip_locked().load(conn)?,
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(conn) => query.load(conn)?,
        };
        let changed = ids.len();
        update(among(ids), dsl::dispatch_reason.eq(Some(reason))).execute(conn)?;
        Ok(changed)
    })
}
