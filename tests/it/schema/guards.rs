//! What the schema refuses, and which schemas and rights the processes accept.

use super::{command, connect, migrated};
use crate::harness::{Pipeline, Setup, Shape, TestDatabase, firing};
use diesel::{Connection, MysqlConnection, RunQueryDsl, sql_query};

const CALL: &str = "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) \
     VALUES (1, 'r', 'POST', '/', '{}', '', 202, '2026-11-22 00:00:00')";

/// An alert's row with these values in the columns that tests vary.
fn alert(status: &str, dispatch_status: &str, due: &str, open: &str, closed_at: &str) -> String {
    format!(
        "INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, \
         annotations, updated_at, dispatch_status, next_attempt_at, open_fingerprint, closed_at) VALUES (1, 'f', 'n', 's', 'i', \
         '{{}}', '2026-11-22 00:00:00', '{status}', '{{}}', '2026-11-22 00:00:00', '{dispatch_status}', {due}, {open}, {closed_at})"
    )
}

#[tokio::test]
async fn unknown_states_and_rows_without_a_due_time_are_refused() {
    const AT: &str = "'2026-11-22 00:00:00'";
    for database in migrated() {
        let mut connection = connect(&database);
        let mut run = |sql: &str| sql_query(sql).execute(&mut connection).map_err(|error| error.to_string());
        run(CALL).expect("a webhook");
        run(&alert("firing", "pending", AT, "'f'", "NULL")).expect("a row as it should be");
        let refused = [
            ("an unknown status", alert("burning", "pending", AT, "NULL", "NULL")),
            ("an unknown state", alert("firing", "lost", AT, "NULL", "NULL")),
            ("a state in capitals", alert("firing", "PENDING", AT, "NULL", "NULL")),
            ("pending and never due", alert("firing", "pending", "NULL", "NULL", "NULL")),
            ("open and closed", alert("firing", "failed", "NULL", "'g'", AT)),
            ("a second open episode", alert("firing", "pending", AT, "'f'", "NULL")),
            (
                "a webhook that is not there",
                alert("firing", "failed", "NULL", "NULL", "NULL").replacen("(1, ", "(2, ", 1),
            ),
        ];
        for (what, sql) in refused {
            let error = run(&sql).expect_err(what);
            assert!(error.to_lowercase().contains("constraint") || error.contains("Duplicate"), "{what}: {error}");
        }
        assert_eq!(database.count("poundcake_alerts"), 1);
    }
}

#[tokio::test]
async fn no_process_starts_on_an_empty_schema() {
    for database in TestDatabase::each() {
        for name in ["ingest", "dispatcher"] {
            let (status, _, error) = command(&database, name).run().await;
            assert_eq!(status.code(), Some(1), "{name}: {error}");
            assert!(error.contains("run: poundcake migrate up"), "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn no_process_starts_on_a_schema_newer_than_itself() {
    for database in migrated() {
        database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
        for name in ["ingest", "dispatcher", "standalone"] {
            let (status, _, error) = command(&database, name).run().await;
            assert_eq!(status.code(), Some(1), "{name}: {error}");
            assert!(error.contains("newer") && error.contains("29990101000000"), "{name}: {error}");
        }
    }
}

/// Every other test of processes on MariaDB runs with the same rights.
#[tokio::test(flavor = "multi_thread")]
async fn the_application_changes_no_schema_and_stackstorms_reader_sees_two_tables() {
    let setup = Setup::new(Shape::Separate).await;
    let (application, reader) = (setup.database.url(), setup.database.reader_url());
    let refused = |url: &str, sql: &str| {
        let mut connection = MysqlConnection::establish(url).expect("a connection");
        let error = sql_query(sql).execute(&mut connection).expect_err(sql).to_string();
        assert!(error.contains("denied"), "{sql}: {error}");
    };
    for statement in [
        "CREATE TABLE other (id INT)",
        "ALTER TABLE poundcake_alerts ADD COLUMN other INT",
        "DROP TABLE poundcake_alerts",
        "TRUNCATE poundcake_alerts",
        "CREATE INDEX other ON poundcake_alerts (created_at)",
        "LOCK TABLES poundcake_alerts WRITE",
    ] {
        refused(&application, statement);
        refused(&reader, statement);
    }
    for statement in [
        "SELECT COUNT(*) FROM poundcake_st2_execution_link",
        "SELECT COUNT(*) FROM execution_db",
        "SELECT COUNT(*) FROM __diesel_schema_migrations",
        "UPDATE poundcake_alerts SET severity = 'none'",
        "DELETE FROM poundcake_api_calls",
    ] {
        refused(&reader, statement);
    }
    let pipeline: Pipeline = setup.start().await;
    pipeline.send(&[firing("HostDown", "web-1", "2026-11-22T01:00:00Z")]).await;
    pipeline.settled().await;
    let mut connection = MysqlConnection::establish(&reader).expect("a connection");
    for table in ["poundcake_api_calls", "poundcake_alerts"] {
        sql_query(format!("SELECT * FROM {table}")).execute(&mut connection).expect(table);
    }
}
