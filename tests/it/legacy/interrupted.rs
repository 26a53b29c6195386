//! Cut off at every step, the next run goes on and ends with the same rows.

use super::{ALERTS, CALLS, LINKS, connect, done, legacy, old, steps, tables};
use crate::harness::{Process, SOON, TestDatabase, eventually};
use diesel::{Connection, MysqlConnection, RunQueryDsl, sql_query};
use poundcake::{
    database::migrations,
    takeover::{Step, Takeover},
};

/// Everything that must be the same, whatever happened on the way.
fn rows(database: &TestDatabase) -> Vec<String> {
    let mut all = database.lines(CALLS);
    all.extend(database.lines(ALERTS));
    all.extend(database.lines(LINKS));
    all
}

/// Windows are of 500 rows: two of webhooks and alerts, one of links.
const ROWS: u32 = 510;

#[tokio::test]
async fn after_any_step_the_next_run_continues() {
    let whole = old::with_links(ROWS);
    let all = steps(&whole, true, usize::MAX);
    let expected = rows(&whole);
    assert_eq!(expected.len(), 510 + 510 + 255);
    assert!(matches!(all[..3], [Step::Renamed(_), Step::Begun, Step::Migrated(_)]), "{all:?}");
    assert_eq!(all.iter().filter(|step| matches!(step, Step::Copied { .. })).count(), 2 + 2 + 1);
    let finished = all.iter().position(|step| *step == Step::Finished).expect("an end");
    for cut in 0..all.len() {
        let database = old::with_links(ROWS);
        assert_eq!(steps(&database, true, cut).len(), cut);
        let current = migrations::status(&mut connect(&database)).expect("a status").require_current();
        assert_eq!(
            current.is_ok(),
            cut > finished,
            "after {:?} processes must not start",
            all.get(cut.wrapping_sub(1))
        );
        let rest = steps(&database, true, usize::MAX);
        assert!(rest.len() <= all.len(), "{rest:?}");
        assert_eq!(rows(&database), expected, "cut off after {cut} steps");
        assert_eq!(tables(&database).len(), 4, "{:?}", tables(&database));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_create_table_and_its_record_the_migration_runs_again() {
    let database = old::with_links(3);
    steps(&database, false, 3);
    // What a kill at that moment leaves.
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version <> 'legacy-takeover'");
    done(legacy(&database)).await;
    assert_eq!(database.count("poundcake_alerts"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_window_it_continues() {
    let whole = old::with_links(ROWS);
    steps(&whole, false, usize::MAX);
    let database = old::with_links(ROWS);
    // Up to the first window of alerts; then somebody holds an id of the second.
    let mut conn = connect(&database);
    let mut takeover = Takeover::begin(&mut conn, false).expect("a takeover");
    while !takeover.step(&mut conn).expect("a step").is_some_and(|step| is_window_of_alerts(&step)) {}
    drop(conn);
    let mut holder = MysqlConnection::establish(&database.url()).expect("a connection");
    sql_query("BEGIN").execute(&mut holder).expect("a transaction");
    sql_query(
        "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, annotations, \
         updated_at, dispatch_status) SELECT 505, 1, '', '', '', '', '{}', NOW(), 'firing', '{}', NOW(), 'skipped'",
    )
    .execute(&mut holder)
    .expect("a row");
    let running = legacy(&database).start();
    waits_for(&database, "%INTO `poundcake_alerts`%").await;
    running.kill();
    sql_query("ROLLBACK").execute(&mut holder).expect("a rollback");
    assert_eq!(database.count("poundcake_alerts"), 500);
    done(legacy(&database)).await;
    assert_eq!(rows(&database), rows(&whole));
}

fn is_window_of_alerts(step: &Step) -> bool {
    matches!(step, Step::Copied { table, .. } if table.ends_with("poundcake_alerts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_waits_to_rename_it_has_changed_nothing() {
    let database = old::with_extensions();
    let before = tables(&database);
    let mut holder = MysqlConnection::establish(&database.url()).expect("a connection");
    for statement in ["BEGIN", "SELECT COUNT(*) FROM poundcake_alerts"] {
        sql_query(statement).execute(&mut holder).expect("a metadata lock");
    }
    let running = legacy(&database).start();
    waits_for(&database, "RENAME TABLE%").await;
    running.kill();
    eventually("the statement is gone", SOON, async || {
        // MariaDB notices a killed client only once the wait is over: KILL is what an operator would do.
        let left = running_statements(&database, "RENAME TABLE%");
        for id in &left {
            database.execute(&format!("KILL {id}"));
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(tables(&database), before);
    drop(holder);
    done(legacy(&database)).await;
    assert_eq!(database.count("poundcake_alerts"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_in_the_middle_leaves_no_process_running_and_the_rest_for_the_next_run() {
    let database = old::with_links(ROWS);
    steps(&database, false, 5);
    database.execute(
        "CREATE TRIGGER full BEFORE INSERT ON poundcake_alerts FOR EACH ROW IF NEW.id = 505 THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'the disk is full'; END IF",
    );
    let (status, _, error) = legacy(&database).run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("the disk is full"), "{error}");
    for (command, argument) in [("migrate", Some("up")), ("migrate", Some("status")), ("ingest", None)] {
        let process = Process::poundcake(command)
            .variable("DATABASE_URL", database.url())
            .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f");
        let process = argument.into_iter().fold(process, Process::argument);
        let (status, output, error) = process.run().await;
        assert_eq!(status.code(), Some(1), "{command}: {error}");
        assert!((output + &error).contains("run (again): poundcake migrate legacy"), "{command}: {error}");
    }
    database.execute("DROP TRIGGER full");
    done(legacy(&database)).await;
    assert_eq!(database.count("poundcake_alerts"), i64::from(ROWS));
}

fn running_statements(database: &TestDatabase, like: &str) -> Vec<String> {
    database.lines(&format!(
        "SELECT CAST(id AS CHAR) AS value FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE '{like}' AND id <> CONNECTION_ID()"
    ))
}

async fn waits_for(database: &TestDatabase, like: &str) {
    eventually("the statement runs", SOON, async || {
        let seen = running_statements(database, like);
        if seen.is_empty() { Err("not yet") } else { Ok(()) }
    })
    .await;
}
