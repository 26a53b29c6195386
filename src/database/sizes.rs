//! The size of our tables and their growth per day, for `doctor`. Estimates, at the price of a few
//! entries of an index.

use super::{DatabaseError, connection::AnyConnection, transaction};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Timestamp},
};

/// Our tables, webhooks first.
const TABLES: [&str; 3] = ["poundcake_api_calls", "poundcake_alerts", "poundcake_st2_execution_link"];

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its name.
    pub table: &'static str,
    /// About so many rows.
    pub rows: i64,
    /// With its indexes; `None` on SQLite, which knows the file alone.
    pub bytes: Option<i64>,
    /// Rows of the last 24 hours.
    pub rows_a_day: i64,
}

impl Size {
    /// What the rows of the last 24 hours take, if they are like the others.
    pub const fn bytes_a_day(&self) -> Option<i64> {
        match self.bytes {
            Some(bytes) if self.rows > 0 => Some((bytes / self.rows).saturating_mul(self.rows_a_day)),
            _ => None,
        }
    }
}

#[cfg(feature = "mysql")]
#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    n: Option<i64>,
}

/// Our tables.
pub fn tables(conn: &mut AnyConnection) -> Result<Vec<Size>, DatabaseError> {
    let since = transaction::now(conn)? - TimeDelta::days(1);
    TABLES.into_iter().map(|table| size(conn, table, since)).collect()
}

fn size(conn: &mut AnyConnection, table: &'static str, since: NaiveDateTime) -> Result<Size, DatabaseError> {
    let last = number(conn, &format!("SELECT MAX(id) AS n FROM {table}"))?;
    let first = sql_query(format!("SELECT id AS n FROM {table} WHERE created_at >= ? ORDER BY created_at LIMIT 1"))
        .bind::<Timestamp, _>(since)
        .load::<Number>(conn)?;
    let first = first.first().and_then(|row| row.n);
    let rows_a_day = std::iter::zip(last, first).map(|(last, first)| last - first + 1).sum();
    let (rows, bytes) = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let known: Known = sql_query(format!(
                "SELECT CAST(COALESCE(table_rows, 0) AS SIGNED) AS n, \
                 CAST(COALESCE(data_length + index_length, 0) AS SIGNED) AS bytes FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = '{table}'"
            ))
            .get_result(conn)?;
            (known.n, Some(known.bytes))
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => {
            let first = number(conn, &format!("SELECT MIN(id) AS n FROM {table}"))?;
            (std::iter::zip(last, first).map(|(last, first)| last - first + 1).sum(), None)
        }
    };
    Ok(Size { table, rows, bytes, rows_a_day })
}

fn number(conn: &mut AnyConnection, sql: &str) -> Result<Option<i64>, DatabaseError> {
    let row: Number = sql_query(sql).get_result(conn)?;
    Ok(row.n)
}

/// The bytes of the file, on SQLite.
pub fn file(conn: &mut AnyConnection) -> Result<Option<i64>, DatabaseError> {
    if !conn.is_single_writer() {
        return Ok(None);
    }
    number(conn, "SELECT p.page_count * s.page_size AS n FROM pragma_page_count AS p, pragma_page_size AS s")
}
