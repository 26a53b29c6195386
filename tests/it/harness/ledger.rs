//! How a test of faults ends: every row accounted for, one execution for each that should run, nothing left in a queue.

use super::{PATIENCE, Pipeline, TestDatabase, eventually};
use std::convert::identity;

impl Pipeline {
    /// Fails unless exactly `runs` alerts have run, each once and linked, and nothing is left to do anywhere.
    pub async fn assert_ledger(&self, runs: usize) {
        let left = self.statuses(
            "WHERE dispatch_status NOT IN ('dispatched', 'failed', 'skipped') OR claimed_by IS NOT NULL \
             OR next_attempt_at IS NOT NULL OR dispatch_uncertain <> 0",
        );
        assert!(left.is_empty(), "not in a final state, or held: {left:?}");
        let (dispatched, linked, ran) = (self.dispatched_tags(), self.linked(), self.ran());
        assert_eq!(linked, ran, "links (left) and StackStorm's executions (right)");
        let tags: Vec<String> = ran.iter().map(|(tag, _)| tag.clone()).collect();
        assert_eq!(dispatched, tags, "dispatched rows (left) and StackStorm's executions (right)");
        assert_eq!(dispatched.len(), runs, "alerts that ran");
        self.assert_queues_empty().await;
    }

    /// Fails unless queue and dead letters are empty, or become so.
    pub async fn assert_queues_empty(&self) {
        let Some(vhost) = &self.setup.vhost else { return };
        for queue in ["poundcake.dispatch", "poundcake.dead"] {
            eventually(&format!("{queue} is empty"), PATIENCE, async || match vhost.depth(queue).await {
                None | Some(0) => Ok(()),
                Some(depth) => Err(depth),
            })
            .await;
        }
    }

    fn dispatched_tags(&self) -> Vec<String> {
        let tag = self.tag("c.request_id");
        self.sorted(
            &format!(
                "SELECT {tag} AS value FROM poundcake_alerts a JOIN poundcake_api_calls c ON c.id = a.api_call_id \
                 WHERE a.dispatch_status = 'dispatched'"
            ),
            identity,
        )
    }

    /// Each link as the tag of its alert and the execution.
    fn linked(&self) -> Vec<(String, String)> {
        let value = self.joined(&[&self.tag("l.request_id"), "' '", "l.st2_execution_id"]);
        let pair =
            |line: String| line.split_once(' ').map(|(tag, id)| (tag.to_owned(), id.to_owned())).expect("a pair");
        self.sorted(
            &format!(
                "SELECT {value} AS value FROM poundcake_st2_execution_link l JOIN poundcake_alerts a ON a.id = l.alert_id"
            ),
            pair,
        )
    }

    /// Each execution that is not a task of another one.
    fn ran(&self) -> Vec<(String, String)> {
        let roots = self.st2().executions().into_iter().filter(|execution| execution.parent.is_none());
        let mut ran: Vec<_> = roots.map(|execution| (execution.trace_tag, execution.id)).collect();
        ran.sort();
        ran
    }

    fn tag(&self, request_id: &str) -> String {
        self.joined(&["'poundcake:'", request_id, "':'", "a.id", "':'", "a.dispatch_generation"])
    }

    /// Texts put together, in the database's words.
    pub fn joined(&self, parts: &[&str]) -> String {
        match self.database() {
            TestDatabase::Sqlite { .. } => parts.join(" || "),
            TestDatabase::MariaDb { .. } => format!("CONCAT({})", parts.join(", ")),
        }
    }

    fn sorted<T: Ord>(&self, sql: &str, read: impl Fn(String) -> T) -> Vec<T> {
        let mut found: Vec<T> = self.database().lines(sql).into_iter().map(read).collect();
        found.sort();
        found
    }
}
