//! The ids of a multi-row INSERT. Neither database returns them through diesel, and both allocate them in one block.

use super::{DatabaseError, connection::AnyConnection, prepared::prepared};
use diesel::{RunQueryDsl, dsl::sql, sql_types::BigInt};

/// The ids of the rows that this connection's last INSERT made, in the order of its VALUES.
///
/// MariaDB's `LAST_INSERT_ID()` is the first of the block, whatever `innodb_autoinc_lock_mode` says (checked over
/// 25,000 rows of 8 threads), and Galera steps by `auto_increment_increment`. SQLite's is the last one.
pub(crate) fn of_last_insert<Id>(
    conn: &mut AnyConnection,
    count: usize,
    id: impl Fn(i64) -> Id,
) -> Result<Vec<Id>, DatabaseError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let (first, step): (i64, i64) = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let block = "CAST(LAST_INSERT_ID() AS SIGNED), CAST(@@auto_increment_increment AS SIGNED)";
            prepared(diesel::select(sql::<(BigInt, BigInt)>(block))).get_result(conn)?
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            let last: i64 = prepared(diesel::select(sql::<BigInt>("last_insert_rowid()"))).get_result(conn)?;
            (last - count + 1, 1)
        }
    };
    Ok((0..count).map(|nth| id(first + nth * step)).collect())
}
