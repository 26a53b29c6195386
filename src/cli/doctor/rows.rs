//! The rows: what waits, what nobody looks at, what needs a person.

use super::finding::Finding;
use crate::{
    logging,
    model::status::{DispatchReason, DispatchStatus},
    store::{Store, StoreError, depth, inspect},
};
use chrono::TimeDelta;

const AREA: &str = "rows";

/// A row is looked at within seconds of its due time; a busy minute is not yet a standstill.
const GRACE: TimeDelta = TimeDelta::minutes(1);

pub(super) async fn check(store: &Store) -> Vec<Finding> {
    look(store).await.unwrap_or_else(|error| vec![Finding::unknown(AREA, "rows", logging::chain(&error))])
}

async fn look(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let (depths, overdue, failed, uncertain) = store
        .run(|conn| {
            Ok((depth::read(conn)?, inspect::overdue(conn, GRACE)?, inspect::failed(conn)?, inspect::uncertain(conn)?))
        })
        .await?;
    let mut findings = Vec::new();
    for depth in depths {
        let late = overdue.iter().find(|late| late.status == depth.status);
        let found = format!("{} rows, the oldest since {} s", depth.rows, depth.oldest_seconds);
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
    Ok(findings)
}

/// Who should have looked at an overdue row.
const fn who_looks(status: DispatchStatus) -> &'static str {
    match status {
        DispatchStatus::AwaitingExecution => {
            "the dispatchers watch StackStorm's rules: is one running, and does it reach StackStorm? See its log"
        }
        _ => "ingest's relay publishes what is due: is ingest running, and does it reach RabbitMQ? See its log",
    }
}

fn failures(failed: &[(Option<DispatchReason>, i64)]) -> Finding {
    let total: i64 = failed.iter().map(|(_, rows)| rows).sum();
    if total == 0 {
        return Finding::ok(AREA, "failed", "0 rows");
    }
    let name = |reason: &Option<DispatchReason>| reason.map_or("-", DispatchReason::as_str);
    let reasons: Vec<String> = failed.iter().map(|(reason, rows)| format!("{rows} {}", name(reason))).collect();
    Finding::wrong(AREA, "failed", format!("{total} rows: {}", reasons.join(", ")))
        .advice("poundcake failed lists them; then poundcake replay … --reason …, or poundcake discard … --reason …")
}
