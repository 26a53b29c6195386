//! Checks the database server: durability after a power failure, its place in a Galera cluster, the size of our tables.

use super::finding::Finding;
use crate::{
    database::{
        Database, DatabaseError,
        galera::{self, Node},
        server::{self, Weak},
        sizes::{self, Size},
    },
    logging,
};

const MIB: i64 = 1 << 20;

/// `usable`: our tables exist.
pub(super) async fn check(area: &'static str, store: &Database, usable: bool) -> Vec<Finding> {
    let mut findings = match store.run(server::weak).await {
        Ok(weak) => durability(area, &weak),
        Err(error) => vec![Finding::unknown(area, "durability", logging::chain(&error))],
    };
    match store.run(galera::node).await {
        Ok(node) => findings.extend(node.map(|node| galera_node(area, &node))),
        Err(error) => findings.push(Finding::unknown(area, "galera", logging::chain(&error))),
    }
    if usable {
        let sizes = sizes(area, store).await;
        findings.extend(sizes.unwrap_or_else(|error| vec![Finding::unknown(area, "sizes", logging::chain(&error))]));
    }
    findings
}

fn durability(area: &'static str, weak: &[Weak]) -> Vec<Finding> {
    let note = |weak: &Weak| {
        let found = format!("{}: a power failure can lose webhooks that were answered with 202", weak.setting);
        Finding::note(area, "durability", found).advice(weak.advice)
    };
    if weak.is_empty() {
        return vec![Finding::ok(area, "durability", "webhooks answered with 202 are on the disk")];
    }
    weak.iter().map(note).collect()
}

fn galera_node(area: &'static str, node: &Node) -> Finding {
    let Node { cluster_status, state, size } = node;
    let found = format!("the node is {state}, in a {cluster_status} component of {size} nodes");
    if cluster_status != "Primary" {
        let advice = "connect the node with the majority, or let DATABASE_URL lead to a node of it";
        return Finding::wrong(area, "galera", format!("{found}: it refuses every write")).advice(advice);
    }
    if state == "Synced" {
        return Finding::ok(area, "galera", found);
    }
    Finding::note(area, "galera", format!("{found}: it may be behind, or slow")).advice("wait until it is Synced")
}

async fn sizes(area: &'static str, store: &Database) -> Result<Vec<Finding>, DatabaseError> {
    let (tables, file) = store.run(|conn| Ok((sizes::tables(conn)?, sizes::file(conn)?))).await?;
    let mut findings: Vec<Finding> = tables.iter().map(|size| Finding::ok(area, size.table, of_table(size))).collect();
    findings.extend(file.map(|bytes| Finding::ok(area, "file", mib(bytes))));
    Ok(findings)
}

fn of_table(size: &Size) -> String {
    let Size { rows, rows_a_day, .. } = size;
    match (size.bytes, size.bytes_a_day()) {
        (Some(bytes), Some(a_day)) => {
            format!("about {rows} rows, {}; {rows_a_day} rows, {} in the last 24 h", mib(bytes), mib(a_day))
        }
        _ => format!("about {rows} rows; {rows_a_day} rows in the last 24 h"),
    }
}

fn mib(bytes: i64) -> String {
    format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn a_galera_node_is_right_when_it_is_synced_with_the_majority() {
        let node = |cluster_status: &str, state: &str| {
            let [cluster_status, state] = [cluster_status, state].map(str::to_owned);
            galera_node("database", &Node { cluster_status, state, size: "3".to_owned() })
        };
        let synced = node("Primary", "Synced");
        assert_eq!(synced, Finding::ok("database", "galera", "the node is Synced, in a Primary component of 3 nodes"));
        assert_eq!(node("Primary", "Donor/Desynced").level, Level::Note);
        assert_eq!(node("non-Primary", "Initialized").level, Level::Wrong);
        assert_eq!(node("non-Primary", "Synced").level, Level::Wrong);
    }

    #[test]
    fn a_table_is_shown_in_rows_and_bytes_and_per_day() {
        let size = Size { table: "t", rows: 1_000, bytes: Some(5 * MIB / 2), rows_a_day: 100 };
        assert_eq!(of_table(&size), "about 1000 rows, 2.5 MiB; 100 rows, 0.2 MiB in the last 24 h");
        assert_eq!(of_table(&Size { bytes: None, ..size }), "about 1000 rows; 100 rows in the last 24 h");
    }
}
