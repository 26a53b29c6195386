//! The variables of every session, and a check that they are set: a proxy before MariaDB may drop a `SET`.

use super::connection::AnyConnection;
#[cfg(feature = "mysql")]
use diesel::{MysqlConnection, QueryableByName, RunQueryDsl, sql_types::Text};
use diesel::{connection::SimpleConnection, result::Error};
use std::time::Duration;

/// Why a session cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A statement failed.
    #[error(transparent)]
    Query(#[from] Error),
    /// A variable has another value than the one that was set.
    #[cfg(feature = "mysql")]
    #[error("the session has {variable}={found} although PoundCake set {wanted}")]
    Differs {
        /// The session variable.
        variable: &'static str,
        /// What was set.
        wanted: String,
        /// What the server says.
        found: String,
    },
}

/// What to do about a variable that was not set.
#[cfg(feature = "mysql")]
pub(crate) const SWALLOWED: &str =
    "a proxy between PoundCake and MariaDB may swallow SET: connect to MariaDB directly, or let the proxy pass SET on";

/// How long MariaDB waits for the next statement of a transaction, in seconds.
#[cfg(feature = "mysql")]
const IDLE_SECONDS: u64 = 10;
/// How much earlier than we MariaDB gives up.
#[cfg(feature = "mysql")]
const SERVER_FIRST: Duration = Duration::from_secs(2);

/// Each variable with the literal that sets it. A server may have any other default for each of them.
///
/// READ COMMITTED and short lock waits: any other shape of the episode transaction deadlocks or waits for 50 s. English
/// messages: 1205 has no kind of its own in diesel. `sql_select_limit` would cut lists silently, `completion_type` would begin
/// a transaction of its own after COMMIT, `sql_auto_is_null` would change what `IS NULL` finds.
#[cfg(feature = "mysql")]
const FIXED: [(&str, &str); 16] = [
    ("tx_isolation", "'READ-COMMITTED'"),
    ("tx_read_only", "0"),
    ("autocommit", "1"),
    ("completion_type", "'NO_CHAIN'"),
    ("innodb_lock_wait_timeout", "3"),
    ("sql_mode", "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'"),
    ("time_zone", "'+00:00'"),
    ("lc_messages", "'en_US'"),
    ("character_set_client", "'utf8mb4'"),
    ("character_set_connection", "'utf8mb4'"),
    ("character_set_results", "'utf8mb4'"),
    ("foreign_key_checks", "1"),
    ("unique_checks", "1"),
    ("check_constraint_checks", "1"),
    ("sql_auto_is_null", "0"),
    ("sql_select_limit", "18446744073709551615"),
];

/// Sets the session, without asking anything.
///
/// On MariaDB the locks of a client that stands still or cannot be reached are freed after 10 s, not when its connection is
/// found dead. With `patience` MariaDB gives up [`SERVER_FIRST`] before we do: a statement that takes too long is an error and no
/// silence (COMMIT has no such bound), and a transaction that we give up before its COMMIT was sent has been rolled back by then.
/// On SQLite: WAL with full sync, since 202 means on disk.
pub(crate) fn set(conn: &mut AnyConnection, patience: Option<Duration>) -> Result<(), SessionError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            let settings: Vec<String> = wanted(patience)
                .into_iter()
                .map(|(variable, literal)| format!("SESSION {variable} = {literal}"))
                .collect();
            conn.batch_execute(&format!("SET {}", settings.join(", ")))?;
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            // There is no network to lose.
            _ = patience;
            conn.batch_execute(
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
            )?;
        }
    }
    Ok(())
}

/// All variables with their literals.
#[cfg(feature = "mysql")]
fn wanted(patience: Option<Duration>) -> Vec<(&'static str, String)> {
    let statement = patience.map_or(0, |patience| patience.saturating_sub(SERVER_FIRST).as_secs().max(1));
    let idle = if statement == 0 { IDLE_SECONDS } else { statement.min(IDLE_SECONDS) };
    let fixed = FIXED.iter().map(|(variable, literal)| (*variable, (*literal).to_owned()));
    let bounds = [("idle_transaction_timeout", idle.to_string()), ("max_statement_time", statement.to_string())];
    fixed.chain(bounds).collect()
}

#[cfg(feature = "mysql")]
#[derive(QueryableByName)]
struct Settings {
    #[diesel(sql_type = Text)]
    settings: String,
}

/// Reads every variable back in one statement.
#[cfg(feature = "mysql")]
pub(crate) fn read_back(conn: &mut MysqlConnection, patience: Option<Duration>) -> Result<(), SessionError> {
    let wanted = wanted(patience);
    let variables: Vec<String> = wanted.iter().map(|(variable, _)| format!("@@session.{variable}")).collect();
    let query = format!("SELECT CONCAT_WS('\\n', {}) AS settings", variables.join(", "));
    let found: Settings = diesel::sql_query(query).get_result(conn)?;
    compare(&wanted, &found.settings)
}

#[cfg(feature = "mysql")]
fn compare(wanted: &[(&'static str, String)], found: &str) -> Result<(), SessionError> {
    let mut lines = found.split('\n');
    for (variable, literal) in wanted {
        let (found, wanted) = (lines.next().unwrap_or_default(), literal.trim_matches('\''));
        if !is_same(wanted, found) {
            let (wanted, found) = (wanted.to_owned(), found.to_owned());
            return Err(SessionError::Differs { variable, wanted, found });
        }
    }
    Ok(())
}

/// `max_statement_time` comes back as `8.000000`, a switch as `ON`.
#[cfg(feature = "mysql")]
fn is_same(wanted: &str, found: &str) -> bool {
    let found = match found {
        "ON" => "1",
        "OFF" => "0",
        other => other.strip_suffix(".000000").unwrap_or(other),
    };
    wanted == found
}

#[cfg(all(test, feature = "mysql"))]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_was_not_set_is_named() {
        let wanted = wanted(Some(Duration::from_secs(10)));
        let right: Vec<&str> = wanted.iter().map(|(_, literal)| literal.trim_matches('\'')).collect();
        assert!(compare(&wanted, &right.join("\n").replace("\n8", "\n8.000000")).is_ok());
        let error = compare(&wanted, &right.join("\n").replace("READ-COMMITTED", "REPEATABLE-READ")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("tx_isolation=REPEATABLE-READ") && text.contains("set READ-COMMITTED"), "{text}");
        assert!(compare(&wanted, "").is_err(), "an empty answer");
    }
}
