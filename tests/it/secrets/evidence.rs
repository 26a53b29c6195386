//! What PoundCake has shown, and whether a canary is in it.

use super::canary::leaks;
use crate::harness::{Running, TestDatabase};

/// Everything that was collected: where it was shown, and the text.
#[derive(Default)]
pub struct Evidence(Vec<(String, String)>);

impl Evidence {
    /// Adds a text.
    pub fn add(&mut self, what: impl Into<String>, text: impl Into<String>) {
        self.0.push((what.into(), text.into()));
    }

    /// Adds what a process has written so far.
    pub fn add_process(&mut self, what: &str, process: &Running) {
        for stream in ["stdout", "stderr"] {
            self.add(format!("{what}: {stream}"), process.output(stream));
        }
    }

    /// Adds every row of every table.
    pub fn add_rows(&mut self, database: &TestDatabase) {
        for table in tables(database) {
            let rows = rows(database, &table).join("\n");
            self.add(format!("rows of {table}"), rows);
        }
    }

    /// The texts of one place.
    pub fn of(&self, what: &str) -> String {
        self.0.iter().filter(|(place, _)| place.contains(what)).map(|(_, text)| text.as_str()).collect()
    }

    /// No canary is in any of them.
    pub fn assert_no_canary(&self) {
        assert!(self.0.iter().any(|(_, text)| !text.is_empty()), "nothing was collected");
        let leaked: Vec<String> = self
            .0
            .iter()
            .flat_map(|(what, text)| {
                leaks(text).into_iter().map(move |(name, near)| format!("{what}: {name}: …{near}…"))
            })
            .collect();
        assert!(leaked.is_empty(), "secrets were shown:\n{}", leaked.join("\n"));
    }
}

fn tables(database: &TestDatabase) -> Vec<String> {
    database.lines(match database {
        TestDatabase::MariaDb { .. } => {
            "SELECT table_name AS value FROM information_schema.tables WHERE table_schema = DATABASE()"
        }
        TestDatabase::Sqlite { .. } => "SELECT name AS value FROM sqlite_master WHERE type = 'table'",
    })
}

fn rows(database: &TestDatabase, table: &str) -> Vec<String> {
    let (columns, join) = match database {
        TestDatabase::MariaDb { .. } => (
            format!(
                "SELECT column_name AS value FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = '{table}'"
            ),
            ", ",
        ),
        TestDatabase::Sqlite { .. } => {
            (format!("SELECT name AS value FROM pragma_table_info('{table}')"), " || ' ' || ")
        }
    };
    let quote = if join == ", " { '`' } else { '"' };
    let columns = database.lines(&columns);
    let columns: Vec<String> = columns.iter().map(|name| format!("COALESCE({quote}{name}{quote}, '')")).collect();
    let row = if join == ", " { format!("CONCAT_WS(' ', {})", columns.join(join)) } else { columns.join(join) };
    database.lines(&format!("SELECT {row} AS value FROM {quote}{table}{quote}"))
}
