//! The maximum size of one statement (`max_allowed_packet`).

use super::{DatabaseError, connection::AnyConnection};
#[cfg(feature = "mysql")]
use diesel::{RunQueryDsl, sql_types::BigInt};

#[cfg(feature = "mysql")]
#[derive(diesel::QueryableByName)]
struct Packet {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// MariaDB's `max_allowed_packet` in bytes; `None` on SQLite, which has no such limit below 1 GB.
pub fn max_allowed(conn: &mut AnyConnection) -> Result<Option<usize>, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let packet: Packet =
                diesel::sql_query("SELECT CAST(@@max_allowed_packet AS SIGNED) AS bytes").get_result(conn)?;
            Ok(usize::try_from(packet.bytes).ok())
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(None),
    }
}
