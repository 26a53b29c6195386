//! A client library that reads wrong is refused before anything is read with it; `doctor` shows which one runs.

use super::{finding, reset_lengths::ResetLengths};
use crate::harness::{KEY, Process, TestDatabase};
use poundcake::database::{
    Database, DatabaseError, connect::DatabaseUrl, connection::AnyConnection, statement_timeout::bounded,
};
use std::time::Duration;

fn process(command: &str, database: &TestDatabase) -> Process {
    Process::poundcake(command)
        .variable("DATABASE_URL", database.url_for(command))
        .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
        .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
        .variable("ST2_API_KEY", KEY)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_that_reads_empty_texts_is_refused_by_every_command() {
    let (database, broken) = (TestDatabase::mariadb(), ResetLengths::build());
    drop(database.store(1));
    let commands = [
        ("ingest", &[][..]),
        ("dispatcher", &[]),
        ("tracker", &[]),
        ("standalone", &[]),
        ("migrate", &["up"]),
        ("migrate", &["status"]),
        ("alerts", &[]),
        ("failed", &[]),
        ("prune", &["--older-than=90d"]),
    ];
    for (command, arguments) in commands {
        let process = arguments.iter().fold(process(command, &database), |process, word| process.argument(*word));
        let (status, _, error) = process.variable("LD_PRELOAD", broken.path().display().to_string()).run().await;
        assert_eq!(status.code(), Some(1), "{command}: {error}");
        for word in ["(libmariadb 3.", "reads wrong", "row 1", "came back as \"\"", "CONC-821", "libmariadb3 10.11.19"]
        {
            assert!(error.contains(word), "{command}: no {word:?} in {error}");
        }
        assert!(!error.contains("newer than this program"), "{command}: {error}");
    }
    assert_eq!(database.count("poundcake_api_calls WHERE id > 0"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_a_broken_client_library_and_shows_the_version_of_a_good_one() {
    let (database, broken) = (TestDatabase::mariadb(), ResetLengths::build());
    drop(database.store(1));
    let (level, text) = finding(&process("doctor", &database), "database", "versions").await;
    assert_eq!(level, "ok", "{text}");
    assert!(text.contains("MariaDB") && text.contains("client library libmariadb 3."), "{text}");
    let broken = process("doctor", &database).variable("LD_PRELOAD", broken.path().display().to_string());
    let (level, text) = finding(&broken, "database", "client library").await;
    assert!(level == "wrong" && text.contains("CONC-821"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_rollback_leaves_rows_is_refused() {
    let database = TestDatabase::mariadb();
    drop(database.store(1));
    // Foreign keys hold the engine.
    database.execute("DROP TABLE poundcake_st2_execution_link, poundcake_alerts");
    database.execute("ALTER TABLE poundcake_api_calls ENGINE = Aria");
    let (status, _, error) = process("ingest", &database).run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("a ROLLBACK left rows") && error.contains("ENGINE = InnoDB"), "{error}");
    assert_eq!(database.count("poundcake_api_calls WHERE id > 0"), 0, "the rows are taken away again");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_a_batch_are_right_whatever_the_step_between_them_is() {
    let database = TestDatabase::mariadb();
    let store = database.store(1);
    for step in [1, 3, 7] {
        store
            .run(move |conn| {
                diesel::RunQueryDsl::execute(
                    diesel::sql_query(format!(
                        "SET SESSION auto_increment_increment = {step}, auto_increment_offset = 1"
                    )),
                    conn,
                )?;
                poundcake::store::write_check::check(conn)
            })
            .await
            .unwrap_or_else(|e| panic!("a step of {step}: {e}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_its_own_bound_again_after_a_bounded_read() {
    #[derive(diesel::QueryableByName)]
    struct Bound {
        #[diesel(sql_type = diesel::sql_types::Text)]
        bound: String,
    }
    let database = TestDatabase::mariadb();
    let store = Database::bounded(DatabaseUrl::parse(&database.url()).expect("a URL"), 1, Duration::from_secs(10));
    let ask = |conn: &mut AnyConnection| -> Result<Bound, DatabaseError> {
        let query = diesel::sql_query("SELECT CAST(@@session.max_statement_time AS CHAR) AS bound");
        Ok(diesel::RunQueryDsl::get_result(query, conn)?)
    };
    let bounds = store.run(move |conn| Ok((bounded(conn, ask)?, ask(conn)?))).await.expect("two answers");
    assert_eq!((bounds.0.bound.as_str(), bounds.1.bound.as_str()), ("10.000000", "8.000000"));
}
