//! Writes changes: retries until the database accepts them, and skips a row that it never accepts.

use super::followed::News;
use crate::{
    database::{DatabaseError, max_packet},
    retry::Reconnect,
    st2_tables::{St2Tables, upsert},
    stackstorm::ExecutionId,
};

/// Failures of a batch after which its rows are written one by one.
const BATCH_FAILURES: u32 = 3;

/// The writer of `execution_db` and `liveaction_db`.
pub(super) struct Rows {
    tables: St2Tables,
    packet: Packet,
}

/// MariaDB's `max_allowed_packet`.
#[derive(Clone, Copy)]
enum Packet {
    Unasked,
    Known(Option<usize>),
}

impl Rows {
    pub(super) const fn new(tables: St2Tables) -> Self {
        Self { tables, packet: Packet::Unasked }
    }

    /// Returns when all of it is in the database, but for rows that it refuses: those are named in the log, and left for
    /// the next time that StackStorm shows them. An unanswered COMMIT is written again, which changes nothing.
    pub(super) async fn write(&mut self, news: Vec<(ExecutionId, News)>) -> Vec<(ExecutionId, News)> {
        let mut pace = Reconnect::new();
        let mut failures = 0;
        loop {
            let error = match self.attempt(&news).await {
                Ok(()) => return news,
                Err(error) => error,
            };
            failures += 1;
            if failures >= BATCH_FAILURES
                && matches!(error, DatabaseError::Query(_))
                && self.tables.store.ping().await.is_ok()
            {
                return self.one_by_one(news).await;
            }
            let wait = pace.failed("no write");
            let chain = crate::logging::chain(&error);
            log::log!(
                error.level(), event = "database_waiting", database = self.tables.store.label(),
                wait_ms = wait.as_millis();
                "waiting for the database: {chain}"
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&mut self, news: &[(ExecutionId, News)]) -> Result<(), DatabaseError> {
        let packet = match self.packet {
            Packet::Known(packet) => packet,
            Packet::Unasked => self.tables.store.run(max_packet::max_allowed).await?,
        };
        self.packet = Packet::Known(packet);
        let rows: Vec<_> = news.iter().map(|(_, news)| news.row.clone()).collect();
        let prefix = self.tables.prefix.clone();
        self.tables.store.run(move |conn| upsert::executions(conn, &prefix, &rows, packet)).await
    }

    async fn one_by_one(&mut self, news: Vec<(ExecutionId, News)>) -> Vec<(ExecutionId, News)> {
        let mut written = Vec::with_capacity(news.len());
        for one in news {
            match self.attempt(std::slice::from_ref(&one)).await {
                Ok(()) => written.push(one),
                Err(error) => {
                    let chain = crate::logging::chain(&error);
                    log::error!(
                        event = "execution_row_refused", st2_execution_id:% = one.0;
                        "the database refuses this execution's row: {chain}"
                    );
                }
            }
        }
        written
    }
}
