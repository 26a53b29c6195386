//! What an order would meet: how many rows its filter chooses, and which routes those took that it would move.

use super::filter::{self, CHUNK, Call, Chosen, Condition, Filter, Move};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        schema::poundcake_alerts::{self, dsl},
        transaction,
    },
    model::ids::AlertId,
    store::dispatch::claim::Texts,
};
use diesel::{dsl::count_star, prelude::*};

/// How many rows an order over alerts would meet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Rows that the filter chooses, whether the order can move them or not.
    pub chosen: i64,
    /// Rows that would be moved, by the name of the route that the last claim took; most first.
    pub routes: Vec<(Option<String>, i64)>,
}

/// Counts. Nothing is written.
pub fn preview(conn: &mut AnyConnection, filter: &Filter, what: Move) -> Result<Preview, DatabaseError> {
    let Some(call) = filter::api_call(conn, filter)? else { return Ok(Preview::default()) };
    let chosen = || {
        let mut all: Condition = filter.condition();
        if let Some(ids) = filter.ids.clone() {
            all = Box::new(all.and(dsl::id.eq_any(ids)));
        }
        if let Call::Of(call) = call {
            all = Box::new(all.and(dsl::api_call_id.eq(call)));
        }
        all
    };
    let now = transaction::now(conn)?;
    let movable = filter::movable(what, filter.ids.is_some(), now);
    let mut routes: Vec<(Option<String>, i64)> = dsl::poundcake_alerts
        .filter(chosen())
        .filter(movable)
        .group_by(dsl::dispatch_route)
        .select((dsl::dispatch_route, count_star()))
        .load(conn)?;
    routes.sort_by(|(name, rows), (other, more)| more.cmp(rows).then_with(|| name.cmp(other)));
    Ok(Preview { chosen: dsl::poundcake_alerts.filter(chosen()).count().get_result(conn)?, routes })
}

/// What the routes of a row are chosen by.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
pub struct Labelled {
    /// As sent.
    #[diesel(deserialize_as = String)]
    pub labels: Texts,
    /// 16 hex digits.
    pub fingerprint: String,
}

/// The labels of these rows, in the order of their ids.
pub fn labels(conn: &mut AnyConnection, chosen: &[Chosen]) -> Result<Vec<Labelled>, DatabaseError> {
    let mut rows = Vec::with_capacity(chosen.len());
    for chunk in chosen.chunks(CHUNK) {
        let ids: Vec<AlertId> = chunk.iter().map(|row| row.id).collect();
        let query = dsl::poundcake_alerts.filter(dsl::id.eq_any(ids)).order(dsl::id).select(Labelled::as_select());
        rows.extend(query.load::<Labelled>(conn)?);
    }
    Ok(rows)
}
