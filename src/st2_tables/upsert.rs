//! Upserts executions: many rows in one statement, any of which may exist.
//!
//! Writing the same again changes nothing, and an older answer that comes late does no harm: a terminal status is never
//! replaced by another, and what an answer does not hold (a result that was left out) never erases what is there. So two
//! trackers may write at once, and an unanswered COMMIT is simply written again.

use super::{
    TablePrefix, Tracking,
    statement::{BINDS, Value, execute, marks},
    terminal_statuses,
};
use crate::database::{DatabaseError, connection::AnyConnection, transaction};
use chrono::NaiveDateTime;

/// Bytes of one statement at most, unless one row alone is larger.
const STATEMENT_BYTES: usize = 2 * 1024 * 1024;
/// Size of a statement without its values, at most.
const OVERHEAD: usize = 64 * 1024;

/// An execution as StackStorm showed it; JSON as text.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the columns, by their names")]
pub struct Observed {
    pub id: String,
    pub action: Option<String>,
    pub parameters: Option<String>,
    /// `None` with [`Tracking::Gone`] only.
    pub status: Option<String>,
    pub result: Option<String>,
    pub start_timestamp: Option<NaiveDateTime>,
    pub end_timestamp: Option<NaiveDateTime>,
    pub parent: Option<String>,
    pub context: Option<String>,
    pub tracking: Tracking,
    /// Id and callback of the call behind it.
    pub liveaction: Option<(String, Option<String>)>,
}

impl Observed {
    /// An execution that StackStorm does not have: all that is known is what the link says.
    pub fn gone(id: &str, action: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            action: action.map(str::to_owned),
            parameters: None,
            status: None,
            result: None,
            start_timestamp: None,
            end_timestamp: None,
            parent: None,
            context: None,
            tracking: Tracking::Gone,
            liveaction: None,
        }
    }
}

/// A table that rows are put into; `id` comes first, and the assignments of an existing row are made in this order.
pub(crate) struct Upsert {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// What a column of an existing row becomes, given its name and the new value's.
    pub(crate) assign: fn(&str, &str) -> String,
}

/// `status` last: MariaDB assigns from left to right, and the others look at the old one.
const EXECUTIONS: Upsert = Upsert {
    table: "execution_db",
    columns: &[
        "id",
        "action",
        "parameters",
        "result",
        "start_timestamp",
        "end_timestamp",
        "parent",
        "context",
        "tracking",
        "tracked_at",
        "status",
    ],
    assign: guarded,
};

const LIVEACTIONS: Upsert = Upsert {
    table: "liveaction_db",
    columns: &["id", "action", "parameters", "start_timestamp", "callback", "context", "status"],
    assign: guarded,
};

/// Keeps the row of another terminal status, and what the new one does not say.
fn guarded(column: &str, new: &str) -> String {
    if column == "tracking" {
        return format!(
            "CASE WHEN {new} = 'done' OR tracking = 'done' THEN 'done' WHEN {new} = 'gone' THEN 'gone' \
             WHEN tracking = 'overdue' THEN 'overdue' ELSE {new} END"
        );
    }
    let (status, terminal) = (new.replace(column, "status"), terminal_statuses());
    format!("CASE WHEN status IN ({terminal}) AND status <> {status} THEN {column} ELSE COALESCE({new}, {column}) END")
}

/// Writes executions and the calls behind them, in one transaction. `packet` is MariaDB's `max_allowed_packet`: a result that
/// does not fit is replaced by a note of its size.
pub fn executions(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    rows: &[Observed],
    packet: Option<usize>,
) -> Result<(), DatabaseError> {
    // Sorted: two trackers that lock rows in the same order do not deadlock.
    let mut sorted: Vec<&Observed> = rows.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    transaction::write(conn, |conn| {
        let now = transaction::now(conn)?;
        let limit = packet.map_or(usize::MAX, |packet| packet.saturating_sub(OVERHEAD));
        let executions = sorted.iter().map(|row| execution(row, now, limit)).collect();
        put(conn, prefix, &EXECUTIONS, executions)?;
        let mut liveactions: Vec<Vec<Value>> = sorted.iter().filter_map(|row| liveaction(row)).collect();
        liveactions.retain(|row| size(row) <= limit);
        put(conn, prefix, &LIVEACTIONS, liveactions)
    })
}

fn execution(row: &Observed, now: NaiveDateTime, limit: usize) -> Vec<Value> {
    let mut values = vec![
        Value::from(row.id.as_str()),
        Value::Text(row.action.clone()),
        Value::Text(row.parameters.clone()),
        Value::Text(row.result.clone()),
        Value::Time(row.start_timestamp),
        Value::Time(row.end_timestamp),
        Value::Text(row.parent.clone()),
        Value::Text(row.context.clone()),
        Value::from(row.tracking.as_str()),
        Value::Time(Some(now)),
        Value::Text(row.status.clone()),
    ];
    // Largest first: result, parameters, context.
    for at in [3, 2, 7] {
        let bytes = values[at].size();
        if size(&values) > limit && bytes > OVERHEAD {
            log::warn!(
                event = "column_omitted", st2_execution_id = row.id, bytes;
                "a column of this execution is larger than max_allowed_packet; storing the row without it"
            );
            let note = format!("{{\"poundcake\":\"{bytes} bytes, above the database's max_allowed_packet\"}}");
            values[at] = Value::Text(Some(note));
        }
    }
    values
}

fn liveaction(row: &Observed) -> Option<Vec<Value>> {
    let (id, callback) = row.liveaction.clone()?;
    Some(vec![
        Value::Text(Some(id)),
        Value::Text(row.action.clone()),
        Value::Text(row.parameters.clone()),
        Value::Time(row.start_timestamp),
        Value::Text(callback),
        Value::Text(row.context.clone()),
        Value::Text(row.status.clone()),
    ])
}

fn size(values: &[Value]) -> usize {
    values.iter().map(Value::size).sum()
}

/// Inserts the rows, or updates those that are there, in as few statements as the limits allow.
pub(crate) fn put(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    upsert: &Upsert,
    rows: Vec<Vec<Value>>,
) -> Result<(), DatabaseError> {
    let most = BINDS / upsert.columns.len();
    let mut batch: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row_bytes = size(&row);
        if !batch.is_empty() && (batch.len() == most || bytes + row_bytes > STATEMENT_BYTES) {
            flush(conn, prefix, upsert, &mut batch)?;
            bytes = 0;
        }
        bytes += row_bytes;
        batch.push(row);
    }
    flush(conn, prefix, upsert, &mut batch)
}

fn flush(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    upsert: &Upsert,
    batch: &mut Vec<Vec<Value>>,
) -> Result<(), DatabaseError> {
    if batch.is_empty() {
        return Ok(());
    }
    let sql = statement(conn.is_single_writer(), &prefix.table(upsert.table), upsert, batch.len());
    execute(conn, sql, batch.drain(..).flatten())?;
    Ok(())
}

fn statement(sqlite: bool, table: &str, upsert: &Upsert, rows: usize) -> String {
    let columns = upsert.columns.join(", ");
    let values = vec![marks(upsert.columns.len()); rows].join(", ");
    let new = |column: &str| if sqlite { format!("excluded.{column}") } else { format!("VALUES({column})") };
    let others = upsert.columns.iter().filter(|column| **column != "id");
    let assignments: Vec<String> =
        others.map(|column| format!("{column} = {}", (upsert.assign)(column, &new(column)))).collect();
    let conflict = if sqlite { "ON CONFLICT (id) DO UPDATE SET" } else { "ON DUPLICATE KEY UPDATE" };
    format!("INSERT INTO {table} ({columns}) VALUES {values} {conflict} {}", assignments.join(", "))
}
