//! What StackStorm has registered: actions, rules, triggers, webhooks, workflows. Each table is made equal to what
//! StackStorm lists; a row that it lists no more goes.

use super::{
    TablePrefix,
    statement::{IDS, Value, execute, marks},
    upsert::{Upsert, put},
};
use crate::database::{DatabaseError, connection::AnyConnection, transaction};
use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use std::collections::HashSet;

/// A row of one of the five tables: its id, then its columns in the order of [`Catalog::columns`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// StackStorm's id.
    pub id: String,
    /// The columns after it.
    pub columns: Vec<Field>,
}

/// A column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Text, or JSON as text.
    Text(Option<String>),
    /// Yes or no.
    Flag(bool),
}

/// One of the five tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalog {
    /// `action_db`
    Actions,
    /// `rule_db`
    Rules,
    /// `trigger_db`
    Triggers,
    /// `webhook_db`
    Webhooks,
    /// `workflow_db`
    Workflows,
}

impl Catalog {
    fn upsert(self) -> Upsert {
        let (table, columns): (_, &[_]) = match self {
            Self::Actions => (
                "action_db",
                &[
                    "id",
                    "name",
                    "pack",
                    "description",
                    "enabled",
                    "entry_point",
                    "runner_type",
                    "parameters",
                    "tags",
                    "metadata_file",
                ],
            ),
            // `trigger` is a word of SQL's own.
            Self::Rules => (
                "rule_db",
                &["id", "name", "pack", "description", "enabled", "`trigger`", "criteria", "action", "tags"],
            ),
            Self::Triggers => ("trigger_db", &["id", "name", "pack", "type", "parameters"]),
            Self::Webhooks => ("webhook_db", &["id", "name", "type", "url"]),
            Self::Workflows => ("workflow_db", &["id", "name", "pack", "description", "entry_point"]),
        };
        Upsert { table, columns, assign: |_, new| new.to_owned() }
    }

    /// The columns after `id`.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        self.upsert().columns.iter().skip(1).map(|column| column.trim_matches('`'))
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Makes a table equal to what StackStorm lists.
pub fn replace(
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    catalog: Catalog,
    entries: &[Listed],
) -> Result<(), DatabaseError> {
    let target = catalog.upsert();
    let table = prefix.table(target.table);
    transaction::write(conn, |conn| {
        put(conn, prefix, &target, entries.iter().map(values).collect())?;
        let listed: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let rows: Vec<Id> = diesel::sql_query(format!("SELECT id FROM {table}")).load(conn)?;
        let unlisted: Vec<Id> = rows.into_iter().filter(|row| !listed.contains(row.id.as_str())).collect();
        for chunk in unlisted.chunks(IDS) {
            let sql = format!("DELETE FROM {table} WHERE id IN {}", marks(chunk.len()));
            execute(conn, sql, chunk.iter().map(|row| Value::from(row.id.as_str())))?;
        }
        Ok(())
    })
}

fn values(entry: &Listed) -> Vec<Value> {
    let field = |field: &Field| match field {
        Field::Text(text) => Value::Text(text.clone()),
        Field::Flag(flag) => Value::Flag(*flag),
    };
    std::iter::once(Value::from(entry.id.as_str())).chain(entry.columns.iter().map(field)).collect()
}
