//! What the documents say of commands and settings, held to the program.

use super::{config, repository};
use crate::harness::Process;
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
