//! Orders of operators: replay, discard, prune. `http` and `cli` both call this.
//!
//! An order names its rows by a filter, says who gives it and why, and is carried out in chunks while everything else goes
//! on. Crash safety: after a crash the chunks so far are done and say so in their rows' `dispatch_log`; the same order
//! again takes the rest.

mod prune;

pub use crate::store::operate::filter::Filter;
pub use prune::{Pruned, prune};

use crate::{
    database::{Database, DatabaseError, connection::AnyConnection},
    metrics::Metrics,
    store::operate::{
        filter::{self, CHUNK, Chosen, Move},
        moves::{self, Author},
    },
};
use std::{sync::Arc, time::Duration};

/// Choosing among all rows by a field without an index takes its time.
const DATABASE_PATIENCE: Duration = Duration::from_mins(10);

/// A replay or a discard.
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
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that the filter chose and that could be moved when the order was given.
    pub matched: usize,
    /// Rows that were moved; the others had gone on by themselves in between.
    pub moved: usize,
    /// Rows that the filter chose and a replay of many leaves out: they may have run, and StackStorm may have deleted what
    /// would show it.
    pub refused: usize,
}

/// An order that is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Everything would be chosen.
    #[error(
        "name at least one field to choose by: ids, request_id, dispatch_status, reason, alert_name, fingerprint, severity, instance, status, target, since, until"
    )]
    NoFilter,
    /// An order without a reason could not be explained later.
    #[error("give a reason (say why): it is kept in each row's dispatch_log")]
    NoReason,
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
}

/// Carries an order out.
pub async fn carry_out(store: &Database, order: &Order, metrics: &Metrics) -> Result<Done, OrderError> {
    order.check()?;
    let store = &store.with_patience(1, DATABASE_PATIENCE);
    let (filter, what) = (order.filter.clone(), order.what);
    let chosen = move |conn: &mut AnyConnection| {
        Ok((filter::choose(conn, &filter, what)?, filter::refused(conn, &filter, what)?))
    };
    let (chosen, refused) = store.run(chosen).await?;
    let mut done = Done { matched: chosen.len(), moved: 0, refused };
    if !order.dry_run {
        let result = move_all(store, order, &chosen, &mut done).await;
        count(order, done, metrics);
        result?;
    }
    Ok(done)
}

/// Chunk by chunk; `done` says how far it came where the database goes away in the middle.
async fn move_all(store: &Database, order: &Order, chosen: &[Chosen], done: &mut Done) -> Result<(), DatabaseError> {
    let order = Arc::new(order.clone());
    for chunk in chosen.chunks(CHUNK) {
        let (chunk, order) = (chunk.to_vec(), Arc::clone(&order));
        let moved = store.run(move |conn| {
            let Order { filter, what, author, .. } = &*order;
            moves::move_rows(conn, &chunk, filter, *what, author)
        });
        done.moved += moved.await?;
    }
    Ok(())
}

fn count(order: &Order, done: Done, metrics: &Metrics) {
    let Done { matched, moved, refused } = done;
    let word = match order.what {
        Move::Replay { .. } => "replayed",
        Move::Discard => "discarded",
    };
    metrics.replays.with_label_values(&[word]).inc_by(u64::try_from(moved).unwrap_or_default());
    log::info!(
        event = "operator_order", by:? = order.author.by, reason:? = order.author.reason, matched, moved, refused;
        "{word} by hand"
    );
}
