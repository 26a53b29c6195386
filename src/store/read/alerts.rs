//! `poundcake_alerts`: one row whole, or a page of them in short.

use super::search::{self, Search, Slice};
use crate::{
    clock::comparable,
    database::{
        DatabaseError,
        connection::AnyConnection,
        json::{json, optional_time, time},
        page::{Page, Position, Window, after},
        schema::poundcake_alerts::{self, dsl},
        transaction,
    },
    model::{
        ids::{AlertId, ApiCallId},
        status::{AlertStatus, DispatchReason, DispatchStatus},
    },
    store::operate::filter::{Call, Condition, Filter, api_call},
};
use chrono::NaiveDateTime;
use diesel::{dsl::sql, prelude::*, sql_types::Timestamp};
use serde::Serialize;
use std::time::Duration;

/// What a list shows of a row of `poundcake_alerts`.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct AlertSummary {
    pub id: AlertId,
    #[serde(skip)]
    pub api_call_id: ApiCallId,
    pub fingerprint: String,
    pub alert_name: String,
    pub severity: String,
    pub instance: String,
    pub status: AlertStatus,
    #[serde(serialize_with = "optional_time")]
    pub starts_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "optional_time")]
    pub ends_at: Option<NaiveDateTime>,
    pub dispatch_status: DispatchStatus,
    pub dispatch_reason: Option<DispatchReason>,
    pub dispatch_target: Option<String>,
    pub dispatch_route: Option<String>,
    pub dispatch_generation: i32,
    pub dispatch_attempts: i32,
    pub dispatch_error: Option<String>,
    #[serde(serialize_with = "time")]
    pub created_at: NaiveDateTime,
    #[serde(serialize_with = "optional_time")]
    pub dispatched_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "optional_time")]
    pub next_attempt_at: Option<NaiveDateTime>,
    pub opened_by: Option<AlertId>,
}

/// A row of `poundcake_alerts`, without what only the program needs.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Alert {
    #[serde(flatten)]
    #[diesel(embed)]
    pub summary: AlertSummary,
    #[serde(serialize_with = "json")]
    pub labels: String,
    #[serde(serialize_with = "json")]
    pub annotations: String,
    pub generator_url: Option<String>,
    pub st2_rule_matched: Option<String>,
    #[serde(serialize_with = "optional_time")]
    pub last_seen_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "optional_time")]
    pub closed_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "optional_time")]
    pub pending_at: Option<NaiveDateTime>,
    #[serde(serialize_with = "optional_time")]
    pub attempted_at: Option<NaiveDateTime>,
    pub dispatch_uncertain: bool,
    /// Shown apart, as the attempts.
    #[serde(skip)]
    pub dispatch_log: Option<String>,
}

/// An alert by its id.
pub fn alert(conn: &mut AnyConnection, id: AlertId) -> Result<Option<Alert>, DatabaseError> {
    Ok(dsl::poundcake_alerts.find(id).select(Alert::as_select()).first(conn).optional()?)
}

/// Those of these ids that are there, by ascending id.
pub fn alerts_by_id(conn: &mut AnyConnection, ids: &[AlertId]) -> Result<Vec<Alert>, DatabaseError> {
    let found = dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)).order(dsl::id);
    Ok(found.select(Alert::as_select()).load(conn)?)
}

/// All alerts of one webhook, in the order they were stored.
pub fn alerts_of_call(conn: &mut AnyConnection, call: ApiCallId) -> Result<Vec<Alert>, DatabaseError> {
    let found = dsl::poundcake_alerts.filter(dsl::api_call_id.eq(call)).order(dsl::id);
    Ok(found.select(Alert::as_select()).load(conn)?)
}

/// A page of the alerts that the filter chooses. A search by filters that no index has together ends after `patience`, with fewer
/// rows than asked for and the place where it goes on.
pub fn alerts(
    conn: &mut AnyConnection,
    filter: &Filter,
    window: Window,
    patience: Duration,
) -> Result<Page<AlertSummary>, DatabaseError> {
    if search::is_search(filter) {
        return searched(conn, filter, window, patience);
    }
    by_index(conn, filter, window)
}

fn searched(
    conn: &mut AnyConnection,
    filter: &Filter,
    window: Window,
    patience: Duration,
) -> Result<Page<AlertSummary>, DatabaseError> {
    let first = dsl::poundcake_alerts.select(diesel::dsl::min(dsl::created_at)).first(conn)?;
    let Some(first): Option<NaiveDateTime> = first else { return Ok(Page::none()) };
    let newest = match (window.after, filter.to) {
        (Some(Position { at, .. }), _) => at,
        (None, Some(to)) => comparable(to),
        (None, None) => transaction::now(conn)?,
    };
    let oldest = filter.from.map_or(first, |from| comparable(from).max(first));
    let rows = usize::from(window.limit) + 1;
    let search = Search { newest, oldest, rows, patience };
    let (rows, searched_to) = search.run(|slice, wanted| of_slice(conn, filter, window, slice, wanted))?;
    let page = Page::cut(rows, window, |row| Position { at: row.created_at, id: row.id.0 });
    // Rows of exactly this time were in the slice; ids begin at 1.
    let on = searched_to.map(|at| Position { at, id: 1 });
    Ok(Page { next: page.next.or(on), ..page })
}

/// At most `wanted` rows of a slice of time, newest first, from the window's place on.
fn of_slice(
    conn: &mut AnyConnection,
    filter: &Filter,
    window: Window,
    (begin, end): Slice,
    wanted: usize,
) -> Result<Vec<AlertSummary>, DatabaseError> {
    let slice = || {
        let mut query = chosen(filter, Call::Any, window).filter(dsl::created_at.ge(begin));
        if let Some(end) = end {
            query = query.filter(dsl::created_at.lt(end));
        }
        query.limit(i64::try_from(wanted).unwrap_or(i64::MAX))
    };
    let key = (dsl::created_at, dsl::id);
    // Keys first: they are found by index and condition alone, and only rows that are shown are read whole.
    let mut keys: Vec<(NaiveDateTime, AlertId)> = match halves(filter) {
        Some(halves) => {
            let mut keys = newest_first(slice().filter(halves.in_order)).select(key).load(conn)?;
            keys.extend(
                newest_first(slice().filter(halves.others)).select(key).load::<(NaiveDateTime, AlertId)>(conn)?,
            );
            keys
        }
        None => newest_first(slice()).select(key).load(conn)?,
    };
    keys.sort_unstable_by(|one, other| other.cmp(one));
    keys.dedup();
    keys.truncate(wanted);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let ids = keys.into_iter().map(|(_, id)| id);
    let rows = dsl::poundcake_alerts.filter(filter.condition()).filter(dsl::id.eq_any(ids)).into_boxed();
    Ok(newest_first(rows).select(AlertSummary::as_select()).load(conn)?)
}

fn by_index(conn: &mut AnyConnection, filter: &Filter, window: Window) -> Result<Page<AlertSummary>, DatabaseError> {
    let Some(call) = api_call(conn, filter)? else { return Ok(Page::none()) };
    if let Some(halves) = halves(filter) {
        let Page { rows: keys, next } = newest(conn, filter, call, window, halves)?;
        // What does not match any more is left out; the keys alone tell where the next page begins.
        let ids = keys.into_iter().map(|key| key.id);
        let rows =
            newest_first(dsl::poundcake_alerts.filter(filter.condition()).filter(dsl::id.eq_any(ids)).into_boxed());
        return Ok(Page { rows: rows.select(AlertSummary::as_select()).load(conn)?, next });
    }
    let rows = newest_first(chosen(filter, call, window)).limit(window.rows());
    let rows = rows.select(AlertSummary::as_select()).load(conn)?;
    Ok(Page::cut(rows, window, |row| Position { at: row.created_at, id: row.id.0 }))
}

/// The place in the list at which the ids below `id` begin.
pub fn alerts_below(conn: &mut AnyConnection, id: AlertId) -> Result<Position, DatabaseError> {
    let newest = dsl::poundcake_alerts.filter(dsl::id.lt(id)).order(dsl::id.desc()).select((dsl::created_at, dsl::id));
    let newest: Option<(NaiveDateTime, AlertId)> = newest.first(conn).optional()?;
    // A page begins after its place, so the place is one id above the first row.
    Ok(newest.map_or(Position { at: NaiveDateTime::default(), id: 0 }, |(at, id)| Position { at, id: id.0 + 1 }))
}

fn newest_first(query: Chosen) -> Chosen {
    query.order((dsl::created_at.desc(), dsl::id.desc()))
}

type Chosen = poundcake_alerts::BoxedQuery<'static, <AnyConnection as Connection>::Backend>;

fn chosen(filter: &Filter, call: Call, window: Window) -> Chosen {
    let mut query = dsl::poundcake_alerts.filter(filter.condition()).into_boxed();
    if let Call::Of(call) = call {
        query = query.filter(dsl::api_call_id.eq(call));
    }
    if let Some(ids) = &filter.ids {
        query = query.filter(dsl::id.eq_any(ids.clone()));
    }
    if let Some(position) = window.after {
        query = query.filter(after!(dsl, position));
    }
    query
}

/// Rows that the filter's index has in the list's order, and the others.
struct Halves {
    in_order: Condition,
    others: Condition,
}

/// For filters whose index has a time between what is filtered and `created_at`. Where it is NULL the index is in the list's
/// order: an alert's repeats and ends, and rows of a final state, both of which may be very many. The others are sorted: an
/// alert's closed openers, one for each time it fired, and rows that are under way. (Indexes in the list's order alone would be
/// written by every new alert, and by every step of a dispatch.)
fn halves(filter: &Filter) -> Option<Halves> {
    match (&filter.fingerprint, filter.dispatch_status) {
        (Some(_), _) => Some(Halves {
            in_order: Box::new(dsl::closed_at.is_null()),
            others: Box::new(dsl::closed_at.is_not_null()),
        }),
        (None, Some(_)) => Some(Halves {
            in_order: Box::new(dsl::next_attempt_at.is_null()),
            others: Box::new(dsl::next_attempt_at.is_not_null()),
        }),
        (None, None) => None,
    }
}

/// A page of keys, out of the index alone; only rows that are shown are read then. An opener that is closed between the two reads
/// is in both.
fn newest(
    conn: &mut AnyConnection,
    filter: &Filter,
    call: Call,
    window: Window,
    halves: Halves,
) -> Result<Page<Position>, DatabaseError> {
    let chosen = || chosen(filter, call, window).limit(window.rows());
    let key = (dsl::created_at, dsl::id);
    // No column: MariaDB would rather walk all alerts in this order than sort.
    let to_be_sorted = sql::<Timestamp>("COALESCE(poundcake_alerts.created_at, NULL)");
    let in_order = newest_first(chosen().filter(halves.in_order));
    let others = chosen().filter(halves.others).order((to_be_sorted.desc(), dsl::id.desc()));
    let mut keys: Vec<(NaiveDateTime, AlertId)> = in_order.select(key).load(conn)?;
    keys.extend(others.select(key).load::<(NaiveDateTime, AlertId)>(conn)?);
    keys.sort_unstable_by(|one, other| other.cmp(one));
    keys.dedup();
    Ok(Page::cut(keys.into_iter().map(|(at, AlertId(id))| Position { at, id }).collect(), window, |key| *key))
}
