//! `docs/runbooks`: the SQL that people paste runs on MariaDB.

use crate::harness::{Setup, Shape};
use std::path::Path;

/// The SQL of each page, with the page's name.
fn queries() -> Vec<(String, String)> {
    let pages = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks")).expect("the runbooks");
    let mut found = Vec::new();
    for page in pages {
        let path = page.expect("a page").path();
        let text = std::fs::read_to_string(&path).expect("its text");
        for block in text.split("```sql\n").skip(1) {
            let sql = block.split("```").next().unwrap_or_default().trim().trim_end_matches(';');
            found.push((path.display().to_string(), sql.to_owned()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_of_every_runbook_runs() {
    let setup = Setup::new(Shape::Separate).await;
    let found = queries();
    assert!(found.len() >= 7, "{found:?}");
    for (page, sql) in found {
        // Within a query that counts its rows; one that does not run is a panic with the statement.
        let rows = setup.database.count(&format!("({sql}) q"));
        assert_eq!(rows, if sql.contains("information_schema") { 3 } else { 0 }, "{page}");
    }
}
