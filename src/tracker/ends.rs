//! Writes into our links that executions have ended: that frees their places (`max_in_flight`).
//!
//! Crash safety: an end is written before `execution_db` says that the execution is done, so a tracker that dies in between
//! follows it again after its restart, and writes the same end, which changes nothing.

use super::followed::News;
use crate::{database::Database, retry::Reconnect, stackstorm::ExecutionId, store::dispatch::places};

/// The writer of `ended_at`.
pub(super) struct Ends {
    pub(super) store: Database,
}

impl Ends {
    /// Returns when the ends among the news are in the database.
    pub(super) async fn write(&self, news: &[(ExecutionId, News)]) {
        let ends: Vec<(String, String)> =
            news.iter().filter_map(|(id, news)| Some((id.to_string(), news.end()?.to_owned()))).collect();
        if ends.is_empty() {
            return;
        }
        let mut pace = Reconnect::new();
        loop {
            let ends = ends.clone();
            let Err(error) = self.store.run(move |conn| places::end(conn, &ends)).await else { return };
            let wait = pace.failed("no write");
            let chain = crate::logging::chain(&error);
            log::log!(
                error.level(), event = "database_waiting", database = self.store.label(), wait_ms = wait.as_millis();
                "waiting for the database: {chain}"
            );
            tokio::time::sleep(wait).await;
        }
    }
}
