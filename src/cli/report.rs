//! A request's story for the terminal: its alerts from our rows, their executions from StackStorm.

use super::table::Table;
use crate::{
    stackstorm::{Client, Execution, ExecutionId},
    store::history::{AlertHistory, RequestHistory},
};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// The executions that a request led to, as StackStorm has them now.
pub(super) async fn executions(
    client: &Client,
    history: &RequestHistory,
) -> anyhow::Result<HashMap<String, Execution>> {
    let links = history.alerts.iter().flat_map(|alert| &alert.links);
    let ids: Vec<ExecutionId> = links.filter_map(|link| ExecutionId::parse(&link.st2_execution_id).ok()).collect();
    let found = client.executions_by_ids(&ids).await?;
    Ok(found.into_iter().map(|execution| (execution.id.to_string(), execution)).collect())
}

/// Prints one request: a line per alert and execution.
pub(super) fn print(history: &RequestHistory, executions: &HashMap<String, Execution>) {
    let received = history.call.created_at.format("%H:%M:%S%.3f");
    println!("request {}  {}  received {received} UTC", history.call.request_id, history.call.status_code);
    let mut table = Table::new(&[
        "  alert",
        "severity",
        "instance",
        "dispatch",
        "execution",
        "workflow",
        "status",
        "result",
        "start",
        "end",
    ]);
    for alert in &history.alerts {
        if alert.links.is_empty() {
            table.row(&cells(alert, None, None));
        }
        for link in &alert.links {
            table.row(&cells(alert, Some(&link.st2_execution_id), executions.get(&link.st2_execution_id)));
        }
    }
    println!("{}", table.render());
}

fn cells(history: &AlertHistory, id: Option<&str>, execution: Option<&Execution>) -> Vec<String> {
    let alert = &history.alert;
    let dispatch = match alert.dispatch_reason {
        Some(reason) => format!("{}/{reason}", alert.dispatch_status),
        None => alert.dispatch_status.to_string(),
    };
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let time = |at: Option<DateTime<Utc>>| text(at.map(|at| at.format("%H:%M:%S%.3f").to_string()));
    vec![
        format!("  {}", alert.alert_name),
        alert.severity.clone(),
        alert.instance.clone(),
        dispatch,
        text(id.map(str::to_owned)),
        text(execution.and_then(|found| found.action_ref.clone())),
        text(execution.map(|found| found.status.clone())),
        text(execution.and_then(|found| found.result.as_ref()).map(ToString::to_string)),
        time(execution.and_then(|found| found.start_timestamp)),
        time(execution.and_then(|found| found.end_timestamp)),
    ]
}
