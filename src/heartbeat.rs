//! The row of this process in `poundcake_api_calls`: what it tells the page, `doctor` and `GET /api/v1/processes`.
//!
//! It is best effort: a row that cannot be written is written 5 s later, and nothing waits for it.
//! Crash safety: a process that dies leaves its row, which is stale after 30 s and deleted by another process after an hour.

mod collect;
mod facts;

pub use collect::Sources;
pub use facts::{Circuit, Facts, RabbitMq, Routes, Tracker};

use crate::{
    database::{Database, DatabaseError},
    store::processes::{self, ProcessRow},
};
use collect::Collector;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the row is written while nothing changes.
const EVERY: Duration = Duration::from_secs(5);
/// How often the facts are looked at; what has changed is written at once.
const LOOK: Duration = Duration::from_secs(1);
/// How long the end of a process waits for the deletion of its row.
const DELETE_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes the row until cancelled, then deletes it.
pub fn start(store: Database, sources: Sources, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let id = processes::new_id();
        let path = sources.path();
        let mut collector = Collector::new(sources);
        // Asked until there is an answer; SQLite has no server, and says so once.
        let mut node = None;
        let mut last: Option<(Facts, Instant)> = None;
        while !stop.is_cancelled() {
            if node.is_none() {
                node = store.run(processes::database_node).await.ok();
            }
            let facts = collector.facts(node.clone().flatten()).await;
            let is_due = last.as_ref().is_none_or(|(told, at)| at.elapsed() >= EVERY || facts.is_news_after(told));
            if is_due {
                let body = serde_json::to_string(&facts).unwrap_or_else(|_| "{}".to_owned());
                let row = ProcessRow { id, path: path.clone(), body };
                said(store.run(move |conn| processes::write(conn, &row)).await);
                last = Some((facts, Instant::now()));
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let deleted = store.run(move |conn| processes::delete(conn, id));
        if let Ok(deleted) = tokio::time::timeout(DELETE_TIMEOUT, deleted).await {
            said(deleted);
        }
    })
}

fn said(written: Result<(), DatabaseError>) {
    if let Err(error) = written {
        log::debug!(event = "heartbeat_failed"; "could not write the row of this process: {}", crate::logging::chain(&error));
    }
}
