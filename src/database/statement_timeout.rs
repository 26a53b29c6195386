//! A time limit for reads whose duration depends on the caller's filter.

use super::{DatabaseError, connection::AnyConnection, error_texts, transaction};

/// Seconds that one statement may take on MariaDB. SQLite has one machine's history, and no such limit.
#[cfg(feature = "mysql")]
const SECONDS: u8 = 10;

/// Runs `read`; a statement that takes longer than 10 s ends with [`DatabaseError::TooLong`].
pub fn bounded<T>(
    conn: &mut AnyConnection,
    read: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    limit(conn, true)?;
    match read(conn) {
        Ok(value) => {
            limit(conn, false)?;
            Ok(value)
        }
        Err(error) => {
            // The statement may have ended among its rows. Connector/C would wait for the rest of them, which never comes,
            // when the statement is executed again from diesel's cache (seen with 3.3).
            transaction::discard(conn);
            Err(if is_timeout(&error) { DatabaseError::TooLong } else { error })
        }
    }
}

#[cfg_attr(not(feature = "mysql"), expect(clippy::unnecessary_wraps, reason = "SQLite alone has nothing to set"))]
fn limit(conn: &mut AnyConnection, on: bool) -> Result<(), DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            // The session has a bound of its own, which comes back.
            let set = if on {
                format!("SET @bounded = @@session.max_statement_time, SESSION max_statement_time = {SECONDS}")
            } else {
                "SET SESSION max_statement_time = @bounded".to_owned()
            };
            Ok(diesel::connection::SimpleConnection::batch_execute(conn, &set)?)
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => {
            let _ = on;
            Ok(())
        }
    }
}

fn is_timeout(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Query(error) if error_texts::is_timeout(error))
}
