//! Checks whether a webhook could be stored now: runs the statements that store one, in a transaction that is rolled back.
//!
//! The check never blocks other work: its rows have negative ids, which use no `AUTO_INCREMENT` value and lie in no gap that
//! others lock; their state is final, so no sweep finds them; and no other transaction sees them. It waits at most one second
//! for a lock (a backup, an ALTER TABLE).
//! A rolled-back transaction does not show whether COMMIT works and whether the disk has room, so the writer also remembers why
//! its last webhook was refused (`ingest::writer`).
//! Crash safety: the database rolls back.

use crate::database::{
    DatabaseError,
    connection::{AnyConnection, each},
    transaction,
};
use chrono::NaiveDateTime;
use diesel::{
    QueryResult, RunQueryDsl,
    connection::SimpleConnection,
    result::{DatabaseErrorKind, Error},
    sql_query,
    sql_types::{BigInt, Text, Timestamp},
};
use std::fmt;

/// The statements of ingest.
pub fn ingest(conn: &mut AnyConnection) -> Result<(), DatabaseError> {
    attempt(conn, webhook)
}

/// The statements of ingest and dispatcher.
pub fn all(conn: &mut AnyConnection) -> Result<(), DatabaseError> {
    attempt(conn, |conn, id, now| {
        webhook(conn, id, now)?;
        link(conn, id, now)
    })
}

fn attempt(
    conn: &mut AnyConnection,
    statements: impl FnOnce(&mut AnyConnection, i64, NaiveDateTime) -> QueryResult<()>,
) -> Result<(), DatabaseError> {
    let id = -rand::random_range(1..i64::MAX);
    let [hurry, usual] = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => [
            "SET SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1",
            "SET SESSION lock_wait_timeout = DEFAULT, SESSION innodb_lock_wait_timeout = 3",
        ],
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => ["PRAGMA busy_timeout = 1000", "PRAGMA busy_timeout = 10000"],
    };
    // After an error the pool drops the connection, so its short lock timeouts go with it.
    each!(conn, |c| c.batch_execute(hurry))?;
    transaction::rolled_back(conn, |conn| {
        let now = transaction::now(conn)?;
        Ok(statements(conn, id, now)?)
    })?;
    each!(conn, |c| c.batch_execute(usual))?;
    Ok(())
}

fn webhook(conn: &mut AnyConnection, id: i64, now: NaiveDateTime) -> QueryResult<()> {
    sql_query(
        "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) \
         VALUES (?, ?, 'PROBE', '/readyz', '{}', '{}', 202, ?)",
    )
    .bind::<BigInt, _>(id)
    .bind::<Text, _>(uuid::Uuid::now_v7().to_string())
    .bind::<Timestamp, _>(now)
    .execute(conn)?;
    sql_query(
        "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, \
         annotations, updated_at, dispatch_status, dispatch_reason) \
         VALUES (?, ?, '', '', '', '', '{}', ?, 'firing', '{}', ?, 'skipped', 'invalid')",
    )
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(id)
    .bind::<Timestamp, _>(now)
    .bind::<Timestamp, _>(now)
    .execute(conn)?;
    let changed = sql_query("UPDATE poundcake_alerts SET dispatch_attempts = 1 WHERE id = ?")
        .bind::<BigInt, _>(id)
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(Error::NotFound) }
}

fn link(conn: &mut AnyConnection, id: i64, now: NaiveDateTime) -> QueryResult<()> {
    sql_query(
        "INSERT INTO poundcake_st2_execution_link (id, request_id, alert_id, st2_execution_id, created_at) \
         VALUES (?, 'probe', ?, 'probe', ?)",
    )
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(id)
    .bind::<Timestamp, _>(now)
    .execute(conn)
    .map(drop)
}

/// Why the database refuses writes, as far as its error tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be reached, or does not answer.
    Away,
    /// It refuses the login.
    Login,
    /// It, or its file, is read-only.
    ReadOnly,
    /// Its binary log is written as statements.
    Binlog,
    /// Its user lacks a right.
    Denied,
    /// One of our tables or columns is missing.
    NoTable,
    /// Writes wait for a lock.
    Locked,
    /// Its disk is full, or cannot be written.
    Disk,
    /// Something else.
    Other,
}

/// Parts of the messages of MariaDB (in English, which each session asks for) and SQLite.
const MESSAGES: [(&[&str], Refusal); 6] = [
    (&["read-only", "read only", "readonly"], Refusal::ReadOnly),
    (&["binary log since BINLOG_FORMAT", "BINLOG_FORMAT = STATEMENT"], Refusal::Binlog),
    (&["command denied", "Access denied"], Refusal::Denied),
    (&["doesn't exist", "no such table", "Unknown column", "has no column", "no such column"], Refusal::NoTable),
    (
        &["Lock wait timeout", "max_statement_time exceeded", "database is locked", "database table is locked"],
        Refusal::Locked,
    ),
    (
        &["is full", "No space left", "disk full", "Disk full", "disk I/O error", "Errcode: 28", "got error 28"],
        Refusal::Disk,
    ),
];

impl Refusal {
    /// The refusal that an error means.
    pub fn of(error: &DatabaseError) -> Self {
        match error {
            DatabaseError::Refused { .. } => Self::Login,
            DatabaseError::Unavailable { .. } | DatabaseError::Silent { .. } | DatabaseError::CutOff => Self::Away,
            DatabaseError::Query(Error::DatabaseError(kind, info))
            | DatabaseError::CommitUnknown(Error::DatabaseError(kind, info)) => {
                let text = info.message();
                let known = MESSAGES.iter().find(|(parts, _)| parts.iter().any(|part| text.contains(part)));
                match (known, kind) {
                    (Some((_, refusal)), _) => *refusal,
                    (None, DatabaseErrorKind::ReadOnlyTransaction) => Self::ReadOnly,
                    (None, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand) => Self::Away,
                    (None, _) => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Away => "start the database, or correct DATABASE_URL",
            Self::Login => "the error says what to correct",
            Self::ReadOnly => {
                "if it is a replica, set DATABASE_URL to the primary; otherwise run SET GLOBAL read_only = OFF (SQLite: make its file and directory writable)"
            }
            Self::Binlog => {
                "run SET GLOBAL binlog_format = 'MIXED' (or 'ROW'), and set it in the server's configuration too; PoundCake needs READ COMMITTED, which STATEMENT cannot replicate"
            }
            Self::Denied => "GRANT SELECT, INSERT, UPDATE, DELETE on PoundCake's tables to the user of DATABASE_URL",
            Self::NoTable => {
                "run poundcake migrate status; if a table was renamed or dropped, restore it (from a backup if necessary)"
            }
            Self::Locked => {
                "find the session that holds the lock with SHOW FULL PROCESSLIST (a backup with FLUSH TABLES WITH READ LOCK, ALTER TABLE, LOCK TABLES); SQLite: another process has locked the file"
            }
            Self::Disk => {
                "free space on the database's disk (poundcake prune deletes old history), and read the database's own log"
            }
            Self::Other => "read the error and the database's own log",
        }
    }
}

/// Fixed texts without any part of the database's message: callers without a token see them too.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "the database does not answer",
            Self::Login => "the database refuses the connection",
            Self::ReadOnly => "the database is read-only",
            Self::Binlog => "the database has binlog_format=STATEMENT, which refuses PoundCake's transactions",
            Self::Denied => "the database user has no right to write PoundCake's tables",
            Self::NoTable => "a table or column of PoundCake is missing in the database",
            Self::Locked => "writes wait for a lock in the database",
            Self::Disk => "the database cannot write to its disk",
            Self::Other => "the database refuses the write",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_by_the_databases_own_words() {
        let of = |text: &str| {
            let info = Box::new(text.to_owned());
            Refusal::of(&DatabaseError::Query(Error::DatabaseError(DatabaseErrorKind::Unknown, info)))
        };
        for (text, refusal) in [
            (
                "The MariaDB server is running with the --read-only option so it cannot execute this statement",
                Refusal::ReadOnly,
            ),
            ("attempt to write a readonly database", Refusal::ReadOnly),
            (
                "Cannot execute statement: impossible to write to binary log since BINLOG_FORMAT = STATEMENT and at least one table uses …",
                Refusal::Binlog,
            ),
            ("INSERT command denied to user 'pc'@'%' for table `pc`.`poundcake_alerts`", Refusal::Denied),
            ("Table 'pc.poundcake_alerts' doesn't exist", Refusal::NoTable),
            ("no such table: poundcake_alerts", Refusal::NoTable),
            ("Lock wait timeout exceeded; try restarting transaction", Refusal::Locked),
            ("Query execution was interrupted (max_statement_time exceeded)", Refusal::Locked),
            ("database is locked", Refusal::Locked),
            ("The table 'poundcake_api_calls' is full", Refusal::Disk),
            ("database or disk is full", Refusal::Disk),
            ("Got error 28 \"No space left on device\" from storage engine InnoDB", Refusal::Disk),
            ("Data too long for column 'path'", Refusal::Other),
        ] {
            assert_eq!(of(text), refusal, "{text}");
        }
        assert_eq!(Refusal::of(&DatabaseError::Silent { label: "db".to_owned(), seconds: 8 }), Refusal::Away);
    }
}
