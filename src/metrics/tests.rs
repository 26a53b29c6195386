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

#[test]
fn every_reason_of_failed_is_shown_as_zero_from_the_start() {
    let docs = include_str!("../../docs/states.md");
    let table = docs.split("| `failed` |").nth(1).expect("the rows of failed").split("| `skipped` |").next();
    let reasons: Vec<&str> = table
        .unwrap()
        .lines()
        .filter_map(|line| line.trim_start_matches("| ").trim().strip_prefix('`')?.split('`').next())
        .collect();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    let text = Metrics::new().unwrap().render().unwrap();
    for reason in reasons {
        assert!(
            text.contains(&format!("poundcake_settled_total{{reason=\"{reason}\",status=\"failed\"}} 0")),
            "{reason}"
        );
    }
}
