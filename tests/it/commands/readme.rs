//! What the documents say of commands and settings, held to the program.

use super::{config, repository};
use crate::harness::Process;
use poundcake::model::status::{DispatchReason, DispatchStatus};
use std::collections::BTreeSet;

/// `` `NAME` | default `` of each row of the table in `docs/configuration.md` whose first cell is a variable.
fn documented() -> Vec<(String, String)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let default = cells.next()?.trim_matches('`').replace("\\|", "|");
        is_name.then(|| (name.to_owned(), default))
    };
    repository("docs/configuration.md").lines().filter_map(row).collect()
}

#[tokio::test]
async fn the_docs_list_every_variable_with_its_default() {
    // The harness sets RUST_LOG; the flag's own default is shown when it is left empty.
    let program = config(&Process::poundcake("config").variable("RUST_LOG", "")).await;
    let program: Vec<(String, String)> = program.into_iter().map(|(name, value, _)| (name, value)).collect();
    assert_eq!(documented(), program);
}

/// Status and reason of each row of the table in `docs/states.md`; an empty first cell means the status above.
fn documented_states() -> Vec<(String, String)> {
    let page = repository("docs/states.md");
    let table = page.split("| status | reason | meaning |").nth(1).expect("the table");
    let mut status = String::new();
    let mut rows = Vec::new();
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        if !cells[1].is_empty() {
            status.clone_from(&cells[1]);
        }
        rows.push((status.clone(), cells[2].clone()));
    }
    rows
}

#[test]
fn the_docs_list_every_state_and_every_reason_once() {
    let rows = documented_states();
    let mut statuses: Vec<&str> = rows.iter().map(|(status, _)| status.as_str()).collect();
    statuses.dedup();
    let all: Vec<&str> = DispatchStatus::ALL.iter().map(|status| status.as_str()).collect();
    assert_eq!(statuses, all, "the table in docs/states.md");
    let mut reasons: Vec<&str> = rows.iter().map(|(_, reason)| reason.as_str()).filter(|r| !r.is_empty()).collect();
    let mut all: Vec<&str> = DispatchReason::ALL.iter().map(|reason| reason.as_str()).collect();
    reasons.sort_unstable();
    all.sort_unstable();
    assert_eq!(reasons, all, "the table in docs/states.md");
}

#[test]
fn the_diagram_of_states_has_every_state_and_no_other() {
    let page = repository("docs/states.md");
    let diagram = page.split("stateDiagram-v2").nth(1).and_then(|rest| rest.split("```").next()).expect("the diagram");
    let moves = diagram.lines().filter_map(|line| line.split(':').next()?.trim().split_once(" --> "));
    let drawn: BTreeSet<&str> = moves.flat_map(|(from, to)| [from, to]).filter(|state| *state != "[*]").collect();
    assert_eq!(drawn, DispatchStatus::ALL.iter().map(|status| status.as_str()).collect());
}

#[tokio::test]
async fn every_command_that_a_document_names_exists() {
    let mut named = BTreeSet::new();
    for document in [
        "README.md",
        "compose/README.md",
        "queries/README.md",
        "docs/install.md",
        "docs/routes.md",
        "docs/operations.md",
        "docs/sql.md",
        "docs/upgrade-from-older.md",
    ] {
        let text = repository(document);
        // rabbitmqctl's lines name a vhost and a user.
        for rest in
            text.lines().filter(|line| !line.contains("rabbitmqctl")).flat_map(|line| line.split("poundcake ").skip(1))
        {
            let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            named.insert((document, word));
        }
    }
    let (_, help, _) = Process::poundcake("help").run().await;
    let commands: BTreeSet<&str> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    let unknown: Vec<_> =
        named.iter().filter(|(_, word)| !word.is_empty() && !commands.contains(word.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?} are no commands: {commands:?}");
}
