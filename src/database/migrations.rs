//! Migrations: applies them under a database lock, and checks that the schema is the one this program was built for.

#[cfg(feature = "mysql")]
use super::migration_ledger;
use super::{DatabaseError, connection::AnyConnection};
#[cfg(feature = "mysql")]
use diesel::sql_types::{Integer, Nullable};
use diesel::{
    RunQueryDsl,
    connection::{AnsiTransactionManager, TransactionManager},
    migration::MigrationSource,
    sql_types::{BigInt, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

#[cfg(feature = "mysql")]
const MARIADB: EmbeddedMigrations = embed_migrations!("migrations/mariadb");
#[cfg(feature = "sqlite")]
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The tables that the migrations make.
pub(crate) const OUR_TABLES: [&str; 3] = ["poundcake_api_calls", "poundcake_alerts", "poundcake_st2_execution_link"];

/// How long `up` waits for another one that holds the lock, in seconds.
#[cfg(feature = "mysql")]
const LOCK_WAIT_SECONDS: i32 = 60;

/// The row in `__diesel_schema_migrations` that stands there from before the first migration until `migrate legacy` has
/// copied and counted everything: as long as it is there, no process starts, so nothing else writes during the copy.
pub(crate) const TAKEOVER: &str = "legacy-takeover";

/// What `migrate status` prints and what every start-up checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaStatus {
    /// Applied and known.
    pub applied: Vec<String>,
    /// Known, not yet applied.
    pub pending: Vec<String>,
    /// Applied, but not known here: the database is newer than the program.
    pub unknown: Vec<String>,
    /// `migrate legacy` has begun and not finished.
    pub taking_over: bool,
}

impl SchemaStatus {
    /// An error that names the command to run, unless the schema is exactly ours.
    pub fn require_current(&self) -> Result<(), DatabaseError> {
        self.require_current_of("the database schema")
    }

    /// The same for the schema of this name.
    pub fn require_current_of(&self, what: &str) -> Result<(), DatabaseError> {
        self.refuse_half_a_takeover()?;
        if !self.unknown.is_empty() {
            return Err(DatabaseError::Schema(format!(
                "{what} is newer than this program (it has {}); run a newer poundcake",
                self.unknown.join(", ")
            )));
        }
        if !self.pending.is_empty() {
            return Err(DatabaseError::Schema(format!(
                "{what} lacks {}; run: poundcake migrate up",
                self.pending.join(", ")
            )));
        }
        Ok(())
    }

    fn refuse_half_a_takeover(&self) -> Result<(), DatabaseError> {
        if self.taking_over {
            return Err(DatabaseError::Schema(
                "the older installation's rows are not all copied yet; run (again): poundcake migrate legacy"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// Applies what is pending and returns the versions applied. Safe to run from many hosts at once: one works, others wait.
pub fn up(conn: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    locked(conn, |conn| {
        status(conn)?.refuse_half_a_takeover()?;
        refuse_foreign_tables(conn)?;
        match conn {
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(conn) => {
                migration_ledger::prepare(conn)?;
                names(conn.run_pending_migrations(MARIADB)).map_err(half_way)
            }
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(conn) => names(conn.run_pending_migrations(SQLITE)),
        }
    })
}

/// MariaDB commits each change by itself; every one of them can be repeated.
#[cfg(feature = "mysql")]
fn half_way(error: DatabaseError) -> DatabaseError {
    let DatabaseError::Migration(source) = error else { return error };
    DatabaseError::Migration(
        format!(
            "{source}. The migrations before it are applied and stay; nothing has to be undone. Correct the cause, then run \
             again: poundcake migrate up. It goes on with this migration"
        )
        .into(),
    )
}

/// Reverts everything; for tests of `down.sql`.
pub fn down(conn: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    locked(conn, |conn| match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => names(conn.revert_all_migrations(MARIADB)),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => names(conn.revert_all_migrations(SQLITE)),
    })
}

/// Compares the database with this program. Reads only: ingest and dispatcher need no right to change the schema.
pub fn status(conn: &mut AnyConnection) -> Result<SchemaStatus, DatabaseError> {
    let ours = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => versions::<diesel::mysql::Mysql>(&MARIADB)?,
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(&SQLITE)?,
    };
    let (applied, mut unknown): (Vec<_>, Vec<_>) =
        applied(conn)?.into_iter().partition(|version| ours.contains(version));
    let pending = ours.into_iter().filter(|version| !applied.contains(version)).collect();
    let taking_over = unknown.iter().any(|version| version == TAKEOVER);
    unknown.retain(|version| version != TAKEOVER);
    Ok(SchemaStatus { applied, pending, unknown, taking_over })
}

fn versions<DB>(known: &EmbeddedMigrations) -> Result<Vec<String>, DatabaseError>
where
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations = MigrationSource::<DB>::migrations(known).map_err(DatabaseError::Migration)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Not diesel's `applied_migrations`: that begins with CREATE TABLE, which changes a database that is to be left alone
/// and needs a right that only `migrate up` has.
fn applied(conn: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    if !table_exists(conn, "__diesel_schema_migrations")? {
        return Ok(Vec::new());
    }
    let rows: Vec<Applied> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(conn)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

fn names(
    done: Result<Vec<diesel::migration::MigrationVersion<'_>>, Box<dyn std::error::Error + Send + Sync>>,
) -> Result<Vec<String>, DatabaseError> {
    Ok(done.map_err(DatabaseError::Migration)?.iter().map(ToString::to_string).collect())
}

/// Tables of our names without our migrations belong to the system this replaces: renaming them is `migrate legacy`'s work.
fn refuse_foreign_tables(conn: &mut AnyConnection) -> Result<(), DatabaseError> {
    if !status(conn)?.applied.is_empty() {
        return Ok(());
    }
    for table in OUR_TABLES {
        if table_exists(conn, table)? && !is_ours(conn, table)? {
            return Err(DatabaseError::Schema(format!(
                "the table {table} exists and was not made by these migrations; nothing was changed. \
                 An older installation is taken over by: poundcake migrate legacy"
            )));
        }
    }
    Ok(())
}

/// Whether our migrations made a table of our name, which its comment tells: one that was cut off between CREATE TABLE and
/// the record of it has left its table. SQLite does both or neither.
pub(crate) fn is_ours(conn: &mut AnyConnection, table: &str) -> Result<bool, DatabaseError> {
    if conn.is_single_writer() {
        return Ok(false);
    }
    let query = "SELECT COUNT(*) AS n FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = ? AND table_comment LIKE 'PoundCake: %'";
    let count: Count = diesel::sql_query(query).bind::<Text, _>(table).get_result(conn)?;
    Ok(count.n > 0)
}

/// Applies the next migration on MariaDB, if one is pending.
#[cfg(feature = "mysql")]
pub(crate) fn next(conn: &mut diesel::MysqlConnection) -> Result<Option<String>, DatabaseError> {
    if !conn.has_pending_migration(MARIADB).map_err(DatabaseError::Migration)? {
        return Ok(None);
    }
    let applied = conn.run_next_migration(MARIADB).map_err(DatabaseError::Migration)?;
    Ok(Some(applied.to_string()))
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub(crate) fn table_exists(conn: &mut AnyConnection, table: &str) -> Result<bool, DatabaseError> {
    let query = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => {
            "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = ?",
    };
    let count: Count = diesel::sql_query(query).bind::<Text, _>(table).get_result(conn)?;
    Ok(count.n > 0)
}

#[cfg(feature = "mysql")]
#[derive(diesel::QueryableByName)]
struct Got {
    #[diesel(sql_type = Nullable<Integer>)]
    got: Option<i32>,
}

/// MariaDB: a named lock of this database (DDL commits by itself, so a transaction would not hold).
/// SQLite: the write lock; DDL is transactional there.
pub(crate) fn locked<T>(
    conn: &mut AnyConnection,
    body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(inner) => {
            let lock = "CONCAT('poundcake_migrate_', MD5(DATABASE()))";
            let got: Got =
                diesel::sql_query(format!("SELECT GET_LOCK({lock}, {LOCK_WAIT_SECONDS}) AS got")).get_result(inner)?;
            if got.got != Some(1) {
                return Err(DatabaseError::Schema(format!(
                    "another `poundcake migrate` has held the lock for {LOCK_WAIT_SECONDS} s; try again when it is done"
                )));
            }
            let done = body(conn);
            diesel::sql_query(format!("DO RELEASE_LOCK({lock})")).execute(conn)?;
            done
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
            let done = body(conn);
            #[cfg_attr(not(feature = "mysql"), expect(irrefutable_let_patterns, reason = "one variant in this build"))]
            if let AnyConnection::Sqlite(inner) = conn {
                match done {
                    Ok(_) => AnsiTransactionManager::commit_transaction(inner)?,
                    Err(_) => AnsiTransactionManager::rollback_transaction(inner)?,
                }
            }
            done
        }
    }
}
