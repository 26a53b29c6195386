//! `poundcake_st2_execution_link`: which executions an alert led to.

use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{Clock, known_by_text},
        schema::poundcake_st2_execution_link::dsl,
        transaction,
    },
    model::{
        ids::{AlertId, RequestId},
        truncate::column,
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{
    backend::Backend,
    prelude::*,
    query_builder::{AstPass, QueryFragment},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Nullable, Text, Timestamp},
};
use std::{borrow::Cow, collections::HashSet};

/// Characters of a ref kept.
const REF: usize = 255;

/// An execution that belongs to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// StackStorm's id.
    pub execution_id: String,
    /// The rule that ran it, in rule mode.
    pub rule_ref: Option<String>,
    /// The action that was run.
    pub action_ref: Option<String>,
}

/// What guards count of the dispatch that led to an execution. A link keeps it when a replay takes it from the alert's row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkStart {
    /// The alert's fingerprint.
    pub fingerprint: String,
    /// The route that started it.
    pub route: Option<String>,
    /// Guarded routes: what `per_target` and `brake` count.
    pub guard_target: Option<String>,
    /// The start of the dispatch.
    pub started_at: Option<NaiveDateTime>,
}

/// The executions that are known for an alert, of all its generations.
pub fn of_alert(conn: &mut AnyConnection, alert_id: AlertId) -> Result<HashSet<String>, DatabaseError> {
    let chosen = dsl::poundcake_st2_execution_link.filter(dsl::alert_id.eq(alert_id)).select(dsl::st2_execution_id);
    Ok(chosen.load(conn)?.into_iter().collect())
}

/// A link as the tracker reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSeen {
    /// The row.
    pub id: i64,
    /// StackStorm's id.
    pub execution_id: String,
    /// The action that was run.
    pub action_ref: Option<String>,
    /// True when it is so old that no link with a smaller id can appear any more: ids are handed out at the INSERT and seen
    /// after the COMMIT, so two of them can become visible in the other order, but no transaction lasts for minutes.
    pub gapless: bool,
}

/// Before this age no link can be missing any more. A transaction that stands still is ended after 10 s (`database::session`).
const GAPS_CLOSE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The links after this one, in order of their ids.
pub fn after(conn: &mut AnyConnection, id: i64, limit: i64) -> Result<Vec<LinkSeen>, DatabaseError> {
    let before = transaction::now(conn)? - GAPS_CLOSE_AFTER;
    let rows: Vec<(i64, String, Option<String>, NaiveDateTime)> = dsl::poundcake_st2_execution_link
        .filter(dsl::id.gt(id))
        .order(dsl::id)
        .limit(limit)
        .select((dsl::id, dsl::st2_execution_id, dsl::st2_action_ref, dsl::created_at))
        .load(conn)?;
    let seen = |(id, execution_id, action_ref, created_at): (i64, String, Option<String>, NaiveDateTime)| LinkSeen {
        id,
        execution_id,
        action_ref,
        gapless: created_at < before,
    };
    Ok(rows.into_iter().map(seen).collect())
}

/// Executions linked after this link and longer ago than `age`, in the order of their links, each with its link's age in seconds.
pub fn older(
    conn: &mut AnyConnection,
    id: i64,
    age: TimeDelta,
    limit: i64,
) -> Result<Vec<(String, i64)>, DatabaseError> {
    let now = transaction::now(conn)?;
    let rows: Vec<(String, NaiveDateTime)> = dsl::poundcake_st2_execution_link
        .filter(dsl::id.gt(id))
        .filter(dsl::created_at.lt(now - age))
        .order(dsl::id)
        .limit(limit)
        .select((dsl::st2_execution_id, dsl::created_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(execution, created_at)| (execution, (now - created_at).num_seconds())).collect())
}

/// A link to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewLink {
    pub(crate) request_id: RequestId,
    pub(crate) alert_id: AlertId,
    pub(crate) link: Link,
    pub(crate) start: LinkStart,
}

struct Row<'a> {
    request_id: String,
    alert_id: AlertId,
    st2_execution_id: &'a str,
    st2_rule_ref: Option<Cow<'a, str>>,
    st2_action_ref: Option<Cow<'a, str>>,
    created_at: Clock,
    start: &'a LinkStart,
}

/// An INSERT of links. diesel's own is prepared each time; this one stays prepared for few rows, whose trips are most of its cost.
struct Insert<'a>(Vec<Row<'a>>);

/// Up to so many rows: as many statements are kept per connection.
const KEPT: usize = 32;

known_by_text!(Insert<'_>);

impl<Conn> RunQueryDsl<Conn> for Insert<'_> {}

impl<DB> QueryFragment<DB> for Insert<'_>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Timestamp>,
    AlertId: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
    String: ToSql<Text, DB>,
    for<'c> Option<Cow<'c, str>>: ToSql<Nullable<Text>, DB>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    Option<NaiveDateTime>: ToSql<Nullable<Timestamp>, DB>,
    NaiveDateTime: ToSql<Timestamp, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.0.len() > KEPT {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(
            "INSERT INTO poundcake_st2_execution_link \
             (request_id, alert_id, st2_execution_id, st2_rule_ref, st2_action_ref, fingerprint, route, guard_target, started_at, \
             created_at) VALUES ",
        );
        for (index, row) in self.0.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { ", (" });
            out.push_bind_param::<Text, _>(&row.request_id)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.alert_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.st2_execution_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.st2_rule_ref)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.st2_action_ref)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&row.start.fingerprint)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.start.route)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.start.guard_target)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Timestamp>, _>(&row.start.started_at)?;
            out.push_sql(", ");
            row.created_at.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        Ok(())
    }
}

/// Inserts all; one that is there already fails the transaction as contention.
///
/// The alerts must be updated before, in the same transaction: the foreign key's lock taken first deadlocks (measured).
pub(crate) fn insert<'a>(
    conn: &mut AnyConnection,
    links: impl IntoIterator<Item = &'a NewLink>,
) -> Result<(), DatabaseError> {
    let now = transaction::clock(conn);
    let row = |new: &'a NewLink| Row {
        request_id: new.request_id.to_string(),
        alert_id: new.alert_id,
        st2_execution_id: &new.link.execution_id,
        st2_rule_ref: new.link.rule_ref.as_deref().map(|text| column(text, REF)),
        st2_action_ref: new.link.action_ref.as_deref().map(|text| column(text, REF)),
        created_at: now,
        start: &new.start,
    };
    let rows: Vec<Row<'_>> = links.into_iter().map(row).collect();
    if !rows.is_empty() {
        Insert(rows).execute(conn)?;
    }
    Ok(())
}

/// Inserts those that are not there yet, and returns the alerts that had another link already.
///
/// Those that are there are left: a record that is written again after an unanswered COMMIT changes nothing.
pub(crate) fn insert_missing(conn: &mut AnyConnection, links: &[NewLink]) -> Result<HashSet<AlertId>, DatabaseError> {
    if links.is_empty() {
        return Ok(HashSet::new());
    }
    let alerts: Vec<AlertId> = links.iter().map(|new| new.alert_id).collect();
    let mut known: HashSet<(AlertId, String)> = dsl::poundcake_st2_execution_link
        .filter(dsl::alert_id.eq_any(alerts))
        .select((dsl::alert_id, dsl::st2_execution_id))
        .load::<(AlertId, String)>(conn)?
        .into_iter()
        .collect();
    let linked: HashSet<AlertId> = known.iter().map(|(alert_id, _)| *alert_id).collect();
    let missing: Vec<&NewLink> =
        links.iter().filter(|new| known.insert((new.alert_id, new.link.execution_id.clone()))).collect();
    insert(conn, missing.iter().copied())?;
    Ok(missing.iter().map(|new| new.alert_id).filter(|alert_id| linked.contains(alert_id)).collect())
}
