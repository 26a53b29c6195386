//! The second count: no process starts on an incomplete copy, and no table is dropped that is not copied.

use super::{old::Old, survey};
use crate::database::{DatabaseError, connection::AnyConnection, migrations::TAKEOVER};
use diesel::{RunQueryDsl, sql_types::Text};

/// Counts, and lets processes start; fails if anything that can be copied is missing.
pub(crate) fn finish(conn: &mut AnyConnection, old: &Old) -> Result<(), DatabaseError> {
    if let Some(missing) = missing(conn, old)? {
        return Err(DatabaseError::Schema(format!(
            "{missing}; nothing was dropped, and no process starts: if a program has written to the old tables, stop it and run this again"
        )));
    }
    diesel::sql_query("DELETE FROM __diesel_schema_migrations WHERE version = ?")
        .bind::<Text, _>(TAKEOVER)
        .execute(conn)?;
    Ok(())
}

/// Counts once more before anything is dropped.
pub(crate) fn check_before_drop(conn: &mut AnyConnection, old: &Old) -> Result<(), DatabaseError> {
    match missing(conn, old)? {
        None => Ok(()),
        Some(missing) => Err(DatabaseError::Schema(format!(
            "{missing}: deleted since they were copied, as prune does with old history? Nothing was dropped now; \
             if that is as it should be, drop by hand: DROP TABLE {}",
            old.all().join(", ")
        ))),
    }
}

fn missing(conn: &mut AnyConnection, old: &Old) -> Result<Option<String>, DatabaseError> {
    let tables = survey::tables(conn, old)?;
    let lacking = tables.iter().filter(|table| table.missing() != 0);
    let words: Vec<String> = lacking
        .map(|table| format!("{} rows of {} are not in {}", table.missing(), table.table, table.into.unwrap_or("-")))
        .collect();
    Ok((!words.is_empty()).then(|| words.join(", ")))
}
