//! Execution links, copied from the old link table and from the extensions before it. Their alerts become `dispatched` in
//! the same transaction: that state means at least one link.

use super::{columns::Columns, judge::Judge, old::Old, values, window};
use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        schema::poundcake_st2_execution_link::{self, dsl},
        transaction,
    },
    model::{ids::RequestId, truncate::column},
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamp},
};
use std::collections::HashSet;

/// The columns that are read; any other of an old table is not copied.
pub(crate) const READ: [&str; 7] =
    ["id", "request_id", "alert_id", "st2_execution_id", "st2_rule_ref", "st2_action_ref", "created_at"];

#[derive(QueryableByName)]
struct OldLink {
    #[diesel(sql_type = BigInt)]
    id: i64,
    /// NULL: no such alert among ours.
    #[diesel(sql_type = Nullable<BigInt>)]
    alert_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    st2_execution_id: Option<String>,
    #[diesel(sql_type = Bool)]
    is_copied: bool,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    /// Of the alert's webhook.
    #[diesel(sql_type = Nullable<Text>)]
    call_request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    st2_rule_ref: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    st2_action_ref: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    alert_created_at: Option<NaiveDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_st2_execution_link, treat_none_as_default_value = false)]
struct Row {
    id: i64,
    request_id: String,
    alert_id: i64,
    st2_execution_id: String,
    st2_rule_ref: Option<String>,
    st2_action_ref: Option<String>,
    created_at: NaiveDateTime,
}

/// Copies the window after an id; `None` behind the last row.
pub(crate) fn copy(
    conn: &mut AnyConnection,
    old: &Old,
    table: &str,
    after: i64,
) -> Result<Option<window::Copied>, DatabaseError> {
    let read = read(conn, old, table, after)?;
    let Some(last) = read.last().map(|link| link.id) else { return Ok(None) };
    let mut pairs = HashSet::new();
    let mut rows: Vec<Row> = read.into_iter().filter_map(OldLink::into_ours).collect();
    rows.retain(|row| pairs.insert((row.alert_id, row.st2_execution_id.clone())));
    keep_ids_apart(conn, old, &mut rows)?;
    if !rows.is_empty() {
        transaction::write(conn, |conn| {
            each!(conn, |c| diesel::insert_into(poundcake_st2_execution_link::table).values(&rows).execute(c))?;
            mark_dispatched(conn, &rows)
        })?;
    }
    Ok(Some(window::Copied { rows: rows.len(), last }))
}

fn read(conn: &mut AnyConnection, old: &Old, table: &str, after: i64) -> Result<Vec<OldLink>, DatabaseError> {
    let columns = Columns::of(conn, table)?;
    let mut select = vec![
        "CAST(o.id AS SIGNED) AS id".to_owned(),
        format!("{} AS alert_id", Judge::new(conn, old)?.alert_id(&columns)),
        format!("{} AS st2_execution_id", Judge::execution_id(&columns)),
    ];
    let same = ["request_id", "st2_rule_ref", "st2_action_ref", "created_at"];
    select.extend(same.map(|name| columns.select(name, &[])));
    let query = format!(
        "SELECT l.id, a.id AS alert_id, l.st2_execution_id, n.id IS NOT NULL AS is_copied, l.request_id, \
           c.request_id AS call_request_id, l.st2_rule_ref, l.st2_action_ref, l.created_at, a.created_at AS alert_created_at \
         FROM (SELECT {} FROM `{table}` o WHERE o.id > ? ORDER BY o.id LIMIT {}) l \
         LEFT JOIN poundcake_alerts a ON a.id = l.alert_id LEFT JOIN poundcake_api_calls c ON c.id = a.api_call_id \
         LEFT JOIN poundcake_st2_execution_link n ON n.alert_id = l.alert_id AND n.st2_execution_id = l.st2_execution_id \
         ORDER BY l.id",
        select.join(", "),
        window::ROWS
    );
    Ok(diesel::sql_query(query).bind::<BigInt, _>(after).load(conn)?)
}

impl OldLink {
    fn into_ours(self) -> Option<Row> {
        let st2_execution_id = self.st2_execution_id.filter(|id| (1..=36).contains(&id.chars().count()))?;
        let alert_id = self.alert_id.filter(|_| !self.is_copied)?;
        let request_id = self.request_id.filter(|id| RequestId::parse(id).is_ok()).or(self.call_request_id)?;
        let name = |text: Option<String>| text.map(|text| column(&text, 255).into_owned());
        Some(Row {
            id: self.id,
            request_id,
            alert_id,
            st2_execution_id,
            st2_rule_ref: name(self.st2_rule_ref),
            st2_action_ref: name(self.st2_action_ref),
            created_at: values::time(self.created_at.as_deref()).or(self.alert_created_at)?,
        })
    }
}

#[derive(QueryableByName)]
struct Highest {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A link keeps its id, unless one of the other old table has it: then it gets one above all.
fn keep_ids_apart(conn: &mut AnyConnection, old: &Old, rows: &mut [Row]) -> Result<(), DatabaseError> {
    let wanted: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let taken: HashSet<i64> = dsl::poundcake_st2_execution_link
        .filter(dsl::id.eq_any(wanted))
        .select(dsl::id)
        .load(conn)?
        .into_iter()
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let tables = old.links().into_iter().chain(["poundcake_st2_execution_link".to_owned()]);
    let highest: Vec<String> = tables.map(|table| format!("SELECT MAX(id) AS id FROM `{table}`")).collect();
    let query = format!("SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) AS id FROM ({}) t", highest.join(" UNION ALL "));
    let Highest { id: mut highest } = diesel::sql_query(query).get_result(conn)?;
    for row in rows.iter_mut().filter(|row| taken.contains(&row.id)) {
        highest += 1;
        row.id = highest;
    }
    Ok(())
}

/// Their alerts ran: that firing is over for us, and a later one is another.
fn mark_dispatched(conn: &mut AnyConnection, rows: &[Row]) -> Result<(), DatabaseError> {
    let alerts: Vec<i64> = rows.iter().map(|row| row.alert_id).collect();
    let ids = window::list(&alerts);
    diesel::sql_query(format!(
        "UPDATE poundcake_alerts a JOIN (SELECT alert_id, MIN(created_at) AS first FROM poundcake_st2_execution_link \
           WHERE alert_id IN ({ids}) GROUP BY alert_id) l ON l.alert_id = a.id \
         SET a.dispatch_status = 'dispatched', a.dispatch_reason = NULL, a.dispatched_at = l.first, \
           a.closed_at = a.updated_at, a.last_seen_at = a.updated_at"
    ))
    .execute(conn)?;
    Ok(())
}
