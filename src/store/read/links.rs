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
use diesel::prelude::*;
use serde::Serialize;
use std::collections::HashMap;

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

/// The first link of each of these executions, by the execution's id: an execution that several alerts share counts once.
pub fn first_links(conn: &mut AnyConnection, executions: &[String]) -> Result<HashMap<String, i64>, DatabaseError> {
    let rows: Vec<(String, Option<i64>)> = dsl::poundcake_st2_execution_link
        .filter(dsl::st2_execution_id.eq_any(executions))
        .group_by(dsl::st2_execution_id)
        .select((dsl::st2_execution_id, diesel::dsl::min(dsl::id)))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(execution, first)| Some((execution, first?))).collect())
}
