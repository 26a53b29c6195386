//! Transactions: how they begin on each database, which failures are retried, and what an unanswered COMMIT means.

#[cfg(feature = "mysql")]
use super::prepared::{Command, prepared};
use super::{
    DatabaseError,
    connection::{AnyConnection, each},
    error_texts,
    prepared::Clock,
    watchdog,
};
use chrono::NaiveDateTime;
#[cfg(feature = "mysql")]
use diesel::RunQueryDsl;
use diesel::{
    QueryResult,
    connection::{AnsiTransactionManager, CacheSize, Connection, TransactionManager, TransactionManagerStatus},
    result::Error,
};
use std::time::Duration;

/// How often one transaction is retried after a deadlock, a lock wait or a unique key taken by another writer.
const TRIES: u32 = 10;

/// Runs `body` in one transaction and returns its value after COMMIT.
///
/// `body` may run several times (deadlock, lock wait, a key taken in between), each time in a new transaction that sees
/// what the other writer committed; so it must compute its result from what it reads, and touch nothing else.
/// [`DatabaseError::CommitUnknown`] means the answer to COMMIT never came: the rows may be there or not.
pub fn write<T>(
    conn: &mut AnyConnection,
    body: impl FnMut(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    write_counted(conn, body).map(|(value, _)| value)
}

/// The same, and how often it was retried.
pub fn write_counted<T>(
    conn: &mut AnyConnection,
    mut body: impl FnMut(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<(T, u32), DatabaseError> {
    let mut retries = 0;
    loop {
        match attempt(conn, &mut body) {
            Err(error) if retries + 1 < TRIES && is_contention(&error) && !is_discarded(conn) => {
                retries += 1;
                forget_statements(conn);
                log::debug!(event = "transaction_retried", retries, error:% = error; "retrying the transaction");
                std::thread::sleep(jitter(retries));
            }
            other => return other.map(|value| (value, retries)),
        }
    }
}

/// Runs `body` in one transaction and undoes it, whatever comes of it.
pub(crate) fn rolled_back<T>(
    conn: &mut AnyConnection,
    body: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    begin(conn)?;
    let done = body(conn);
    roll_back(conn);
    done
}

fn attempt<T>(
    conn: &mut AnyConnection,
    body: &mut impl FnMut(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    begin(conn)?;
    match body(conn).and_then(still_awaited) {
        Ok(value) => match commit(conn) {
            Ok(()) => Ok(value),
            // A deadlock reported at COMMIT (Galera's certification) is a rollback, and known.
            Err(error) if error_texts::is_contention(&error) => {
                roll_back(conn);
                Err(error.into())
            }
            Err(error) => {
                // Whatever the answer was, nothing more is asked of this connection.
                discard(conn);
                Err(DatabaseError::CommitUnknown(error))
            }
        },
        Err(error) => {
            roll_back(conn);
            Err(error)
        }
    }
}

/// The caller has gone, and another process may have done this work: do not commit it.
fn still_awaited<T>(value: T) -> Result<T, DatabaseError> {
    if watchdog::given_up() { Err(DatabaseError::CutOff) } else { Ok(value) }
}

/// SQLite must take the write lock at once: a deferred read-then-write fails whatever `busy_timeout` says.
///
/// diesel's own BEGIN and COMMIT are three trips to MariaDB each, for it switches multi-statements on and off around them.
/// No transaction of ours is within another, so nothing is lost without its bookkeeping, but for one thing: a connection
/// that could not roll back begins nothing any more.
fn begin(conn: &mut AnyConnection) -> QueryResult<()> {
    if is_discarded(conn) {
        return Err(Error::BrokenTransactionManager);
    }
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => Command("START TRANSACTION").execute(conn).map(drop),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
    }
}

fn commit(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => Command("COMMIT").execute(conn).map(drop),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => AnsiTransactionManager::commit_transaction(conn),
    }
}

/// After this the transaction is undone, or the connection is never used again: the next BEGIN on it would commit what was
/// not undone.
fn roll_back(conn: &mut AnyConnection) {
    let rolled_back = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => Command("ROLLBACK").execute(conn).map(drop),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(conn),
    };
    if let Err(error) = rolled_back {
        log::debug!(event = "rollback_failed", error:% = error; "rollback failed; dropping the connection");
        discard(conn);
    }
}

/// A statement that failed among its rows (a locking SELECT in a deadlock) must not run again from diesel's cache: Connector/C
/// would wait for the rest of those rows, which never comes (seen with 3.3).
fn forget_statements(conn: &mut AnyConnection) {
    each!(conn, |c| {
        c.set_prepared_statement_cache_size(CacheSize::Disabled);
        c.set_prepared_statement_cache_size(CacheSize::Unbounded);
    });
}

/// Makes the pool drop this connection instead of giving it out again.
pub(crate) fn discard(conn: &mut AnyConnection) {
    each!(conn, |c| AnsiTransactionManager::transaction_manager_status_mut(c)).set_in_error();
}

/// True for a [`discard`]ed connection, and within a transaction on SQLite.
pub(crate) fn is_discarded(conn: &mut AnyConnection) -> bool {
    let status = each!(conn, |c| AnsiTransactionManager::transaction_manager_status_mut(c));
    match status {
        TransactionManagerStatus::Valid(valid) => valid.transaction_depth().is_some(),
        TransactionManagerStatus::InError => true,
    }
}

fn is_contention(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::Raced => true,
        DatabaseError::Query(error) => error_texts::is_contention(error),
        _ => false,
    }
}

/// 1..5 ms, growing with the retries: enough to let the other writer commit.
fn jitter(retries: u32) -> Duration {
    Duration::from_micros(rand::random_range(500..2_500) * u64::from(retries))
}

/// The same clock as [`now`], for statements that fill it in themselves.
pub(crate) fn clock(conn: &AnyConnection) -> Clock {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => Clock::Statement,
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Clock::At(crate::clock::utc_now()),
    }
}

/// The database's clock, UTC, microseconds: the only clock that due times, leases and ages are computed with.
/// On SQLite the database is this process.
pub fn now(conn: &mut AnyConnection) -> QueryResult<NaiveDateTime> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let clock = diesel::dsl::sql::<diesel::sql_types::Timestamp>("UTC_TIMESTAMP(6)");
            prepared(diesel::select(clock)).get_result(conn)
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(crate::clock::utc_now()),
    }
}
