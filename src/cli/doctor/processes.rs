//! Checks the running processes by the rows that they write: what each waits for, and whether they agree.

use super::finding::Finding;
use crate::{
    clock::rfc3339,
    database::Database,
    heartbeat::Facts,
    logging,
    store::processes::{self, Process},
};
use std::collections::BTreeMap;

const AREA: &str = "processes";

pub(super) async fn check(store: &Database) -> Vec<Finding> {
    match store.run(processes::read).await {
        Ok(all) => {
            let all: Vec<(Process, Facts)> = all.into_iter().map(with_facts).collect();
            let running: Vec<&(Process, Facts)> = all.iter().filter(|(process, _)| !process.stale).collect();
            all.iter().map(one).chain(routes(&running)).chain(versions(&running)).chain(nodes(&running)).collect()
        }
        Err(error) => vec![Finding::unknown(AREA, "rows", logging::chain(&error))],
    }
}

/// Facts of another version that cannot be read tell nothing.
fn with_facts(process: Process) -> (Process, Facts) {
    let facts = serde_json::from_str(&process.facts).unwrap_or_default();
    (process, facts)
}

fn one((process, facts): &(Process, Facts)) -> Finding {
    let name = format!("{} {}", process.role, process.instance);
    if process.stale {
        let found =
            format!("last seen at {}: it was killed, or it cannot reach the database", rfc3339(process.seen_at));
        return Finding::note(AREA, name, found)
            .advice("start it again, or read its log; a row without a process is shown for an hour");
    }
    if facts.routes.as_ref().is_some_and(|routes| routes.invalid) {
        return Finding::wrong(AREA, name, "its routes file is invalid, and the routes before it are in use")
            .advice("correct the file that POUNDCAKE_ROUTES names, and check it with poundcake routes test");
    }
    if !facts.waits_for.is_empty() {
        let meanwhile = match process.role.as_str() {
            "tracker" => "executions get their status late",
            _ => "alerts are stored and wait",
        };
        return Finding::note(AREA, name, format!("waits for {}", facts.waits_for.join(", ")))
            .advice(format!("see the findings about that neighbour; {meanwhile}"));
    }
    Finding::ok(AREA, name, format!("version {}, started {}", facts.version, facts.started_at))
}

/// Exact limits need one file: while dispatchers have different ones, the loosest holds.
fn routes(running: &[&(Process, Facts)]) -> Option<Finding> {
    let dispatching = |facts: &Facts| facts.routes.as_ref().map(|routes| routes.digest.clone());
    let digest = |digest: Option<String>| digest.unwrap_or_else(|| "no file".to_owned());
    let all = grouped(running, |facts| dispatching(facts).map(digest))?;
    let advice =
        "give all dispatchers the same POUNDCAKE_ROUTES; until then a limit holds only as the loosest file says";
    Some(Finding::wrong(AREA, "routes file", format!("dispatchers use different routes files: {all}")).advice(advice))
}

fn versions(running: &[&(Process, Facts)]) -> Option<Finding> {
    let all = grouped(running, |facts| Some(facts.version.clone()).filter(|version| !version.is_empty()))?;
    let advice =
        "during an upgrade this is normal; limits of guards are exact once the last old dispatcher has stopped";
    Some(Finding::note(AREA, "versions", format!("several versions run: {all}")).advice(advice))
}

fn nodes(running: &[&(Process, Facts)]) -> Option<Finding> {
    let all = grouped(running, |facts| facts.database_node.clone())?;
    let advice =
        "on Galera let all processes write to one node; writers on several nodes are correct and pay with retries";
    Some(
        Finding::note(AREA, "database server", format!("processes use different database servers: {all}"))
            .advice(advice),
    )
}

/// `value: processes; value: processes`, where there are several values.
fn grouped(running: &[&(Process, Facts)], value: impl Fn(&Facts) -> Option<String>) -> Option<String> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (process, facts) in running {
        if let Some(value) = value(facts) {
            groups.entry(value).or_default().push(format!("{} {}", process.role, process.instance));
        }
    }
    let text = |(value, names): (&String, &Vec<String>)| format!("{value}: {}", names.join(", "));
    (groups.len() > 1).then(|| groups.iter().map(text).collect::<Vec<_>>().join("; "))
}
