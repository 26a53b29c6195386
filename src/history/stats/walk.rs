//! The walk over the links of one piece of time, and StackStorm's rows for them.

use super::{
    super::{History, HistoryError, st2_rows::TablesState},
    pieces::Piece,
    tally::Tally,
};
use crate::{
    database::DatabaseError,
    st2_tables::Outcome,
    store::read::{self, CountedLink},
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Links per look at both sides.
const CHUNK: u16 = 2_000;

impl History {
    /// The counters of a piece, kept ones where nothing can have changed.
    pub(super) async fn piece(
        &self,
        piece: Piece,
        patience: Duration,
    ) -> Result<(Arc<Tally>, TablesState), HistoryError> {
        if let Some(kept) = self.tallies.get(piece) {
            return Ok((kept, TablesState { available: true, detail: None }));
        }
        let (tally, state) = self.walk(piece, patience).await?;
        let tally = Arc::new(tally);
        if state.available {
            self.tallies.keep(piece, &tally);
        }
        Ok((tally, state))
    }

    async fn walk(&self, piece: Piece, patience: Duration) -> Result<(Tally, TablesState), HistoryError> {
        let begun = Instant::now();
        let mut tally = Tally::default();
        let mut execution_db = TablesState { available: true, detail: None };
        let mut after = None;
        loop {
            let read = self.ours(move |conn| read::first_links(conn, (piece.from, piece.to), after, CHUNK));
            let links = read.await?;
            let (rows, state) = self.outcomes(links.iter().map(|link| link.st2_execution_id.clone()).collect()).await;
            if !state.available {
                execution_db = state;
            }
            let rows: HashMap<&str, &Outcome> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
            for link in &links {
                tally.add(link, rows.get(link.st2_execution_id.as_str()).copied());
            }
            after = links.last().map(|last: &CountedLink| (last.created_at, last.id));
            if links.len() < usize::from(CHUNK) {
                return Ok((tally, execution_db));
            }
            if begun.elapsed() > patience {
                return Err(DatabaseError::TooLong.into());
            }
        }
    }
}
