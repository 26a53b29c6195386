//! One line that says whether all is well, and why not.

use super::{
    stations::Station,
    words::{State, age, count, sentence},
};
use crate::{
    history::Standing,
    model::{
        pause::{Pause, Scope},
        status::{DispatchReason, DispatchStatus},
    },
};

/// The verdict, its reason, and its colour.
pub(super) struct Verdict {
    pub(super) class: &'static str,
    pub(super) state: State,
    pub(super) reason: String,
}

/// Something that is not as usual.
struct Condition {
    class: &'static str,
    /// The line, if this is the worst.
    word: String,
    /// After the worst.
    also: String,
    /// Why, and what follows.
    reason: String,
}

impl Condition {
    fn new(class: &'static str, word: impl Into<String>, reason: impl Into<String>) -> Self {
        let word = word.into();
        Self { class, also: word.clone(), word, reason: reason.into() }
    }
}

/// The worst condition is the line; the others are named after its reason, so that one does not hide another.
pub(super) fn of(now: &Standing, stations: &[Station]) -> Verdict {
    let mut conditions = conditions(now, stations).into_iter();
    let Some(Condition { class, word, reason, .. }) = conditions.next() else {
        return Verdict { class: "ok", state: State::new("ok", "All well"), reason: well_reason(now) };
    };
    let others: Vec<String> = conditions.map(|other| other.also).collect();
    let also = if others.is_empty() { String::new() } else { format!(" Also: {}.", others.join("; ")) };
    Verdict { class, state: State::new(class, word), reason: reason + &also }
}

/// The worst first: what does not pass alerts on is why they are late; then what failed, and what is held.
fn conditions(now: &Standing, stations: &[Station]) -> Vec<Condition> {
    let of_class = |class: &'static str| stations.iter().filter(move |station| station.class == class);
    let late: i64 = now.overdue.iter().map(|overdue| overdue.rows).sum();
    let held: i64 = now.held.iter().map(|(_, rows)| rows).sum();
    let mut conditions: Vec<Condition> = of_class("bad").map(broken).collect();
    if late > 0 {
        conditions.push(Condition::new("bad", format!("{} late", are(late, "alert")), late_reason(now)));
    }
    if now.failed_lately > 0 {
        let word = format!("{} failed in the last hour", count(now.failed_lately, "alert"));
        let reason = "Nothing ran, or it is not known whether it did. Look at each; replay what still needs it.";
        conditions.push(Condition::new("bad", word, reason));
    }
    if held > 0 {
        let (alerts, reason) = (count(held, "alert"), held_reason(&now.held));
        let also = format!("holding {alerts}");
        conditions.push(Condition { also, ..Condition::new("hold", format!("Holding {alerts}"), reason) });
    }
    conditions.extend(of_class("hold").map(unusual));
    if !now.pauses.is_empty() && !now.held.iter().any(|(reason, _)| *reason == Some(DispatchReason::Paused)) {
        conditions.push(paused(&now.pauses));
    }
    conditions
}

fn broken(station: &Station) -> Condition {
    let reason = format!("{}. Alerts are stored and wait.", sentence(&station.more));
    Condition::new("bad", format!("{}: {}", station.name, station.say), reason)
}

fn unusual(station: &Station) -> Condition {
    Condition::new("hold", format!("{}: {}", station.name, station.say), format!("{}.", sentence(&station.more)))
}

/// No alert is held by them yet.
fn paused(pauses: &[Pause]) -> Condition {
    let one = |pause: &Pause| {
        let what = match &pause.scope {
            Scope::Everything | Scope::Unreadable(_) => "everything".to_owned(),
            Scope::Route(name) => format!("route {name}"),
            Scope::Matchers(matchers) => format!("alerts with {matchers}"),
        };
        let until = pause.until.map_or_else(
            || "until a person resumes it".to_owned(),
            |until| format!("until {} UTC", until.format("%H:%M")),
        );
        format!("{what} {until}, by {}: {}", pause.operator, pause.reason.trim_end_matches('.'))
    };
    let all: Vec<String> = pauses.iter().map(one).collect();
    let reason = format!("{}. No alert is held by it yet.", sentence(&all.join("; ")));
    Condition { also: "a pause is in force".to_owned(), ..Condition::new("hold", "Paused", reason) }
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

/// What holds them, and what lets them go: a clock, alerts that resolve, or a person.
fn held_reason(held: &[(Option<DispatchReason>, i64)]) -> String {
    use DispatchReason::{Approval, Brake, Cooldown, InFlight, Paused, Rate, TargetRate};
    let rows = |reason| held.iter().filter(|(held, _)| *held == Some(reason)).map(|(_, rows)| rows).sum::<i64>();
    let line = |reason, what: &str| (rows(reason) > 0).then(|| format!("{} {what}.", rows(reason)));
    let limits = [InFlight, Rate, TargetRate, Cooldown];
    let limited: Vec<String> = limits
        .into_iter()
        .filter(|reason| rows(*reason) > 0)
        .map(|reason| format!("{} by {reason}", rows(reason)))
        .collect();
    let limited =
        (!limited.is_empty()).then(|| format!("{}: they start by themselves as the limits allow.", limited.join(", ")));
    let parts = [
        line(Brake, "by the brake of a route: too many different targets at once; In force says what ends it"),
        line(Paused, "by a pause, until it ends or a person resumes it"),
        line(Approval, "by approval, until a person approves or rejects; without an answer nothing runs"),
        limited,
    ];
    let known: i64 = [Brake, Paused, Approval].into_iter().chain(limits).map(rows).sum();
    let unknown = held.iter().map(|(_, rows)| rows).sum::<i64>() - known;
    let unknown = (unknown > 0).then(|| format!("{unknown} by a guard that this program does not know."));
    parts.into_iter().flatten().chain(unknown).collect::<Vec<_>>().join(" ")
}

fn well_reason(now: &Standing) -> String {
    let waiting: i64 = now.waiting.iter().map(|depth| depth.rows).sum();
    let way = if waiting == 0 { "No alert waits".to_owned() } else { format!("{} on the way", are(waiting, "alert")) };
    format!("Nothing is held or late, and nothing failed in the last hour. {way}.")
}

#[cfg(test)]
mod tests;
