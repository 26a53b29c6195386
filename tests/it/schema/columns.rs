//! Columns, keys, collations, comments: `src/database/schema.rs` against the migrated databases.

use super::{TABLES, migrated};
use crate::harness::TestDatabase;

const SCHEMA: &str = include_str!("../../../src/database/schema.rs");

/// `name Type` or `name Type?` of each column of a `table!`, in order.
fn declared(table: &str) -> Vec<String> {
    let body = SCHEMA.split(&format!("{table} (id) {{")).nth(1).expect("the table in schema.rs");
    let column = |line: &str| {
        let (name, kind) = line.trim().strip_suffix(',')?.split_once(" -> ")?;
        let nullable = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
        let column = nullable.map_or_else(|| format!("{name} {kind}"), |kind| format!("{name} {kind}?"));
        // Both are the same type of column.
        Some(column.replace("Datetime", "Timestamp"))
    };
    body.lines().skip(1).map_while(column).collect()
}

/// The same from the database.
fn made(database: &TestDatabase, table: &str) -> Vec<String> {
    let sql = match database {
        TestDatabase::MariaDb { .. } => format!(
            "SELECT CONCAT(column_name, ' ', CASE data_type WHEN 'bigint' THEN 'BigInt' WHEN 'int' THEN 'Integer' \
             WHEN 'tinyint' THEN 'Bool' WHEN 'datetime' THEN 'Timestamp' WHEN 'varchar' THEN 'Text' WHEN 'text' THEN 'Text' \
             WHEN 'longtext' THEN 'Text' ELSE data_type END, IF(is_nullable = 'YES', '?', '')) AS value \
             FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{table}' \
             AND extra NOT LIKE '%INVISIBLE%' ORDER BY ordinal_position"
        ),
        // SQLite's row id is an INTEGER of 64 bits.
        TestDatabase::Sqlite { .. } => format!(
            "SELECT name || ' ' || CASE WHEN pk THEN 'BigInt' WHEN type = 'BIGINT' THEN 'BigInt' \
             WHEN type = 'INTEGER' THEN 'Integer' WHEN type = 'BOOLEAN' THEN 'Bool' WHEN type = 'TIMESTAMP' THEN 'Timestamp' \
             WHEN type LIKE 'TEXT%' THEN 'Text' ELSE type END || CASE WHEN \"notnull\" THEN '' ELSE '?' END AS value \
             FROM pragma_table_xinfo('{table}') ORDER BY cid"
        ),
    };
    database.lines(&sql)
}

/// `unique: columns` or `index: columns` of every key but the primary one.
fn keys(database: &TestDatabase, table: &str) -> Vec<String> {
    database.lines(&match database {
        TestDatabase::MariaDb { .. } => format!(
            "SELECT CONCAT(IF(non_unique, 'index: ', 'unique: '), GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', ')) \
             AS value FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = '{table}' \
             AND index_name <> 'PRIMARY' GROUP BY index_name, non_unique ORDER BY 1"
        ),
        TestDatabase::Sqlite { .. } => format!(
            "SELECT CASE WHEN list.\"unique\" THEN 'unique: ' ELSE 'index: ' END || \
             (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(list.name) ORDER BY seqno)) AS value \
             FROM pragma_index_list('{table}') list ORDER BY 1"
        ),
    })
}

#[tokio::test]
async fn both_databases_have_the_columns_that_the_queries_are_compiled_for() {
    for database in migrated() {
        for table in TABLES {
            let declared = declared(table);
            assert!(declared.len() > 5, "{table}: {declared:?}");
            assert_eq!(made(&database, table), declared, "{table} on {}", database.url());
        }
    }
}

#[tokio::test]
async fn nothing_else_is_in_mariadbs_tables_but_the_room_that_a_dispatch_fills() {
    let [mariadb, _] = migrated();
    let invisible = mariadb.lines(
        "SELECT CONCAT(table_name, '.', column_name) AS value FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND extra LIKE '%INVISIBLE%'",
    );
    assert_eq!(invisible, ["poundcake_alerts.room"]);
}

#[tokio::test]
async fn both_databases_have_the_same_keys_and_those_that_uniqueness_rests_on() {
    let [mariadb, sqlite] = migrated();
    for table in TABLES {
        assert_eq!(keys(&mariadb, table), keys(&sqlite, table), "{table}");
    }
    let must = [
        ("poundcake_api_calls", "unique: request_id"),
        ("poundcake_alerts", "unique: open_fingerprint"),
        ("poundcake_alerts", "index: dispatch_status, next_attempt_at, created_at"),
        ("poundcake_alerts", "index: fingerprint, closed_at, created_at"),
        ("poundcake_alerts", "index: guard_key, guard_at"),
        ("poundcake_alerts", "index: guard_key, guard_target, guard_at"),
        ("poundcake_alerts", "index: started_fingerprint, started_at"),
        ("poundcake_st2_execution_link", "index: guard_key, guard_target, started_at"),
        ("poundcake_st2_execution_link", "index: route, started_at"),
        ("poundcake_st2_execution_link", "unique: alert_id, st2_execution_id"),
        ("poundcake_st2_execution_link", "index: request_id"),
        ("poundcake_st2_execution_link", "index: st2_execution_id"),
    ];
    for (table, key) in must {
        assert!(keys(&mariadb, table).iter().any(|found| found == key), "{table} {key}: {:?}", keys(&mariadb, table));
    }
}

#[tokio::test]
async fn ids_fingerprints_names_and_states_compare_byte_by_byte_on_mariadb() {
    let [mariadb, _] = migrated();
    let binary = mariadb.lines(
        "SELECT column_name AS value FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name LIKE 'poundcake%' AND collation_name = 'utf8mb4_bin'",
    );
    let must = "request_id client_request_id fingerprint open_fingerprint alert_name severity instance status \
                dispatch_status dispatch_reason dispatch_target claimed_by st2_execution_id st2_rule_ref st2_action_ref \
                st2_rule_matched dispatch_route guard_target dispatch_waived guard_key started_fingerprint \
                route end_status operator";
    for column in must.split_whitespace() {
        assert!(binary.iter().any(|found| found == column), "{column} is not utf8mb4_bin");
    }
    let other = mariadb.lines(
        "SELECT CONCAT(table_name, '.', column_name, ' ', character_set_name) AS value FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name LIKE 'poundcake%' AND character_set_name <> 'utf8mb4'",
    );
    assert_eq!(other, [""; 0]);
}

#[tokio::test]
async fn times_have_microseconds_and_everything_is_explained_in_mariadb() {
    let [mariadb, _] = migrated();
    let coarse = mariadb.lines(
        "SELECT CONCAT(table_name, '.', column_name) AS value FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name LIKE 'poundcake%' AND data_type = 'datetime' AND datetime_precision <> 6",
    );
    assert_eq!(coarse, [""; 0]);
    let silent = mariadb.lines(
        "SELECT CONCAT(table_name, '.', column_name) AS value FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name LIKE 'poundcake%' AND column_name <> 'id' AND column_comment = '' UNION \
         SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
         AND table_name LIKE 'poundcake%' AND table_comment = ''",
    );
    assert_eq!(silent, [""; 0]);
}
