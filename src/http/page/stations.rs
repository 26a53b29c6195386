//! The way of an alert as six stations: whether each passes alerts on, as the processes tell it in their rows.

use super::words::age;
use crate::{
    heartbeat::{Circuit, Facts, RabbitMq, Tracker},
    store::processes::Process,
};
use chrono::{DateTime, NaiveDateTime};

/// A station.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) name: &'static str,
    /// `ok`; `hold` where something is not as usual; `bad` where alerts do not go on; `idle` where no process tells.
    pub(super) class: &'static str,
    pub(super) say: String,
    /// The same in a word or two, for the list of connections.
    pub(super) short: &'static str,
    pub(super) more: String,
}

impl Station {
    fn new(
        name: &'static str,
        (class, short): (&'static str, &'static str),
        say: impl Into<String>,
        more: impl Into<String>,
    ) -> Self {
        Self { name, class, short, say: say.into(), more: more.into() }
    }

    fn ok(name: &'static str, say: impl Into<String>, more: impl Into<String>) -> Self {
        Self::new(name, ("ok", "ok"), say, more)
    }

    fn unknown(name: &'static str) -> Self {
        Self::new(name, ("idle", "unknown"), "no process tells", "")
    }

    /// It is not as usual.
    pub(super) fn is_stuck(&self) -> bool {
        matches!(self.class, "hold" | "bad")
    }
}

/// A tracker that misses StackStorm for less is not news: it connects again within seconds.
const SILENT: u64 = 5;

/// What a process told, and whether it is still there.
struct Told {
    role: String,
    seen_at: NaiveDateTime,
    stale: bool,
    facts: Facts,
}

/// The stations. `webhooks`: those of the last hour.
pub(super) fn of(processes: &[Process], webhooks: i64) -> Vec<Station> {
    let told: Vec<Told> = processes.iter().map(told).collect();
    let mut nodes: Vec<&str> = told.iter().filter_map(|told| told.facts.database_node.as_deref()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let database = if nodes.is_empty() { "it answered this page".to_owned() } else { nodes.join(", ") };
    vec![
        Station::ok("Webhooks", format!("{webhooks} in the last hour"), running(&told, "ingest")),
        Station::ok("Database", "reachable", database),
        rabbitmq(&told),
        dispatchers(&told),
        stackstorm(&told),
        tracker(&told),
    ]
}

fn told(process: &Process) -> Told {
    // A newer program may tell more; what cannot be read tells nothing.
    let facts = serde_json::from_str(&process.facts).unwrap_or_default();
    Told { role: process.role.clone(), seen_at: process.seen_at, stale: process.stale, facts }
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

fn rabbitmq(all: &[Told]) -> Station {
    const NAME: &str = "RabbitMQ";
    let live: Vec<&Told> = all.iter().filter(|told| !told.stale && told.facts.rabbitmq.is_some()).collect();
    if live.is_empty() {
        if all.iter().any(|told| !told.stale && told.role == "standalone") {
            return Station::new(NAME, ("ok", "not needed"), "not needed", "standalone has a queue of its own");
        }
        return Station::unknown(NAME);
    }
    let is_lost = |told: &&Told| told.facts.rabbitmq == Some(RabbitMq::Disconnected);
    let (all, lost) = (live.len(), live.iter().copied().filter(is_lost).count());
    // Publishers are one kind, consumers the other: if all of one kind have lost RabbitMQ, no alert moves.
    let (publish, consume): (Vec<&Told>, Vec<&Told>) = live.iter().copied().partition(|told| told.role == "ingest");
    let is_cut = |kind: &[&Told]| !kind.is_empty() && kind.iter().all(is_lost);
    if lost == 0 {
        Station::ok(NAME, "connected", connections(&live))
    } else if is_cut(&publish) || is_cut(&consume) {
        Station::new(NAME, ("bad", "lost"), "not connected", format!("{lost} of {all} processes have no connection"))
    } else {
        let more = "the others have a connection, and alerts go on through them";
        Station::new(NAME, ("hold", "partly lost"), format!("{lost} of {all} processes not connected"), more)
    }
}

/// From how many processes, and who has let go of it.
fn connections(live: &[&Told]) -> String {
    let of = |state: RabbitMq| live.iter().filter(|told| told.facts.rabbitmq == Some(state)).count();
    let from = |n: usize| if n == 1 { "from 1 process".to_owned() } else { format!("from {n} processes") };
    let more = [
        (RabbitMq::Connected, from(of(RabbitMq::Connected))),
        (RabbitMq::Connecting, format!("{} connecting", of(RabbitMq::Connecting))),
        (RabbitMq::Paused, format!("{} not while the circuit is open", of(RabbitMq::Paused))),
    ];
    let some = more.into_iter().filter(|(state, _)| of(*state) > 0).map(|(_, words)| words);
    some.collect::<Vec<_>>().join(", ")
}

fn dispatchers(all: &[Told]) -> Station {
    const NAME: &str = "Dispatchers";
    let dispatchers: Vec<&Told> = of_role(all, "dispatcher")
        .into_iter()
        .filter(|told| told.facts.circuit.is_some() || told.facts.routes.is_some())
        .collect();
    let (stale, live): (Vec<&Told>, Vec<&Told>) = dispatchers.into_iter().partition(|told| told.stale);
    let (n, gone) = (live.len(), gone(&stale, &live));
    if all.is_empty() {
        return Station::unknown(NAME);
    }
    if n == 0 {
        return Station::new(NAME, ("bad", "none"), "none runs", "without one nothing is started");
    }
    let say = if n == 1 { "1 runs".to_owned() } else { format!("{n} run") };
    let hold = |what: &str, more: &str| Station::new(NAME, ("hold", "look"), format!("{say}, {what}"), more);
    let routes: Vec<_> = live.iter().filter_map(|told| told.facts.routes.as_ref()).collect();
    if routes.iter().any(|routes| routes.invalid) {
        hold("routes file invalid", "the routes before it are in use")
    } else if routes.windows(2).any(|two| two[0].digest != two[1].digest) {
        hold("different routes files", "until they are the same, a limit holds only as the loosest file says")
    } else if gone > 0 {
        hold(&format!("{gone} gone"), "it was killed, or it is cut off from the database")
    } else {
        Station::ok(NAME, say, "routes valid")
    }
}

/// Those that ended without a word, and in whose place none has started since.
fn gone(stale: &[&Told], live: &[&Told]) -> usize {
    let started = |told: &&Told| Some(DateTime::parse_from_rfc3339(&told.facts.started_at).ok()?.naive_utc());
    let mut starts: Vec<NaiveDateTime> = stale.iter().chain(live).filter_map(started).collect();
    let mut ends: Vec<NaiveDateTime> = stale.iter().map(|told| told.seen_at).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let mut starts = starts.into_iter();
    ends.iter().filter(|end| !starts.any(|start| start >= **end)).count()
}

/// What dispatchers know by their calls; while none is made, what a tracker knows.
fn stackstorm(all: &[Told]) -> Station {
    const NAME: &str = "StackStorm";
    let circuits: Vec<Circuit> = all.iter().filter(|told| !told.stale).filter_map(|told| told.facts.circuit).collect();
    let of = |state: Circuit| circuits.iter().filter(|circuit| **circuit == state).count();
    let (n, open, half) = (circuits.len(), of(Circuit::Open), of(Circuit::HalfOpen));
    if n > 0 && open == n {
        let whose = if n == 1 {
            "the dispatcher's calls fail".to_owned()
        } else {
            format!("the calls of all {n} dispatchers fail")
        };
        Station::new(NAME, ("bad", "circuit open"), "circuit open", whose)
    } else if open > 0 {
        let more = format!("calls of {open} of {n} dispatchers fail; the others still start alerts");
        Station::new(NAME, ("hold", "partly open"), "circuit partly open", more)
    } else if let Some(silent) = silence(all) {
        Station::new(
            NAME,
            ("hold", "silent"),
            silent,
            "no call of a dispatcher has failed since; perhaps none was made",
        )
    } else if half > 0 {
        Station::new(NAME, ("hold", "half-open"), "circuit half-open", "the next call shows whether it works again")
    } else if n == 0 {
        Station::unknown(NAME)
    } else {
        Station::ok(NAME, "circuit closed", "no call fails")
    }
}

/// What a tracker misses of StackStorm, if it has missed it for some seconds.
fn silence(all: &[Told]) -> Option<String> {
    let long = |seconds: Option<u64>| {
        seconds.filter(|seconds| *seconds >= SILENT).map(|seconds| age(seconds.try_into().unwrap_or(0)))
    };
    let facts = live_tracker(all)?;
    let polls = long(facts.unanswered_seconds).map(|long| format!("no answer to polls for {long}"));
    polls.or_else(|| long(facts.stream_lost_seconds).map(|long| format!("event stream lost for {long}")))
}

fn live_tracker(all: &[Told]) -> Option<&Tracker> {
    of_role(all, "tracker").into_iter().filter(|told| !told.stale).find_map(|told| told.facts.tracker.as_ref())
}

fn tracker(all: &[Told]) -> Station {
    const NAME: &str = "Tracker";
    if all.is_empty() {
        return Station::unknown(NAME);
    }
    let Some(facts) = live_tracker(all) else {
        return Station::new(NAME, ("hold", "none runs"), "none runs", "without one no execution gets its status");
    };
    let behind = facts.lag_seconds.map_or_else(|| "up to date".to_owned(), |lag| format!("{lag:.1} s behind"));
    let (how, say) = match (facts.stream_connected, facts.stream_lost_seconds) {
        (true, _) => ("stream connected", behind),
        (false, None) => ("it polls, without a stream", behind),
        (false, Some(_)) => ("no stream: it polls", "polls".to_owned()),
    };
    let say = if facts.unanswered_seconds.is_some() { "gets no answers".to_owned() } else { say };
    Station::ok(NAME, say, format!("{how}; {} followed", facts.following))
}

#[cfg(test)]
mod tests;
