//! Server settings for `doctor`: whether a COMMIT is on the disk when it is answered.

use super::{DatabaseError, connection::AnyConnection};
#[cfg(feature = "sqlite")]
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt};

/// A setting that is weaker than promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weak {
    /// As `name = value`, as it is.
    pub setting: String,
    /// What to run.
    pub advice: &'static str,
}

#[cfg(feature = "mysql")]
#[derive(QueryableByName)]
struct MariaDb {
    #[diesel(sql_type = BigInt)]
    flush_log: i64,
    #[diesel(sql_type = BigInt)]
    log_bin: i64,
    #[diesel(sql_type = BigInt)]
    sync_binlog: i64,
    #[diesel(sql_type = BigInt)]
    doublewrite: i64,
}

#[cfg(feature = "sqlite")]
#[derive(QueryableByName)]
struct Sqlite {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

/// Settings with which a power failure loses what was answered 202.
pub fn weak(conn: &mut AnyConnection) -> Result<Vec<Weak>, DatabaseError> {
    Ok(match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let row: MariaDb = sql_query(
                "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED) AS flush_log, \
                 CAST(@@log_bin AS SIGNED) AS log_bin, CAST(@@sync_binlog AS SIGNED) AS sync_binlog, \
                 CAST(@@innodb_doublewrite AS SIGNED) AS doublewrite",
            )
            .get_result(conn)?;
            weak_mariadb(&row)
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            let row: Sqlite = sql_query(
                "SELECT s.synchronous AS synchronous, j.journal_mode AS journal_mode \
                 FROM pragma_synchronous AS s, pragma_journal_mode AS j",
            )
            .get_result(conn)?;
            weak_sqlite(&row)
        }
    })
}

#[cfg(feature = "mysql")]
fn weak_mariadb(row: &MariaDb) -> Vec<Weak> {
    let mut weak = Vec::new();
    if row.flush_log != 1 {
        let setting = format!("innodb_flush_log_at_trx_commit = {}", row.flush_log);
        weak.push(Weak { setting, advice: "SET GLOBAL innodb_flush_log_at_trx_commit = 1" });
    }
    // After a crash a transaction that is not in the binary log is rolled back, although InnoDB has it.
    if row.log_bin != 0 && row.sync_binlog != 1 {
        let setting = format!("sync_binlog = {}", row.sync_binlog);
        weak.push(Weak { setting, advice: "SET GLOBAL sync_binlog = 1" });
    }
    if row.doublewrite == 0 {
        let setting = "innodb_doublewrite = OFF".to_owned();
        weak.push(Weak { setting, advice: "innodb_doublewrite = ON in the server's configuration, and restart it" });
    }
    weak
}

/// Both are set for every connection of ours; a file system without shared memory keeps another journal.
#[cfg(feature = "sqlite")]
fn weak_sqlite(row: &Sqlite) -> Vec<Weak> {
    let mut weak = Vec::new();
    if row.synchronous < 2 {
        let setting = format!("PRAGMA synchronous = {}", row.synchronous);
        weak.push(Weak { setting, advice: "PoundCake sets FULL: is this its own SQLite?" });
    }
    if row.journal_mode != "wal" {
        let setting = format!("PRAGMA journal_mode = {}", row.journal_mode);
        weak.push(Weak { setting, advice: "put the file on a local disk: SQLite has no WAL on a network file system" });
    }
    weak
}
