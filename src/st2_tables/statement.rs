//! Statements whose text and number of values are only known at run time.

use crate::database::{
    DatabaseError,
    connection::{AnyConnection, each},
};
use chrono::NaiveDateTime;
use diesel::{
    RunQueryDsl,
    sql_types::{Bool, Nullable, Text, Timestamp},
};

/// Values bound in one statement at most: SQLite takes 32,766, MariaDB 65,535.
pub(crate) const BINDS: usize = 10_000;
/// Ids in one list at most.
pub(crate) const IDS: usize = 1_000;

/// A value to bind.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Time(Option<NaiveDateTime>),
    Flag(bool),
}

impl Value {
    /// Bytes on the wire, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(Some(text)) => text.len(),
            _ => 8,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

/// `(?, ?, ?)`.
pub(crate) fn marks(count: usize) -> String {
    format!("({})", vec!["?"; count].join(", "))
}

/// Runs it and gives the affected rows.
pub(crate) fn execute(
    conn: &mut AnyConnection,
    sql: String,
    values: impl IntoIterator<Item = Value>,
) -> Result<usize, DatabaseError> {
    Ok(each!(conn, |c| {
        let mut query = diesel::sql_query(sql).into_boxed();
        for value in values {
            query = match value {
                Value::Text(text) => query.bind::<Nullable<Text>, _>(text),
                Value::Time(time) => query.bind::<Nullable<Timestamp>, _>(time),
                Value::Flag(flag) => query.bind::<Bool, _>(flag),
            };
        }
        query.execute(c)
    })?)
}

/// Loads the rows of a `SELECT … IN {ids}` for any number of ids.
macro_rules! load_by_ids {
    ($conn:expr, $ids:expr, |$marks:ident| $sql:expr) => {{
        let mut rows = Vec::new();
        for chunk in $ids.chunks($crate::st2_tables::statement::IDS) {
            let $marks = $crate::st2_tables::statement::marks(chunk.len());
            let sql = $sql;
            rows.extend($crate::database::connection::each!($conn, |c| {
                let mut query = diesel::sql_query(sql).into_boxed();
                for id in chunk {
                    query = query.bind::<diesel::sql_types::Text, _>(id.to_string());
                }
                diesel::RunQueryDsl::load(query, c)
            })?);
        }
        rows
    }};
}
pub(crate) use load_by_ids;
