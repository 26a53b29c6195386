//! The story of a request with its executions as StackStorm's API has them now, for a caller who cannot wait for the tracker.

use super::{
    History, RequestStory,
    st2_rows::{Row, TablesState},
    story::steps_of,
};
use crate::{
    st2_tables::{ExecutionRow, Outcome, Tracking},
    stackstorm::Execution,
};
use std::collections::HashMap;

impl History {
    /// Adds these executions to their links.
    pub fn with_live(&self, mut story: RequestStory, executions: Vec<Execution>) -> RequestStory {
        let mut rows: HashMap<String, ExecutionRow> =
            executions.into_iter().map(row).map(|row| (row.outcome.id.clone(), row)).collect();
        for alert in &mut story.alerts {
            for link in &mut alert.links {
                if let Some(row) = rows.remove(&link.link.st2_execution_id) {
                    link.execution = Some(self.shown(Row::Whole(Box::new(row))));
                }
            }
            alert.steps = steps_of(&alert.alert, &alert.attempts, &alert.links);
        }
        story.execution_db = TablesState { available: true, detail: None };
        story
    }
}

fn row(execution: Execution) -> ExecutionRow {
    let json = |map: Option<serde_json::Map<String, serde_json::Value>>| {
        map.map(|map| serde_json::Value::Object(map).to_string())
    };
    let tracking = if execution.is_terminal() { Tracking::Done } else { Tracking::Following };
    let outcome = Outcome {
        id: execution.id.to_string(),
        action: execution.action_ref,
        status: Some(execution.status),
        start_timestamp: execution.start_timestamp.map(|at| at.naive_utc()),
        end_timestamp: execution.end_timestamp.map(|at| at.naive_utc()),
        parent: execution.parent.map(|id| id.to_string()),
        tracking,
    };
    ExecutionRow {
        outcome,
        parameters: json(execution.parameters),
        result: execution.result.map(|result| result.to_string()),
        context: json(execution.context),
    }
}
