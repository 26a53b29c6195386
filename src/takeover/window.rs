//! Windows of ascending ids over an old table, bounded in rows and bytes, without what is copied already.

use crate::database::{DatabaseError, connection::AnyConnection};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool},
};

/// Rows per window: one INSERT, which with our columns is where MariaDB is fastest (measured for ingest).
pub(crate) const ROWS: usize = 500;
/// Bytes per window, unless a single row has more: below the smallest `max_allowed_packet` that held the old row.
const BYTES: i64 = 4 * 1024 * 1024;

/// What came of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copied {
    /// Rows copied.
    pub(crate) rows: usize,
    /// The last id that was looked at.
    pub(crate) last: i64,
}

/// The ids to copy, and how far that reaches.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) ids: Vec<i64>,
    pub(crate) last: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    is_copied: bool,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// The next ids of `old` that `new` does not have; `None` behind the last row. `bytes` is an expression over `o`.
pub(crate) fn next(
    conn: &mut AnyConnection,
    (old, new): (&str, &str),
    bytes: &str,
    after: i64,
) -> Result<Option<Window>, DatabaseError> {
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT CAST(o.id AS SIGNED) AS id, n.id IS NOT NULL AS is_copied, CAST({bytes} AS SIGNED) AS bytes \
         FROM `{old}` o LEFT JOIN {new} n ON n.id = o.id WHERE o.id > ? ORDER BY o.id LIMIT {ROWS}"
    ))
    .bind::<BigInt, _>(after)
    .load(conn)?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut window = Window { ids: Vec::new(), last: first.id };
    let mut sum = 0;
    for row in &rows {
        if !row.is_copied {
            sum += row.bytes;
            if sum > BYTES && !window.ids.is_empty() {
                break;
            }
            window.ids.push(row.id);
        }
        window.last = row.id;
    }
    Ok(Some(window))
}

/// `1, 2, 3` for an `IN (…)`; `NULL` for none.
pub(crate) fn list(ids: &[i64]) -> String {
    if ids.is_empty() {
        return "NULL".to_owned();
    }
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
