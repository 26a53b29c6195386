//! The ledger's rules. Each adds what it finds wrong.

use super::books::{Books, Row};
use crate::senders::Sent;
use st2_stand_in::ExecutionView;
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Wrong = Vec<String>;

/// Everything that was answered 2xx is stored, whole.
pub fn answered(books: &Books, sent: &Sent, wrong: &mut Wrong) {
    let mut stored: HashMap<&str, Vec<(&str, String, bool)>> = HashMap::new();
    for row in &books.rows {
        let alert = (row.instance.as_str(), row.starts_at.clone(), row.alert_status == "firing");
        stored.entry(&row.request_id).or_default().push(alert);
    }
    for answered in &sent.answered {
        let mut found = stored.remove(answered.request_id.as_str()).unwrap_or_default();
        let mut expected: Vec<_> = answered
            .alerts
            .iter()
            .map(|alert| (alert.instance.as_str(), column(&alert.starts_at), alert.firing))
            .collect();
        found.sort();
        expected.sort();
        if found != expected {
            wrong.push(format!("answered 2xx but stored otherwise: {answered:?}: {found:?}"));
        }
    }
    if sent.given_up > 0 {
        wrong.push(format!("{} webhooks were never answered 2xx", sent.given_up));
    }
}

/// RFC 3339 as the database writes it.
fn column(time: &str) -> String {
    time.replace('T', " ").replace('Z', "")
}

/// Every row is in one settled state, and no claim is left.
pub fn rows(books: &Books, wrong: &mut Wrong) {
    for row in &books.rows {
        let settled = matches!(row.status.as_str(), "dispatched" | "failed" | "skipped");
        let failed_rightly = row.status != "failed" || row.is_uncertain_rule();
        let skipped_rightly = match row.reason.as_str() {
            "no_rule_matched" => row.name == "RuleNone",
            "not_approved" => row.name == "Asks",
            "route_off" => row.name == "Storms",
            _ => true,
        };
        if !settled || !row.leftovers.is_empty() || !failed_rightly || !skipped_rightly {
            wrong.push(format!("not rightly settled: {}", books.show(row)));
        }
    }
}

/// `dispatched` means exactly one execution that ran, linked; everything else none. Each replay begins a generation: those before
/// the last one have run once at most.
pub fn executions(books: &Books, wrong: &mut Wrong) {
    for row in &books.rows {
        let mut generations: BTreeMap<i32, usize> = BTreeMap::new();
        for execution in books.started(row) {
            *generations.entry(generation(execution)).or_default() += 1;
        }
        if generations.iter().any(|(generation, runs)| *runs > 1 || *generation > row.generation) {
            wrong.push(format!("a generation ran twice: {generations:?}: {}", books.show(row)));
        }
        let started: BTreeSet<&str> = books.started(row).map(|execution| execution.id.as_str()).collect();
        let last = generations.get(&row.generation).copied().unwrap_or_default();
        let linked: BTreeSet<&str> = row.links.iter().map(String::as_str).collect();
        let right = match row.status.as_str() {
            "dispatched" => last == 1 && linked == started,
            // What StackStorm's rules ran after the deadline is counted apart.
            _ if row.is_uncertain_rule() => started.len() <= 1 && linked.is_empty(),
            _ => last == 0 && linked == started,
        };
        if !right {
            wrong.push(format!("{} executions ran, {} linked: {}", started.len(), linked.len(), books.show(row)));
        }
        for execution in books.of(row).filter(|execution| !execution.started && execution.status != "canceled") {
            wrong.push(format!("execution {} is left {}: {}", execution.id, execution.status, books.show(row)));
        }
    }
    let rows: BTreeSet<String> = books.rows.iter().map(|row| row.id.to_string()).collect();
    for execution in &books.executions {
        if !execution.trace_tag.split(':').nth(2).is_some_and(|id| rows.contains(id)) {
            wrong.push(format!("execution {} with the tag {} belongs to no row", execution.id, execution.trace_tag));
        }
    }
}

/// The last part of `poundcake:{request_id}:{alert_id}:{generation}`.
fn generation(execution: &ExecutionView) -> i32 {
    execution.trace_tag.split(':').nth(3).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Open episodes are opened by their own row; followers name one that is an opener.
pub fn episodes(books: &Books, wrong: &mut Wrong) {
    let rows: HashMap<i64, &Row> = books.rows.iter().map(|row| (row.id, row)).collect();
    for row in &books.rows {
        let follows = matches!(row.reason.as_str(), "repeat" | "refire_cooldown");
        let opener = rows.get(&row.opened_by);
        let right = match (row.open, follows) {
            (true, _) => row.opened_by == 0 && row.alert_status == "firing",
            (false, true) => opener.is_some_and(|opener| opener.opened_by == 0 && opener.instance == row.instance),
            (false, false) => true,
        };
        if !right {
            wrong.push(format!("no opener: {}", books.show(row)));
        }
    }
}

/// Each firing that was answered ran once, or a row of it says why not. Returns how many firings there were.
pub fn firings(books: &Books, sent: &Sent, wrong: &mut Wrong) -> usize {
    let mut rows: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in books.rows.iter().filter(|row| row.alert_status == "firing") {
        rows.entry((&row.instance, &row.starts_at)).or_default().push(row);
    }
    for ((instance, start), rows) in &rows {
        let run = rows.iter().filter(|row| row.status != "skipped").count();
        let executions: usize = rows.iter().map(|row| books.started(row).count()).sum();
        let replays: usize = rows.iter().map(|row| usize::try_from(row.generation).unwrap_or_default()).sum();
        if run > 1 || executions > 1 + replays {
            let shown: Vec<String> = rows.iter().map(|row| books.show(row)).collect();
            wrong.push(format!(
                "{instance} at {start} was run {run} times, {executions} executions: {}",
                shown.join("\n    ")
            ));
        }
    }
    let by_id: HashMap<i64, &Row> = books.rows.iter().map(|row| (row.id, row)).collect();
    let mut firings = BTreeSet::new();
    let answered = sent.answered.iter().flat_map(|answered| &answered.alerts).filter(|alert| alert.firing);
    for alert in answered {
        if !firings.insert((&alert.instance, &alert.starts_at)) {
            continue;
        }
        let start = column(&alert.starts_at);
        let rows = rows.get(&(alert.instance.as_str(), start.as_str())).map_or(&[][..], Vec::as_slice);
        if !rows.iter().any(|row| accounts_for(row) || by_id.get(&row.opened_by).is_some_and(|row| accounts_for(row))) {
            wrong.push(format!("{alert:?} has neither run nor a reason: {rows:?}"));
        }
    }
    firings.len()
}

/// It ran, failed in the open, ended before it ran, was not approved, its route was off, or came too soon after the last one of the same alert. A `repeat` is
/// accounted for by its opener, whose start may be another one: a late try of the firing before opened the episode, and
/// this one came before that was dispatched. `reopened` alone would be an alert that got lost.
fn accounts_for(row: &Row) -> bool {
    let reasons = ["resolved_before_dispatch", "refire_cooldown", "no_rule_matched", "not_approved", "route_off"];
    row.status != "skipped" || reasons.contains(&row.reason.as_str())
}

/// Nothing is left in a queue.
pub fn neighbours(books: &Books, wrong: &mut Wrong) {
    for (queue, messages) in books.messages.iter().filter(|(_, messages)| *messages > 0) {
        wrong.push(format!("{messages} messages are left in {queue}"));
    }
}
