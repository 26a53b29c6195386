//! Asks StackStorm for executions by id: one question at a time, so that it is never asked faster than it answers.

use super::{Polled, Signal};
use crate::{
    metrics::TrackerMetrics,
    retry::Reconnect,
    stackstorm::{Client, Execution, ExecutionId, LookupError},
};
use std::{collections::HashSet, sync::Arc, time::Instant};
use tokio::sync::mpsc::{Receiver, Sender};

/// The asker.
pub(super) struct Poller {
    pub(super) client: Arc<Client>,
    pub(super) metrics: Arc<TrackerMetrics>,
}

impl Poller {
    /// Answers questions until there are none any more. A question that StackStorm does not answer is asked again, after a
    /// growing wait.
    pub(super) async fn run(self, mut questions: Receiver<Vec<ExecutionId>>, signals: Sender<Signal>) {
        let mut pace = Reconnect::new();
        while let Some(ids) = questions.recv().await {
            loop {
                match self.ask(&ids).await {
                    Ok(polled) => {
                        self.metrics.polls.with_label_values(&["answered"]).inc();
                        pace.succeeded();
                        if signals.send(Signal::Polled(polled)).await.is_err() {
                            return;
                        }
                        break;
                    }
                    Err(error) => {
                        self.metrics.polls.with_label_values(&["failed"]).inc();
                        let wait = pace.failed("no answer");
                        log::warn!(wait_ms = wait.as_millis(); "waiting for StackStorm: {error}");
                        tokio::time::sleep(wait).await;
                    }
                }
            }
        }
    }

    /// An execution that the list lacks counts as gone only when StackStorm says so of it alone.
    async fn ask(&self, ids: &[ExecutionId]) -> Result<Polled, LookupError> {
        let asked_at = Instant::now();
        let mut found = match self.client.executions_by_ids(ids).await {
            Ok(found) => found,
            // One that cannot be read must not hide the others.
            Err(LookupError::Unreadable(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let listed: HashSet<ExecutionId> = found.iter().map(|execution| execution.id.clone()).collect();
        let mut gone = Vec::new();
        for id in ids.iter().filter(|id| !listed.contains(*id)) {
            match self.one(id).await? {
                Alone::Here(execution) => found.push(*execution),
                Alone::Gone => gone.push(id.clone()),
                Alone::Unreadable => {}
            }
        }
        Ok(Polled { asked_at, found, gone })
    }

    async fn one(&self, id: &ExecutionId) -> Result<Alone, LookupError> {
        match self.client.execution(id).await {
            Ok(Some(execution)) => Ok(Alone::Here(Box::new(execution))),
            Ok(None) => Ok(Alone::Gone),
            Err(LookupError::Unreadable(why)) => {
                log::warn!(st2_execution_id:% = id; "StackStorm's execution cannot be read, it is asked for again later: {why}");
                Ok(Alone::Unreadable)
            }
            // Another user's, and StackStorm keeps users apart.
            Err(LookupError::Refused { status: 403, message }) => {
                log::warn!(st2_execution_id:% = id; "StackStorm does not show us this execution: {message}");
                Ok(Alone::Unreadable)
            }
            Err(error) => Err(error),
        }
    }
}

/// What StackStorm says of one execution.
enum Alone {
    Here(Box<Execution>),
    Gone,
    Unreadable,
}
