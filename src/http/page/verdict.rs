//! One line that says whether all is well, and why not.

use super::{
    stations::Station,
    words::{State, age, count},
};
use crate::{history::Standing, model::status::DispatchStatus};

/// The verdict, its reason, and its colour.
pub(super) struct Verdict {
    pub(super) class: &'static str,
    pub(super) state: State,
    pub(super) reason: String,
}

/// The worst thing first: what does not move, what failed, what is held.
pub(super) fn of(now: &Standing, stations: &[Station]) -> Verdict {
    let broken = |class: &str| stations.iter().find(|station| station.class == class);
    let late: i64 = now.overdue.iter().map(|overdue| overdue.rows).sum();
    let held: i64 = now.held.iter().map(|(_, rows)| rows).sum();
    let (class, word, reason) = if late > 0 {
        ("bad", format!("{} late", are(late, "alert")), late_reason(now))
    } else if let Some(station) = broken("bad") {
        ("bad", format!("{}: {}", station.name, station.say), format!("{}. Alerts are stored and wait.", station.more))
    } else if now.failed_lately > 0 {
        let word = format!("{} failed in the last hour", count(now.failed_lately, "alert"));
        (
            "bad",
            word,
            "Nothing ran, or it is not known whether it did. Look at each; replay what still needs it.".to_owned(),
        )
    } else if held > 0 {
        ("hold", format!("Holding {}", count(held, "alert")), held_reason(now))
    } else if let Some(station) = broken("hold").filter(|_| now.pauses.is_empty()) {
        ("hold", format!("{}: {}", station.name, station.say), format!("{}.", station.more))
    } else if now.pauses.is_empty() {
        ("ok", "All well".to_owned(), well_reason(now))
    } else {
        (
            "hold",
            "Paused".to_owned(),
            "What the pauses below cover is not started. No alert is held by them yet.".to_owned(),
        )
    };
    Verdict { class, state: State::new(class, word), reason }
}

/// `1 alert is`, `2 alerts are`.
fn are(n: i64, what: &str) -> String {
    format!("{} {}", count(n, what), if n == 1 { "is" } else { "are" })
}

fn late_reason(now: &Standing) -> String {
    let part = |status: DispatchStatus, rows: i64, seconds: i64| {
        let who = match status {
            DispatchStatus::AwaitingExecution | DispatchStatus::Held => "a dispatcher",
            _ => "a relay or a dispatcher",
        };
        format!("{rows} {status}, the first due {} ago: {who} should have taken it", age(seconds))
    };
    let parts: Vec<String> = now.overdue.iter().map(|late| part(late.status, late.rows, late.oldest_seconds)).collect();
    format!(
        "{}. Check that ingest and the dispatchers run and reach RabbitMQ and StackStorm (poundcake doctor).",
        parts.join("; ")
    )
}

fn held_reason(now: &Standing) -> String {
    let part = |(reason, rows): &(Option<_>, i64)| {
        format!("{rows} by {}", reason.map_or("an unknown guard", crate::model::status::DispatchReason::as_str))
    };
    let parts: Vec<String> = now.held.iter().map(part).collect();
    format!("Guards hold them: {}. They start when their guard lets go.", parts.join(", "))
}

fn well_reason(now: &Standing) -> String {
    let waiting: i64 = now.waiting.iter().map(|depth| depth.rows).sum();
    let way = if waiting == 0 { "No alert waits".to_owned() } else { format!("{} on the way", are(waiting, "alert")) };
    format!("Nothing is held or late, and nothing failed in the last hour. {way}.")
}

#[cfg(test)]
mod tests;
