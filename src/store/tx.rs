//! Transactions: how they begin on each database, which failures are tried again, and what an unanswered COMMIT means.

use super::{
    StoreError,
    any::{AnyConnection, each},
    pulse,
};
use chrono::NaiveDateTime;
#[cfg(feature = "mysql")]
use diesel::RunQueryDsl;
use diesel::{
    QueryResult,
    connection::{AnsiTransactionManager, TransactionManager, TransactionManagerStatus},
    result::{DatabaseErrorKind, Error},
};
use std::time::Duration;

/// How often one transaction is begun anew after a deadlock, a lock wait or a unique key taken by another writer.
const TRIES: u32 = 10;

/// Runs `body` in one transaction and returns its value after COMMIT.
///
/// `body` may run several times (deadlock, lock wait, a key taken in between), each time in a new transaction that sees
/// what the other writer committed; so it must compute its result from what it reads, and touch nothing else.
/// [`StoreError::CommitUnknown`] means the answer to COMMIT never came: the rows may be there or not.
pub fn write<T>(
    conn: &mut AnyConnection,
    body: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    write_counted(conn, body).map(|(value, _)| value)
}

/// The same, and how often it had to begin anew.
pub fn write_counted<T>(
    conn: &mut AnyConnection,
    mut body: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<(T, u32), StoreError> {
    let mut retries = 0;
    loop {
        match attempt(conn, &mut body) {
            Err(error) if retries + 1 < TRIES && is_contention(&error) => {
                retries += 1;
                log::debug!(retries, error:% = error; "transaction begins anew");
                std::thread::sleep(jitter(retries));
            }
            other => return other.map(|value| (value, retries)),
        }
    }
}

fn attempt<T>(
    conn: &mut AnyConnection,
    body: &mut impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    begin(conn)?;
    match body(conn).and_then(still_awaited) {
        Ok(value) => match each!(conn, |c| AnsiTransactionManager::commit_transaction(c)) {
            Ok(()) => Ok(value),
            // A deadlock reported at COMMIT (Galera's certification) is a rollback, and known.
            Err(error) if is_contention_kind(&error) => {
                roll_back(conn);
                Err(error.into())
            }
            Err(error) => {
                roll_back(conn);
                Err(StoreError::CommitUnknown(error))
            }
        },
        Err(error) => {
            roll_back(conn);
            Err(error)
        }
    }
}

/// Somebody else has perhaps done it meanwhile: what nobody waits for is not committed.
fn still_awaited<T>(value: T) -> Result<T, StoreError> {
    if pulse::given_up() { Err(StoreError::CutOff) } else { Ok(value) }
}

/// SQLite must take the write lock at once: a deferred read-then-write fails whatever `busy_timeout` says.
fn begin(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => AnsiTransactionManager::begin_transaction(conn),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
    }
}

/// A connection that cannot roll back is noticed by [`is_in_transaction`] and dropped by its owner.
fn roll_back(conn: &mut AnyConnection) {
    if let Err(error) = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c)) {
        log::debug!(error:% = error; "rollback failed");
    }
}

/// True when a transaction is open or its end is unknown: such a connection must not be used again.
pub fn is_in_transaction(conn: &mut AnyConnection) -> bool {
    let status = each!(conn, |c| AnsiTransactionManager::transaction_manager_status_mut(c));
    match status {
        TransactionManagerStatus::Valid(valid) => valid.transaction_depth().is_some(),
        TransactionManagerStatus::InError => true,
    }
}

/// Deadlock (1213), lock wait (1205), snapshot conflict (1020), or a unique key that another writer took first (1062).
fn is_contention(error: &StoreError) -> bool {
    match error {
        StoreError::Raced => true,
        StoreError::Query(error) => is_contention_kind(error),
        _ => false,
    }
}

fn is_contention_kind(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation, _) => true,
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) => {
            let text = info.message();
            text.starts_with("Lock wait timeout")
                || text.starts_with("Record has changed")
                || text == "database is locked"
        }
        _ => false,
    }
}

/// 1..5 ms, growing with the retries: enough to let the other writer commit.
fn jitter(retries: u32) -> Duration {
    Duration::from_micros(rand::random_range(500..2_500) * u64::from(retries))
}

/// The database's clock, UTC, microseconds: the only clock that due times, leases and ages are computed with.
/// On SQLite the database is this process.
pub fn now(conn: &mut AnyConnection) -> QueryResult<NaiveDateTime> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Timestamp>("UTC_TIMESTAMP(6)")).get_result(conn)
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(crate::clock::utc_now()),
    }
}
