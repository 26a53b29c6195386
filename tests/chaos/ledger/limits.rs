//! The limits of guards, counted by what arrived at StackStorm.

use super::books::{Books, Row};
use crate::{
    guards::{Guards, TARGET_WINDOW, WINDOW, rack},
    people::Paused,
};
use chrono::{DateTime, TimeDelta, Utc};
use st2_stand_in::ExecutionView;
use std::time::Duration;

/// A pause reaches every dispatcher within 2 s; this machine may need one more.
const REACHES: TimeDelta = TimeDelta::seconds(3);

/// Holds every limit against the executions.
pub fn all(books: &Books, guards: &Guards, pauses: &[Paused], wrong: &mut Vec<String>) {
    if !guards.on {
        return;
    }
    places(books, "limited", guards.places, |row| row.name == "Limited", wrong);
    if let Some(all) = guards.all {
        // What StackStorm's rules ran after the deadline takes no place: its dispatch has settled.
        places(books, "all routes", all, |row| !row.is_uncertain_rule(), wrong);
    }
    window(books, "limited", (guards.starts, WINDOW), |row| row.name == "Limited", wrong);
    for number in 0..crate::guards::RACKS {
        let of_rack = |row: &Row| row.name == "Racks" && rack(&row.instance) == number;
        window(books, &format!("rack {number}"), (guards.target_starts, TARGET_WINDOW), of_rack, wrong);
    }
    approvals(books, wrong);
    paused(books, pauses, wrong);
}

/// No moment has more unfinished executions than places. One that waits, or that StackStorm forgot, is unfinished too.
fn places(books: &Books, what: &str, limit: usize, is_meant: impl Fn(&Row) -> bool, wrong: &mut Vec<String>) {
    let mut moments: Vec<(String, i32, &str)> = Vec::new();
    for execution in books.rows.iter().filter(|row| is_meant(row)).flat_map(|row| books.of(row)) {
        let time = |name: &str| execution.document[name].as_str().map(str::to_owned);
        moments.extend(time("start_timestamp").map(|start| (start, 1, execution.id.as_str())));
        moments.extend(time("end_timestamp").map(|end| (end, -1, execution.id.as_str())));
    }
    // An end and a start of the same moment: the end first.
    moments.sort();
    let (mut now, limit) = (0, i32::try_from(limit).expect("a small limit"));
    for (at, change, id) in moments {
        now += change;
        if now > limit && change > 0 {
            wrong.push(format!("{what}: execution {id} at {at} is number {now} of {limit} that may be unfinished"));
        }
    }
}

/// No window of this length has more starts, wherever it begins: by the POSTs that led to executions that ran.
fn window(
    books: &Books,
    what: &str,
    (starts, length): (usize, Duration),
    is_meant: impl Fn(&Row) -> bool,
    wrong: &mut Vec<String>,
) {
    let length = TimeDelta::from_std(length).expect("a short window");
    let rows = books.rows.iter().filter(|row| is_meant(row));
    let mut arrived: Vec<DateTime<Utc>> =
        rows.flat_map(|row| books.started(row)).filter_map(|execution| arrival(books, execution)).collect();
    arrived.sort();
    for pair in arrived.windows(starts + 1) {
        let span = pair[starts] - pair[0];
        if span < length {
            wrong.push(format!("{what}: {} POSTs arrived within {span} from {} on", starts + 1, pair[0]));
        }
    }
}

/// The last POST with its tag that came before it: what hangs in StackStorm becomes an execution later.
fn arrival(books: &Books, execution: &ExecutionView) -> Option<DateTime<Utc>> {
    let created: DateTime<Utc> = execution.document["start_timestamp"].as_str()?.parse().ok()?;
    let of_tag = books.arrivals.get(&execution.trace_tag)?;
    of_tag.iter().copied().filter(|at| *at <= created).max()
}

/// Nothing ran that a person had not approved.
fn approvals(books: &Books, wrong: &mut Vec<String>) {
    for row in books.rows.iter().filter(|row| row.name == "Asks") {
        if books.started(row).next().is_some() && !row.log.contains("\"approved\"") {
            wrong.push(format!("it ran, and nobody approved it: {}", books.show(row)));
        }
    }
}

/// Nothing arrived while everything was paused.
fn paused(books: &Books, pauses: &[Paused], wrong: &mut Vec<String>) {
    for Paused { from, to } in pauses {
        for (tag, arrivals) in &books.arrivals {
            for at in arrivals.iter().filter(|at| **at > *from + REACHES && *at < to) {
                wrong.push(format!("{tag} arrived at {at}, while everything was paused from {from} to {to}"));
            }
        }
    }
}
