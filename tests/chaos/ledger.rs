//! The ledger: what was sent, what is stored, what StackStorm ran, and whether they agree.

mod books;
mod checks;
mod limits;

use crate::{guards::Guards, people::Orders, senders::Sent};
use books::{Books, Row};
use std::{collections::BTreeMap, fmt};

pub use books::read;

/// The result.
pub struct Ledger {
    /// Per decision or end, how many rows.
    ends: BTreeMap<String, usize>,
    counts: Vec<(&'static str, usize)>,
    /// What is wrong, with the rows and executions concerned.
    pub wrong: Vec<String>,
}

/// Holds the books against each other.
pub fn balance(books: &Books, sent: &Sent, guards: &Guards, orders: &Orders) -> Ledger {
    let mut wrong = sent.refused.iter().map(|answer| format!("refused: {answer}")).collect();
    checks::answered(books, sent, &mut wrong);
    checks::rows(books, &mut wrong);
    checks::executions(books, &mut wrong);
    checks::episodes(books, &mut wrong);
    let firings = checks::firings(books, sent, &mut wrong);
    checks::neighbours(books, &mut wrong);
    limits::all(books, guards, &orders.pauses, &mut wrong);
    let mut ends = BTreeMap::new();
    for row in &books.rows {
        *ends.entry(row.end()).or_default() += 1;
    }
    let started = books.executions.iter().filter(|execution| execution.started).count();
    let held = books.rows.iter().filter(|row| row.status == "held").count();
    let mut counts = vec![
        ("alerts sent", sent.alerts.len()),
        ("webhooks answered 2xx", sent.answered.len()),
        ("alerts answered 2xx", sent.answered.iter().map(|answered| answered.alerts.len()).sum()),
        ("tried again", sent.tried_again),
        ("given up", sent.given_up),
        ("stored", books.rows.len()),
        ("firings", firings),
        ("executions run", started),
        ("links", books.rows.iter().map(|row| row.links.len()).sum()),
        ("orphans cancelled", books.executions.iter().filter(|execution| !execution.started).count()),
        ("queues repaired", books.repairs),
        ("late executions of uncertain rows", books.rows.iter().filter(|row| is_late(books, row)).count()),
        ("lines held", books.lines_held),
        ("held", held),
    ];
    counts.extend(orders.taken.iter().map(|(kind, times)| (*kind, *times)));
    Ledger { ends, counts, wrong }
}

/// Rule mode gave up, and StackStorm's rules ran it after all.
fn is_late(books: &Books, row: &Row) -> bool {
    row.is_uncertain_rule() && books.started(row).next().is_some()
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.wrong.is_empty() { "balanced" } else { "WRONG" };
        write!(f, "ledger {verdict}:")?;
        for (name, count) in &self.counts {
            write!(f, " {name} {count},")?;
        }
        for (end, count) in &self.ends {
            write!(f, " {end} {count},")?;
        }
        write!(f, " findings {}", self.wrong.len())
    }
}
