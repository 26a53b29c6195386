//! Orders over alerts: replay, discard, release, approve, reject.

use super::Filter;
use crate::{
    database::{Database, DatabaseError, connection::AnyConnection},
    metrics::Metrics,
    model::{ids::ApiCallId, status::DispatchStatus},
    store::{
        guard_row,
        operate::{
            author::Author,
            filter::{self, CHUNK, Chosen, Move},
            moves,
            orders::{self, NewOrder, Source},
        },
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Choosing among all rows by a field without an index takes its time.
const DATABASE_PATIENCE: Duration = Duration::from_mins(10);

/// An order over alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which rows.
    pub filter: Filter,
    /// Who, and why.
    pub author: Author,
    /// Count, and change nothing.
    pub dry_run: bool,
    /// What with them.
    pub what: Move,
    /// Refuse the order if it would move more rows.
    pub at_most: Option<usize>,
    /// Only so many, those that have waited longest.
    pub oldest: Option<usize>,
    /// The way that it came.
    pub source: Source,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that the filter chose and that could be moved when the order was given.
    pub matched: usize,
    /// Rows that were moved; the others had gone on by themselves in between.
    pub moved: usize,
    /// Rows that the filter chose and a replay of many leaves out: they may have run, and StackStorm may have deleted what
    /// would show it.
    pub refused: usize,
    /// Routes whose brake a release has ended.
    pub brakes_off: Vec<String>,
    /// The row of the order; none of a dry run.
    pub order: Option<ApiCallId>,
}

/// An order that is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Everything would be chosen.
    #[error(
        "name at least one field to choose by: ids, request_id, dispatch_status, reason, alert_name, fingerprint, severity, instance, status, target, route, from, to"
    )]
    NoFilter,
    /// An order without a reason could not be explained later.
    #[error("give a reason (say why): the reason is kept in each row's dispatch_log")]
    NoReason,
    /// The person who gives the order saw fewer rows.
    #[error(
        "{matched} rows match, more than at_most ({at_most}); nothing was changed: look again, then repeat the order with a larger at_most"
    )]
    TooMany {
        /// How many match.
        matched: usize,
        /// How many were expected.
        at_most: usize,
    },
    /// The database.
    #[error("the database is not available")]
    Database(#[from] DatabaseError),
}

impl Order {
    /// An order must choose, and say why.
    pub fn check(&self) -> Result<(), OrderError> {
        if self.filter.is_empty() {
            return Err(OrderError::NoFilter);
        }
        if self.author.reason.trim().is_empty() {
            return Err(OrderError::NoReason);
        }
        Ok(())
    }

    fn row(&self) -> NewOrder {
        let path = match self.what {
            Move::Replay { .. } => "/api/v1/replays",
            Move::Discard => "/api/v1/discards",
            Move::Release => "/api/v1/releases",
            Move::Approve | Move::Reject => "/api/v1/approvals",
        };
        NewOrder {
            source: self.source.clone(),
            path: path.to_owned(),
            body: self.body(),
            operator: self.author.by.clone(),
        }
    }

    /// As a client of the API would write it: members sorted, without those that say nothing.
    fn body(&self) -> String {
        #[derive(Serialize)]
        struct Body<'o> {
            filter: &'o Filter,
            reason: &'o str,
            approve: Option<bool>,
            include_dispatched: Option<bool>,
            accept_unknown: Option<bool>,
            oldest: Option<usize>,
            at_most: Option<usize>,
        }
        let (include_dispatched, accept_unknown) = match self.what {
            Move::Replay { include_dispatched, accept_unknown } => (include_dispatched, accept_unknown),
            _ => (false, false),
        };
        let body = Body {
            filter: &self.filter,
            reason: &self.author.reason,
            approve: matches!(self.what, Move::Approve | Move::Reject).then_some(self.what == Move::Approve),
            include_dispatched: include_dispatched.then_some(true),
            accept_unknown: accept_unknown.then_some(true),
            oldest: self.oldest,
            at_most: self.at_most,
        };
        canonical(&body)
    }

    /// The brakes that the order ends: a release of one whole route or of everything that is held.
    fn brakes(&self) -> Option<guard_row::Which> {
        let filter = &self.filter;
        let rest = Filter { route: None, dispatch_status: None, ..filter.clone() };
        let held = filter.dispatch_status.is_none_or(|status| status == DispatchStatus::Held);
        let whole = self.what == Move::Release && self.oldest.is_none() && rest.is_empty() && held;
        whole.then(|| filter.route.clone().map_or(guard_row::Which::All, guard_row::Which::Of))
    }
}

impl Done {
    /// The answer to the order.
    pub fn answer(&self, what: Move) -> Value {
        let mut answer = json!({ "matched": self.matched, what.word(): self.moved });
        if self.refused > 0 {
            answer["refused"] = self.refused.into();
        }
        if !self.brakes_off.is_empty() {
            answer["brakes_off"] = json!(self.brakes_off);
        }
        answer
    }
}

/// JSON with sorted members, without those that are null.
pub(super) fn canonical(body: &impl Serialize) -> String {
    fn without_nulls(value: &mut Value) {
        if let Value::Object(members) = value {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
    }
    let mut body = serde_json::to_value(body).unwrap_or_default();
    without_nulls(&mut body);
    body.to_string()
}

/// Carries an order out.
pub async fn carry_out(store: &Database, order: &Order, metrics: &Metrics) -> Result<Done, OrderError> {
    order.check()?;
    let store = &store.with_patience(1, DATABASE_PATIENCE);
    let (filter, what) = (order.filter.clone(), order.what);
    let chosen = move |conn: &mut AnyConnection| {
        Ok((filter::choose(conn, &filter, what)?, filter::refused(conn, &filter, what)?))
    };
    let (mut chosen, refused) = store.run(chosen).await?;
    if let Some(n) = order.oldest {
        chosen = filter::oldest(chosen, n);
    }
    if let Some(at_most) = order.at_most.filter(|at_most| chosen.len() > *at_most) {
        return Err(OrderError::TooMany { matched: chosen.len(), at_most });
    }
    let mut done = Done { matched: chosen.len(), refused, ..Done::default() };
    if order.dry_run {
        return Ok(done);
    }
    let row = order.row();
    let id = store.run(move |conn| orders::begin(conn, &row)).await?;
    done.order = Some(id);
    let result = move_all(store, order, &chosen, &mut done).await;
    count(order, &done, metrics);
    write_down(store, id, result.is_ok(), &done.answer(what)).await;
    result?;
    Ok(done)
}

/// Chunk by chunk; `done` says how far it came where the database goes away in the middle.
async fn move_all(store: &Database, order: &Order, chosen: &[Chosen], done: &mut Done) -> Result<(), DatabaseError> {
    let whole = order.brakes();
    let order = Arc::new(order.clone());
    for chunk in chosen.chunks(CHUNK) {
        let (chunk, order) = (chunk.to_vec(), Arc::clone(&order));
        let moved = store.run(move |conn| {
            let Order { filter, what, author, .. } = &*order;
            moves::move_rows(conn, &chunk, filter, *what, author)
        });
        done.moved += moved.await?;
    }
    if let Some(which) = whole {
        done.brakes_off = store.run(move |conn| guard_row::end(conn, &which)).await?;
    }
    Ok(())
}

/// The order is done whatever comes of this, so a failure is only logged.
async fn write_down(store: &Database, id: ApiCallId, is_ok: bool, answer: &Value) {
    let (status, result) = (if is_ok { 200 } else { 503 }, answer.to_string());
    if let Err(error) = store.run(move |conn| orders::complete(conn, id, status, &result)).await {
        let text = crate::logging::chain(&error);
        log::warn!(event = "order_result_lost", id; "the result of an order could not be written down: {text}");
    }
}

fn count(order: &Order, done: &Done, metrics: &Metrics) {
    let (word, Done { matched, moved, refused, .. }) = (order.what.word(), done);
    metrics.replays.with_label_values(&[word]).inc_by(u64::try_from(*moved).unwrap_or_default());
    log::info!(
        event = "operator_order", by:? = order.author.by, reason:? = order.author.reason, matched, moved, refused;
        "{word} by hand"
    );
}
