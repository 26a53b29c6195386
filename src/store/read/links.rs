//! `poundcake_st2_execution_link`: by alert, by execution, or a page of them.

use crate::{
    clock::comparable,
    database::{
        DatabaseError,
        connection::AnyConnection,
        json::time,
        page::{Page, Position, Window, after},
        schema::poundcake_st2_execution_link::{self, dsl},
    },
    model::ids::{AlertId, RequestId},
};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamp},
};
use serde::Serialize;

/// A row of `poundcake_st2_execution_link`.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_st2_execution_link)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct ExecutionLink {
    #[serde(skip)]
    pub id: i64,
    #[serde(skip)]
    pub request_id: String,
    #[serde(skip)]
    pub alert_id: AlertId,
    pub st2_execution_id: String,
    pub st2_rule_ref: Option<String>,
    pub st2_action_ref: Option<String>,
    #[serde(serialize_with = "time")]
    pub created_at: NaiveDateTime,
}

/// Which links; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkFilter {
    /// Of one webhook.
    pub request_id: Option<RequestId>,
    /// Of one alert.
    pub alert_id: Option<AlertId>,
    /// `st2_action_ref`.
    pub action: Option<String>,
    /// Written at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Written before this time.
    pub to: Option<DateTime<Utc>>,
}

/// All links of these alerts, in the order they were written.
pub fn links_of_alerts(conn: &mut AnyConnection, alerts: &[AlertId]) -> Result<Vec<ExecutionLink>, DatabaseError> {
    let mut all = Vec::new();
    for alerts in alerts.chunks(1_000) {
        let found = dsl::poundcake_st2_execution_link.filter(dsl::alert_id.eq_any(alerts)).order(dsl::id);
        all.extend(found.select(ExecutionLink::as_select()).load::<ExecutionLink>(conn)?);
    }
    Ok(all)
}

/// The links of one execution: more than one where several alerts share it.
pub fn links_of_execution(conn: &mut AnyConnection, execution: &str) -> Result<Vec<ExecutionLink>, DatabaseError> {
    let found = dsl::poundcake_st2_execution_link.filter(dsl::st2_execution_id.eq(execution)).order(dsl::id);
    Ok(found.select(ExecutionLink::as_select()).load(conn)?)
}

/// A page of links.
pub fn links(
    conn: &mut AnyConnection,
    filter: &LinkFilter,
    window: Window,
) -> Result<Page<ExecutionLink>, DatabaseError> {
    let mut query = dsl::poundcake_st2_execution_link
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .limit(window.rows())
        .select(ExecutionLink::as_select())
        .into_boxed();
    if let Some(request_id) = filter.request_id {
        query = query.filter(dsl::request_id.eq(request_id.to_string()));
    }
    if let Some(alert_id) = filter.alert_id {
        query = query.filter(dsl::alert_id.eq(alert_id));
    }
    if let Some(action) = &filter.action {
        query = query.filter(dsl::st2_action_ref.eq(action));
    }
    if let Some(from) = filter.from {
        query = query.filter(dsl::created_at.ge(comparable(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter(dsl::created_at.lt(comparable(to)));
    }
    if let Some(position) = window.after {
        query = query.filter(after!(dsl, position));
    }
    Ok(Page::cut(query.load(conn)?, window, |row| Position { at: row.created_at, id: row.id }))
}

/// What a count needs of a link.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct CountedLink {
    /// The row.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The execution.
    #[diesel(sql_type = Text)]
    pub st2_execution_id: String,
    /// The action's ref.
    #[diesel(sql_type = Nullable<Text>)]
    pub st2_action_ref: Option<String>,
    /// When it was written.
    #[diesel(sql_type = Timestamp)]
    pub created_at: NaiveDateTime,
}

/// The first links of executions that were written from `from` on and before `to`, oldest first, behind `after` of that order; at
/// most `most`. An execution that several alerts share counts once.
pub fn first_links(
    conn: &mut AnyConnection,
    (from, to): (NaiveDateTime, NaiveDateTime),
    after: Option<(NaiveDateTime, i64)>,
    most: u16,
) -> Result<Vec<CountedLink>, DatabaseError> {
    let (at, id) = after.unwrap_or((from, 0));
    // Each condition on `created_at` alone lets the index begin at the place that was reached.
    let query = sql_query(
        "SELECT l.id, l.st2_execution_id, l.st2_action_ref, l.created_at FROM poundcake_st2_execution_link l \
         WHERE l.created_at >= ? AND l.created_at < ? AND (l.created_at > ? OR l.id > ?) AND NOT EXISTS \
         (SELECT 1 FROM poundcake_st2_execution_link f WHERE f.st2_execution_id = l.st2_execution_id AND f.id < l.id) \
         ORDER BY l.created_at, l.id LIMIT ?",
    );
    let query = query.bind::<Timestamp, _>(at).bind::<Timestamp, _>(to).bind::<Timestamp, _>(at).bind::<BigInt, _>(id);
    Ok(query.bind::<BigInt, _>(i64::from(most)).load(conn)?)
}

/// When the first link that is left was written.
pub fn first_link(conn: &mut AnyConnection) -> Result<Option<NaiveDateTime>, DatabaseError> {
    Ok(dsl::poundcake_st2_execution_link.select(diesel::dsl::min(dsl::created_at)).first(conn)?)
}
