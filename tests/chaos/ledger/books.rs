//! What each side has on its books at the end.

use crate::world::World;
use chrono::{DateTime, Utc};
use poundcake::broker::amqp::{DEAD_QUEUE, QUEUE};
use st2_stand_in::ExecutionView;
use std::collections::BTreeMap;

/// A row of `poundcake_alerts`, with its links.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: i64,
    pub request_id: String,
    pub name: String,
    pub instance: String,
    /// As `2026-11-22 01:00:00.000000`.
    pub starts_at: String,
    pub alert_status: String,
    pub status: String,
    pub reason: String,
    pub target: String,
    pub generation: i32,
    /// `uncertain`, or a claim that is left: what a settled row must not have.
    pub leftovers: String,
    pub open: bool,
    /// 0 for none.
    pub opened_by: i64,
    /// For people.
    pub log: String,
    pub links: Vec<String>,
}

/// Everything.
pub struct Books {
    pub rows: Vec<Row>,
    /// Those that a POST or a rule has asked for, by the alert in their trace tag; tasks of workflows are left out.
    pub executions: Vec<ExecutionView>,
    by_alert: BTreeMap<i64, Vec<usize>>,
    /// When POSTs arrived at StackStorm, by trace tag.
    pub arrivals: BTreeMap<String, Vec<DateTime<Utc>>>,
    /// Messages that are left, by queue.
    pub messages: Vec<(&'static str, u64)>,
    /// Queues that RabbitMQ lost in a kill and PoundCake declared again.
    pub repairs: usize,
    /// How often a guard began to hold the line of a route.
    pub lines_held: usize,
}

const ROWS: &str = "SELECT CONCAT_WS('\u{1}', a.id, c.request_id, a.alert_name, a.instance, a.starts_at, a.status, \
    a.dispatch_status, COALESCE(a.dispatch_reason, '-'), COALESCE(a.dispatch_target, '-'), a.dispatch_generation, \
    CONCAT(IF(a.dispatch_uncertain, 'uncertain ', ''), COALESCE(a.claimed_by, '')), a.open_fingerprint IS NOT NULL, \
    COALESCE(a.opened_by, 0), COALESCE(a.dispatch_log, '-'), \
    COALESCE((SELECT GROUP_CONCAT(l.st2_execution_id) FROM poundcake_st2_execution_link l WHERE l.alert_id = a.id), '') \
    ) AS value FROM poundcake_alerts a JOIN poundcake_api_calls c ON c.id = a.api_call_id ORDER BY a.id";

/// Reads all of them.
pub async fn read(world: &World) -> Books {
    let rows: Vec<Row> = world.database.lines(ROWS).iter().map(|line| Row::parse(line)).collect();
    let all = world.control().executions().into_iter();
    let executions: Vec<ExecutionView> = all.filter(|execution| execution.parent.is_none()).collect();
    let mut by_alert: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, execution) in executions.iter().enumerate() {
        by_alert.entry(alert_of(execution)).or_default().push(index);
    }
    let mut messages = Vec::new();
    for queue in [QUEUE, DEAD_QUEUE] {
        messages.push((queue, world.vhost.depth(queue).await.unwrap_or_default()));
    }
    let mut arrivals: BTreeMap<String, Vec<DateTime<Utc>>> = BTreeMap::new();
    for (tag, at) in world.control().arrivals() {
        arrivals.entry(tag).or_default().push(at);
    }
    Books { rows, executions, by_alert, arrivals, messages, repairs: world.repairs(), lines_held: world.lines_held() }
}

/// `poundcake:{request_id}:{alert_id}:{generation}`.
fn alert_of(execution: &ExecutionView) -> i64 {
    execution.trace_tag.split(':').nth(2).and_then(|id| id.parse().ok()).unwrap_or_default()
}

impl Books {
    /// All root executions of a row.
    pub fn of(&self, row: &Row) -> impl Iterator<Item = &ExecutionView> {
        self.by_alert.get(&row.id).into_iter().flatten().map(|index| &self.executions[*index])
    }

    /// Those that a runner had.
    pub fn started(&self, row: &Row) -> impl Iterator<Item = &ExecutionView> {
        self.of(row).filter(|execution| execution.started)
    }

    /// The row and its executions, for people.
    pub fn show(&self, row: &Row) -> String {
        let execution = |execution: &ExecutionView| {
            let document = &execution.document;
            format!(
                "\n      execution {} {} started {} orphan {} created {} log {}",
                execution.id,
                execution.status,
                execution.started,
                execution.orphan,
                document["start_timestamp"],
                document["log"]
            )
        };
        let executions: String = self.of(row).map(execution).collect();
        format!("{}{executions}", row.show())
    }
}

impl Row {
    fn parse(line: &str) -> Self {
        let columns: Vec<&str> = line.split('\u{1}').collect();
        let text = |index: usize| columns[index].to_owned();
        let number = |index: usize| columns[index].parse::<i64>().expect("a number");
        Self {
            id: number(0),
            request_id: text(1),
            name: text(2),
            instance: text(3),
            starts_at: text(4),
            alert_status: text(5),
            status: text(6),
            reason: text(7),
            target: text(8),
            generation: i32::try_from(number(9)).expect("a small number"),
            leftovers: text(10),
            open: number(11) == 1,
            opened_by: number(12),
            log: text(13),
            links: columns[14].split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        }
    }

    fn show(&self) -> String {
        format!(
            "alert {} generation {} {} {} {} at {} {} to {} open {} by {} left {:?} links {:?} request {} log {}",
            self.id,
            self.generation,
            self.name,
            self.instance,
            self.alert_status,
            self.starts_at,
            self.end(),
            self.target,
            self.open,
            self.opened_by,
            self.leftovers,
            self.links,
            self.request_id,
            self.log
        )
    }

    /// `skipped/repeat`.
    pub fn end(&self) -> String {
        format!("{}/{}", self.status, self.reason)
    }

    /// Rule mode's deadline has passed.
    pub fn is_uncertain_rule(&self) -> bool {
        self.end() == "failed/uncertain" && self.target.starts_with("webhook:")
    }
}
