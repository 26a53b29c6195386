//! The way of an alert as six stations: whether each passes alerts on, as the processes tell it in their rows.

use super::words::age;
use crate::{
    heartbeat::{Circuit, Facts, RabbitMq},
    store::processes::Process,
};

/// A station.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) name: &'static str,
    /// `ok`, `hold`, `bad`, or `idle` where no process tells.
    pub(super) class: &'static str,
    pub(super) say: String,
    pub(super) more: String,
}

impl Station {
    fn new(name: &'static str, class: &'static str, say: impl Into<String>, more: impl Into<String>) -> Self {
        Self { name, class, say: say.into(), more: more.into() }
    }

    /// Alerts do not go on here.
    pub(super) fn is_stuck(&self) -> bool {
        matches!(self.class, "hold" | "bad")
    }
}

/// What a process told, and whether it is still there.
struct Told {
    role: String,
    stale: bool,
    facts: Facts,
}

/// The stations. `webhooks`: those of the last hour.
pub(super) fn of(processes: &[Process], webhooks: i64) -> Vec<Station> {
    let told: Vec<Told> = processes.iter().map(told).collect();
    let waiting: Vec<&str> = told
        .iter()
        .filter(|told| !told.stale)
        .flat_map(|told| told.facts.waits_for.iter().map(String::as_str))
        .collect();
    let mut nodes: Vec<&str> = told.iter().filter_map(|told| told.facts.database_node.as_deref()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let database = if nodes.is_empty() { "it answered this page".to_owned() } else { nodes.join(", ") };
    vec![
        Station::new("Webhooks", "ok", format!("{webhooks} in the last hour"), running(&told, "ingest")),
        Station::new("Database", "ok", "reachable", database),
        rabbitmq(&told),
        dispatchers(&told),
        stackstorm(&told, &waiting),
        tracker(&told),
    ]
}

fn told(process: &Process) -> Told {
    // A newer program may tell more; what cannot be read tells nothing.
    let facts = serde_json::from_str(&process.facts).unwrap_or_default();
    Told { role: process.role.clone(), stale: process.stale, facts }
}

fn of_role<'t>(all: &'t [Told], role: &str) -> Vec<&'t Told> {
    all.iter().filter(|told| told.role == role || told.role == "standalone").collect()
}

fn running(all: &[Told], role: &str) -> String {
    match of_role(all, role).iter().filter(|told| !told.stale).count() {
        0 => String::new(),
        1 => format!("1 {role} runs"),
        n => format!("{n} {role} run"),
    }
}

const UNKNOWN: &str = "no process tells";

fn rabbitmq(all: &[Told]) -> Station {
    const NAME: &str = "RabbitMQ";
    let live: Vec<&Told> = all.iter().filter(|told| !told.stale).collect();
    let states: Vec<RabbitMq> = live.iter().filter_map(|told| told.facts.rabbitmq).collect();
    let lost = states.iter().filter(|state| **state == RabbitMq::Disconnected).count();
    match (states.len(), lost) {
        (0, _) if live.iter().any(|told| told.role == "standalone") => {
            Station::new(NAME, "ok", "not needed", "standalone has a queue of its own")
        }
        (0, _) => Station::new(NAME, "idle", UNKNOWN, ""),
        (all, 0) => Station::new(
            NAME,
            "ok",
            "connected",
            if all == 1 { "from 1 process".to_owned() } else { format!("from {all} processes") },
        ),
        (all, lost) => Station::new(
            NAME,
            "bad",
            "not connected",
            format!("{lost} of {all} have no connection; alerts are stored and wait"),
        ),
    }
}

fn dispatchers(all: &[Told]) -> Station {
    const NAME: &str = "Dispatchers";
    let dispatchers: Vec<&Told> = of_role(all, "dispatcher")
        .into_iter()
        .filter(|told| told.facts.circuit.is_some() || told.facts.routes.is_some())
        .collect();
    let live: Vec<&&Told> = dispatchers.iter().filter(|told| !told.stale).collect();
    let (n, gone) = (live.len(), dispatchers.len() - live.len());
    if n == 0 {
        let class = if all.is_empty() { "idle" } else { "bad" };
        return Station::new(
            NAME,
            class,
            if all.is_empty() { UNKNOWN } else { "none runs" },
            "without one nothing is started",
        );
    }
    let say = if n == 1 { "1 runs".to_owned() } else { format!("{n} run") };
    let routes: Vec<_> = live.iter().filter_map(|told| told.facts.routes.as_ref()).collect();
    let differ = routes.windows(2).any(|two| two[0].digest != two[1].digest);
    if routes.iter().any(|routes| routes.invalid) {
        Station::new(NAME, "hold", say, "a routes file is invalid: the routes before it are in use")
    } else if differ {
        Station::new(NAME, "hold", say, "they have different routes files")
    } else if gone > 0 {
        Station::new(NAME, "hold", say, format!("{gone} ended without a word in the last hour"))
    } else {
        Station::new(NAME, "ok", say, "routes valid")
    }
}

fn stackstorm(all: &[Told], waiting: &[&str]) -> Station {
    const NAME: &str = "StackStorm";
    let circuits: Vec<Circuit> = all.iter().filter(|told| !told.stale).filter_map(|told| told.facts.circuit).collect();
    let of = |state: Circuit| circuits.iter().filter(|circuit| **circuit == state).count();
    let (all, open, half) = (circuits.len(), of(Circuit::Open), of(Circuit::HalfOpen));
    if all == 0 {
        Station::new(NAME, "idle", UNKNOWN, "")
    } else if open > 0 {
        let more = waiting.iter().find(|what| what.starts_with(NAME)).copied().unwrap_or("calls fail; alerts wait");
        Station::new(NAME, "bad", "circuit open", format!("{open} of {all} dispatchers: {more}"))
    } else if half > 0 {
        Station::new(NAME, "hold", "circuit half-open", "the next call shows whether it works again")
    } else {
        Station::new(NAME, "ok", "circuit closed", "calls work")
    }
}

fn tracker(all: &[Told]) -> Station {
    const NAME: &str = "Tracker";
    let trackers: Vec<&Told> =
        of_role(all, "tracker").into_iter().filter(|told| told.facts.tracker.is_some()).collect();
    let Some(facts) = trackers.iter().find(|told| !told.stale).and_then(|told| told.facts.tracker.as_ref()) else {
        let class = if all.is_empty() { "idle" } else { "hold" };
        return Station::new(
            NAME,
            class,
            if all.is_empty() { UNKNOWN } else { "none runs" },
            "without one no execution gets its status",
        );
    };
    let behind = facts.lag_seconds.map_or_else(|| "up to date".to_owned(), |lag| format!("{lag:.1} s behind"));
    let stream = if facts.stream_connected { "stream connected" } else { "no stream: it polls" };
    let more = format!("{stream}; {} followed", facts.following);
    match facts.answered_seconds_ago {
        Some(ago) if ago > 120 => {
            Station::new(NAME, "hold", format!("StackStorm silent for {}", age(i64::try_from(ago).unwrap_or(0))), more)
        }
        _ => Station::new(NAME, if facts.stream_connected { "ok" } else { "hold" }, behind, more),
    }
}

#[cfg(test)]
mod tests;
