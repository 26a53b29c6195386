use super::*;

/// Name and labels of each row of the table in `docs/operations.md`.
fn documented() -> Vec<String> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| `poundcake_")?.split(" | ").collect();
        (cells.len() == 3)
            .then(|| format!("poundcake_{} {}", cells[0].trim_end_matches('`'), cells[1].replace('`', "")))
    };
    include_str!("../../docs/operations.md").lines().filter_map(row).collect()
}

#[test]
fn the_docs_list_every_metric_with_its_labels() {
    let registering = Registering::new();
    Metrics::register(&registering).unwrap();
    let row = |metric: &Desc| format!("{} {}", metric.fq_name, metric.variable_labels.join(", "));
    let registered: Vec<String> = registering.described.borrow().iter().map(row).collect();
    assert_eq!(documented(), registered, "the table in docs/operations.md");
}
