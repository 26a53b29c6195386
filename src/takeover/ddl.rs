//! The steps that are not copies: names, the schema, the row that keeps others out, and dropping.

use super::old::{Old, renamed};
#[cfg(feature = "mysql")]
use crate::database::migration_ledger;
use crate::database::{
    DatabaseError,
    connection::AnyConnection,
    migrations::{self, OUR_TABLES, TAKEOVER},
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text},
};

/// Old `TIMESTAMP`s are read as UTC, an id of 0 is one, and a process that still uses an old table is an error after half
/// a minute, not an endless wait.
pub(crate) fn set_session(conn: &mut AnyConnection) -> Result<(), DatabaseError> {
    diesel::sql_query(
        "SET SESSION time_zone = '+00:00', SESSION lock_wait_timeout = 30, \
         SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'",
    )
    .execute(conn)?;
    Ok(())
}

/// Our schema stands, and no takeover is under way: it is over, or there never was one.
pub(crate) fn is_complete(conn: &mut AnyConnection) -> Result<bool, DatabaseError> {
    let status = migrations::status(conn)?;
    Ok(!status.applied.is_empty() && !status.taking_over)
}

/// All in one statement: no reader sees half of it.
pub(crate) fn rename(conn: &mut AnyConnection, old: &Old) -> Result<Option<Vec<String>>, DatabaseError> {
    let tables = old.to_rename();
    if tables.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<String> = tables.iter().map(|table| format!("`{table}` TO `{}`", renamed(table))).collect();
    diesel::sql_query(format!("RENAME TABLE {}", pairs.join(", "))).execute(conn)?;
    Ok(Some(tables))
}

/// Leaves the row that keeps every process from starting; false if it is there.
pub(crate) fn begin(conn: &mut AnyConnection) -> Result<bool, DatabaseError> {
    if migrations::status(conn)?.taking_over {
        return Ok(false);
    }
    #[cfg(feature = "mysql")]
    if let AnyConnection::Mysql(conn) = conn {
        migration_ledger::prepare(conn)?;
    }
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES (?)")
        .bind::<Text, _>(TAKEOVER)
        .execute(conn)?;
    Ok(true)
}

/// One migration.
pub(crate) fn migrate(conn: &mut AnyConnection) -> Result<Option<String>, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => migrations::next(conn),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => super::refuse_sqlite(conn).map(|()| None),
    }
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Our `AUTO_INCREMENT`s go on where the old ones stood, rows deleted since included; false if they do.
pub(crate) fn number(conn: &mut AnyConnection, old: &Old) -> Result<bool, DatabaseError> {
    let calls = old.calls.clone().into_iter().collect();
    let alerts = old.alerts.clone().into_iter().collect();
    let mut changed = false;
    for (ours, theirs) in std::iter::zip(OUR_TABLES, [calls, alerts, old.links()]) {
        let present = next_id(conn, ours)?;
        let mut next = present;
        for table in theirs {
            next = next.max(next_id(conn, &table)?);
        }
        if next > present {
            diesel::sql_query(format!("ALTER TABLE {ours} AUTO_INCREMENT = {next}")).execute(conn)?;
            changed = true;
        }
    }
    Ok(changed)
}

fn next_id(conn: &mut AnyConnection, table: &str) -> Result<i64, DatabaseError> {
    let query = format!(
        "SELECT CAST(GREATEST(COALESCE((SELECT auto_increment FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name = ?), 1), COALESCE((SELECT MAX(id) + 1 FROM `{table}`), 1)) \
         AS SIGNED) AS id"
    );
    let next: Next = diesel::sql_query(query).bind::<Text, _>(table).get_result(conn)?;
    Ok(next.id)
}

/// Drops the first of the tables that are left.
pub(crate) fn drop_next(conn: &mut AnyConnection, old: &Old) -> Result<Option<String>, DatabaseError> {
    let Some(table) = old.all().into_iter().next() else { return Ok(None) };
    diesel::sql_query(format!("DROP TABLE `{table}`")).execute(conn)?;
    Ok(Some(table))
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    name: String,
}

/// `table -> old table` of the foreign keys that others have to these.
pub(crate) fn foreign_references(conn: &mut AnyConnection, old: &Old) -> Result<Vec<String>, DatabaseError> {
    let tables: Vec<String> = old.all().iter().map(|table| format!("'{table}'")).collect();
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let list = tables.join(", ");
    let rows: Vec<Reference> = diesel::sql_query(format!(
        "SELECT DISTINCT CONCAT(table_name, ' -> ', referenced_table_name) AS name FROM information_schema.key_column_usage \
         WHERE referenced_table_schema = DATABASE() AND referenced_table_name IN ({list}) \
         AND NOT (table_schema = DATABASE() AND table_name IN ({list})) ORDER BY name"
    ))
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// MariaDB would refuse in the middle.
pub(crate) fn refuse_foreign_references(conn: &mut AnyConnection, old: &Old) -> Result<(), DatabaseError> {
    let references = foreign_references(conn, old)?;
    if references.is_empty() {
        return Ok(());
    }
    Err(DatabaseError::Schema(format!(
        "other tables have foreign keys to the old ones ({}); drop those tables or keys first, or run without --drop; nothing was changed",
        references.join(", ")
    )))
}
