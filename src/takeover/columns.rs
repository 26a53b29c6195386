//! The columns that an old table really has, read as text: versions of the older system differ in columns, types, character
//! sets and NULLs, and text is what all of them can be read as.

use crate::database::{DatabaseError, connection::AnyConnection};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text},
};
use std::collections::BTreeMap;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    charset: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    collation: Option<String>,
}

/// A table's columns by name in lower case, with character set and collation where they are text.
#[derive(Debug)]
pub(crate) struct Columns(BTreeMap<String, Option<(String, String)>>);

impl Columns {
    pub(crate) fn of(conn: &mut AnyConnection, table: &str) -> Result<Self, DatabaseError> {
        let query = "SELECT LOWER(column_name) AS name, character_set_name AS charset, collation_name AS collation \
                     FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? \
                     ORDER BY ordinal_position";
        let rows: Vec<Row> = diesel::sql_query(query).bind::<Text, _>(table).load(conn)?;
        Ok(Self(rows.into_iter().map(|row| (row.name, row.charset.zip(row.collation))).collect()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The columns that are none of these.
    pub(crate) fn except(&self, known: &[&str]) -> Vec<String> {
        self.0.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect()
    }

    /// `o.name` as UTF-8, or NULL where there is no such column. `o` is the table's alias in every query here.
    pub(crate) fn value(&self, name: &str) -> String {
        if self.has(name) { format!("CONVERT(o.`{name}` USING utf8mb4)") } else { "NULL".to_owned() }
    }

    /// [`Self::value`] under its own name, for a select list; the first of several names that is there.
    pub(crate) fn select(&self, name: &str, others: &[&str]) -> String {
        let found = std::iter::once(&name).chain(others).find(|name| self.has(name));
        format!("{} AS {name}", self.value(found.unwrap_or(&name)))
    }

    /// `o.name` as a number, or NULL.
    pub(crate) fn number(&self, name: &str) -> String {
        if self.has(name) { format!("CAST(o.`{name}` AS SIGNED)") } else { "NULL".to_owned() }
    }

    /// Bytes that these columns take together.
    pub(crate) fn bytes(&self, names: &[&str]) -> String {
        let there = names.iter().filter(|name| self.has(name));
        there.fold("0".to_owned(), |sum, name| format!("{sum} + COALESCE(OCTET_LENGTH(o.`{name}`), 0)"))
    }

    /// An expression made comparable with a column of this table, so that its index is used.
    pub(crate) fn like_column(&self, name: &str, expression: &str) -> String {
        match self.0.get(name).and_then(Option::as_ref) {
            Some((charset, collation)) => format!("CONVERT({expression} USING {charset}) COLLATE {collation}"),
            None => expression.to_owned(),
        }
    }
}
