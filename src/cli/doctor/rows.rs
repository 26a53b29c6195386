//! The rows: waiting, overdue, and those that need a person.

use super::finding::Finding;
use crate::{
    database::{Database, DatabaseError},
    logging,
    model::status::{DispatchReason, DispatchStatus},
    store::{
        read::{backlog, depth},
        unreadable::{self, Marked},
    },
};
use chrono::TimeDelta;

const AREA: &str = "rows";

/// A process takes a row within seconds of its due time; a minute leaves room for load.
const GRACE: TimeDelta = TimeDelta::minutes(1);

pub(super) async fn check(store: &Database) -> Vec<Finding> {
    look(store).await.unwrap_or_else(|error| vec![Finding::unknown(AREA, "rows", logging::chain(&error))])
}

async fn look(store: &Database) -> Result<Vec<Finding>, DatabaseError> {
    let (depths, overdue) = store.run(|conn| Ok((depth::read(conn)?, backlog::overdue(conn, GRACE)?))).await?;
    let (failed, uncertain, unreadable) =
        store.run(|conn| Ok((backlog::failed(conn)?, backlog::uncertain(conn)?, unreadable::marked(conn)?))).await?;
    let mut findings = Vec::new();
    for depth in depths {
        let late = overdue.iter().find(|late| late.status == depth.status);
        let found = format!("{} rows, the oldest for {} s", depth.rows, depth.oldest_seconds);
        findings.push(match late {
            None => Finding::ok(AREA, depth.status.as_str(), found),
            Some(late) => {
                let found = format!("{found}; {} overdue, the first by {} s", late.rows, late.oldest_seconds);
                Finding::wrong(AREA, depth.status.as_str(), found).advice(who_looks(depth.status))
            }
        });
    }
    findings.push(failures(&failed));
    findings.push(Finding::ok(
        AREA,
        "uncertain",
        format!("{uncertain} rows, looked up before anything is posted again"),
    ));
    findings.extend(of_unreadable(&unreadable));
    Ok(findings)
}

/// Rows that some process could not read.
fn of_unreadable(marked: &Marked) -> Option<Finding> {
    let first = marked.first.as_ref()?;
    let found = format!("{} rows; the first is alert {}: {}", marked.rows, first.alert_id, first.why);
    let advice = "these rows wait, and nothing runs for them: correct the value that the error names (UPDATE … WHERE id = …), and they continue \
                  within 5 minutes; SELECT id, dispatch_error FROM poundcake_alerts WHERE dispatch_error LIKE 'this row cannot be read%' lists them; \
                  poundcake discard --id … discards a row";
    Some(Finding::wrong(AREA, "unreadable", found).advice(advice))
}

/// Which process should have taken an overdue row.
const fn who_looks(status: DispatchStatus) -> &'static str {
    match status {
        DispatchStatus::AwaitingExecution => {
            "the dispatchers watch StackStorm's rules: check that one runs and reaches StackStorm (see its log)"
        }
        DispatchStatus::Held => {
            "the dispatchers look at alerts that guards hold: check that one runs and reaches the database (see its log)"
        }
        _ => "ingest's relay publishes rows that are due: check that ingest runs and reaches RabbitMQ (see its log)",
    }
}

fn failures(failed: &[(Option<DispatchReason>, i64)]) -> Finding {
    let total: i64 = failed.iter().map(|(_, rows)| rows).sum();
    if total == 0 {
        return Finding::ok(AREA, "failed", "0 rows");
    }
    let name = |reason: &Option<DispatchReason>| reason.map_or("-", DispatchReason::as_str);
    let reasons: Vec<String> = failed.iter().map(|(reason, rows)| format!("{rows} {}", name(reason))).collect();
    Finding::wrong(AREA, "failed", format!("{total} rows: {}", reasons.join(", "))).advice(
        "list them with poundcake failed; then run poundcake replay … --reason …, or poundcake discard … --reason …",
    )
}
