//! Who else is connected to the database.

use crate::database::{DatabaseError, connection::AnyConnection};

/// Other connections to this database, as `USER from HOST (id N)`. Without the right PROCESS MariaDB shows those of one's own user,
/// which is the user of ingest, dispatchers and trackers. SQLite cannot tell.
pub fn others(conn: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            use diesel::{RunQueryDsl, sql_query, sql_types::Text};
            #[derive(diesel::QueryableByName)]
            struct Line {
                #[diesel(sql_type = Text)]
                value: String,
            }
            let sql = "SELECT CONCAT(USER, ' from ', HOST, ' (id ', ID, ')') AS value FROM information_schema.PROCESSLIST \
                       WHERE DB = DATABASE() AND ID <> CONNECTION_ID() ORDER BY ID";
            Ok(sql_query(sql).load::<Line>(conn)?.into_iter().map(|line| line.value).collect())
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(Vec::new()),
    }
}
