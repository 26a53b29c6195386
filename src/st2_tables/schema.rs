//! The tables themselves: migrations with a prefix, and a ledger of their own.
//!
//! diesel's ledger has one name per database and knows no prefix; with both sides in one database the versions of the two
//! would mix. So the applied migrations are recorded in `{prefix}tracker_state`, which the first migration makes.
//! Crash safety: DDL commits by itself on MariaDB, and its line in the ledger comes after it. Every statement here can be
//! repeated (`IF NOT EXISTS`), so the next `up` does the last one again.

use super::{
    TablePrefix,
    statement::{Value, execute},
};
use crate::{
    clock,
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        error_texts,
        migrations::{self, SchemaStatus},
        transaction,
    },
};
use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text};

/// One change: its version, and what makes and unmakes it on either database.
struct Change {
    version: &'static str,
    mariadb: [&'static str; 2],
    sqlite: [&'static str; 2],
}

macro_rules! changes {
    ($($version:literal $name:literal),+ $(,)?) => {
        [$(Change {
            version: $version,
            mariadb: [changes!("mariadb", $name, "up"), changes!("mariadb", $name, "down")],
            sqlite: [changes!("sqlite", $name, "up"), changes!("sqlite", $name, "down")],
        }),+]
    };
    ($database:literal, $name:literal, $direction:literal) => {
        include_str!(concat!("../../migrations/st2/", $database, "/", $name, "/", $direction, ".sql"))
    };
}

const CHANGES: [Change; 8] = changes![
    "202611220001000000" "2026-11-22-000100-0000_create_tracker",
    "202611220002000000" "2026-11-22-000200-0000_create_execution_db",
    "202611220003000000" "2026-11-22-000300-0000_create_liveaction_db",
    "202611220004000000" "2026-11-22-000400-0000_create_action_db",
    "202611220005000000" "2026-11-22-000500-0000_create_rule_db",
    "202611220006000000" "2026-11-22-000600-0000_create_trigger_db",
    "202611220007000000" "2026-11-22-000700-0000_create_webhook_db",
    "202611220008000000" "2026-11-22-000800-0000_create_workflow_db",
];

/// The tables that people have queries on; the ledger is not one of them.
pub const TABLES: [&str; 7] =
    ["execution_db", "liveaction_db", "action_db", "rule_db", "trigger_db", "webhook_db", "workflow_db"];
/// The ledger, and what the tracker remembers.
pub(crate) const LEDGER: &str = "tracker_state";

impl Change {
    fn sql(&self, conn: &AnyConnection, prefix: &TablePrefix, direction: usize) -> String {
        let files = if conn.is_single_writer() { self.sqlite } else { self.mariadb };
        prefix.fill(files[direction])
    }

    fn name(&self) -> String {
        format!("migration {}", self.version)
    }
}

/// Applies what is pending and returns the versions applied. Without the right to do so the error says what is needed.
pub fn up(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<Vec<String>, DatabaseError> {
    migrations::locked(conn, |conn| {
        refuse_foreign_tables(conn, prefix)?;
        let pending = status(conn, prefix)?.pending;
        for change in CHANGES.iter().filter(|change| pending.iter().any(|version| version == change.version)) {
            apply(conn, prefix, change).map_err(|error| explained(&error, conn, prefix, &pending))?;
        }
        Ok(pending)
    })
}

/// Reverts everything; for tests of `down.sql`.
pub fn down(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<(), DatabaseError> {
    migrations::locked(conn, |conn| {
        for change in CHANGES.iter().rev() {
            let sql = change.sql(conn, prefix, 1);
            each!(conn, |c| c.batch_execute(&sql))?;
        }
        Ok(())
    })
}

fn apply(conn: &mut AnyConnection, prefix: &TablePrefix, change: &Change) -> Result<(), DatabaseError> {
    let sql = change.sql(conn, prefix, 0);
    each!(conn, |c| c.batch_execute(&sql))?;
    let now = clock::rfc3339(transaction::now(conn)?);
    let sql = format!("INSERT INTO {} (name, value) VALUES (?, ?)", prefix.table(LEDGER));
    execute(conn, sql, [Value::from(change.name().as_str()), Value::from(now.as_str())])?;
    Ok(())
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Compares the database with this program. Reads only.
pub fn status(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<SchemaStatus, DatabaseError> {
    let ledger = prefix.table(LEDGER);
    let names: Vec<Name> = if migrations::table_exists(conn, &ledger)? {
        diesel::sql_query(format!("SELECT name FROM {ledger} WHERE name LIKE 'migration %' ORDER BY name"))
            .load(conn)?
    } else {
        Vec::new()
    };
    let versions = names.into_iter().filter_map(|row| Some(row.name.strip_prefix("migration ")?.to_owned()));
    let known = |version: &str| CHANGES.iter().any(|change| change.version == version);
    let (applied, unknown): (Vec<_>, Vec<_>) = versions.partition(|version| known(version));
    let ours = CHANGES.iter().map(|change| change.version.to_owned());
    let pending = ours.filter(|version| !applied.contains(version)).collect();
    Ok(SchemaStatus { applied, pending, unknown, taking_over: false })
}

/// Tables of these names that others made are not touched.
fn refuse_foreign_tables(conn: &mut AnyConnection, prefix: &TablePrefix) -> Result<(), DatabaseError> {
    if migrations::table_exists(conn, &prefix.table(LEDGER))? {
        return Ok(());
    }
    for table in TABLES.map(|table| prefix.table(table)) {
        if migrations::table_exists(conn, &table)? {
            return Err(DatabaseError::Schema(format!(
                "the table {table} exists and was not made by these migrations; nothing was changed. Rename it, or keep \
                 the tracker's tables apart: ST2_TABLE_PREFIX=st2_, or another ST2_DATABASE_URL"
            )));
        }
    }
    Ok(())
}

#[cfg(feature = "mysql")]
#[derive(QueryableByName)]
struct Who {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Database and user for GRANTs that can be copied.
fn grants_of(conn: &mut AnyConnection) -> (String, String) {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let mut ask = |sql: &str| diesel::sql_query(sql).get_result(conn).map(|who: Who| who.name);
            let database = ask("SELECT CONCAT('`', DATABASE(), '`.*') AS name");
            let user = ask(r#"SELECT CONCAT("'", REPLACE(CURRENT_USER(), "@", "'@'"), "'") AS name"#);
            (database.unwrap_or_else(|_| "<database>.*".to_owned()), user.unwrap_or_else(|_| "<user>".to_owned()))
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => (String::new(), String::new()),
    }
}

/// Every statement here can be repeated.
fn half_way(error: &DatabaseError, pending: &[String]) -> DatabaseError {
    DatabaseError::Migration(
        format!(
            "a change of StackStorm's tables has failed: {}. PoundCake's own tables are up, and so are the changes before this \
             one of {}; nothing has to be undone. Correct the cause, then run again: poundcake migrate up",
            crate::logging::chain(error),
            pending.join(", ")
        )
        .into(),
    )
}

/// 1142 and 1044: what to grant, or what a user with the right has to run.
fn explained(
    error: &DatabaseError,
    conn: &mut AnyConnection,
    prefix: &TablePrefix,
    pending: &[String],
) -> DatabaseError {
    let denied = matches!(error, DatabaseError::Query(error) if error_texts::is_denied(error));
    if !denied {
        return half_way(error, pending);
    }
    let mut statements = String::new();
    for change in CHANGES.iter().filter(|change| pending.iter().any(|version| version == change.version)) {
        let (ledger, name) = (prefix.table(LEDGER), change.name());
        statements.push_str(&change.sql(conn, prefix, 0));
        let applied = format!(
            "INSERT INTO {ledger} (name, value) VALUES ('{name}', 'by hand') ON DUPLICATE KEY UPDATE value = value;\n"
        );
        statements.push_str(&applied);
    }
    let (database, user) = grants_of(conn);
    DatabaseError::Schema(format!(
        "this user may not make StackStorm's tables: {}\n\
         Either grant it, and run `poundcake migrate up` again:\n\n\
         GRANT SELECT, INSERT, CREATE, DROP ON {database} TO {user};\n\n\
         or let a user with this right run:\n\n{statements}\n\
         The tracker's user needs: GRANT SELECT, INSERT, UPDATE, DELETE ON {database};\n\
         those of ingest and dispatcher: GRANT SELECT ON {database}",
        crate::logging::chain(error)
    ))
}
