//! diesel's table of applied migrations, on MariaDB.
//!
//! diesel makes it without an engine, so it gets the server's default: with MEMORY it is empty after a restart, and with `MyISAM`
//! an interrupted `migrate legacy` would not roll back. So it is made here first, and an older one is converted.

use super::DatabaseError;
use diesel::{
    MysqlConnection, OptionalExtension, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text,
};

#[derive(QueryableByName)]
struct Engine {
    #[diesel(sql_type = Text)]
    engine: String,
}

/// Makes the table, or converts it. Both can be repeated.
pub(crate) fn prepare(conn: &mut MysqlConnection) -> Result<(), DatabaseError> {
    let found: Option<Engine> = diesel::sql_query(
        "SELECT COALESCE(engine, '') AS engine FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name = '__diesel_schema_migrations'",
    )
    .get_result(conn)
    .optional()?;
    match found {
        None => conn.batch_execute(
            "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (\
             version VARCHAR(50) NOT NULL PRIMARY KEY, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP\
             ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci",
        )?,
        Some(Engine { engine }) if !engine.eq_ignore_ascii_case("InnoDB") => {
            conn.batch_execute("ALTER TABLE __diesel_schema_migrations ENGINE = InnoDB ROW_FORMAT = DYNAMIC")?;
        }
        Some(_) => {}
    }
    Ok(())
}
