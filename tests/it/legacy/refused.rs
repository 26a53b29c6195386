//! When it does nothing, and says why.

use super::{done, legacy, old, steps, tables};
use crate::harness::{Process, TestDatabase};

async fn refused(process: Process) -> String {
    let (status, output, error) = process.run().await;
    assert_eq!(status.code(), Some(1), "{output}{error}");
    error
}

#[tokio::test]
async fn sqlite_has_no_older_installation() {
    let error = refused(legacy(&TestDatabase::sqlite())).await;
    assert!(error.contains("SQLite file") && error.contains("mysql://"), "{error}");
}

#[tokio::test]
async fn an_empty_database_and_one_of_ours_have_nothing_to_take_over() {
    let database = TestDatabase::mariadb();
    for _ in ["empty", "ours"] {
        let before = tables(&database);
        let (status, output, _) = legacy(&database).run().await;
        assert_eq!(status.code(), Some(3), "{output}");
        assert!(output.contains("no table of an older PoundCake"), "{output}");
        assert_eq!(tables(&database), before);
        let up = Process::poundcake("migrate").argument("up").variable("DATABASE_URL", database.owner_url());
        assert!(up.run().await.0.success());
    }
}

#[tokio::test]
async fn tables_that_only_share_a_name_are_left_alone() {
    let database = TestDatabase::mariadb();
    database.execute("CREATE TABLE poundcake_alerts (id INT, note VARCHAR(20))");
    database.execute("CREATE TABLE actions (id INT)");
    let error = refused(legacy(&database)).await;
    assert!(
        error.contains("poundcake_alerts has no column api_call_id") && error.contains("nothing was changed"),
        "{error}"
    );
    database.execute("DROP TABLE poundcake_alerts");
    let (status, ..) = legacy(&database).argument("--drop").run().await;
    assert_eq!(status.code(), Some(3), "`actions` without buckets may be anybody's");
    assert_eq!(tables(&database), ["actions"]);
}

#[tokio::test]
async fn an_older_poundcake_that_was_started_again_is_noticed() {
    let database = old::with_links(2);
    steps(&database, false, 1);
    database.execute("CREATE TABLE poundcake_alerts (id INT PRIMARY KEY, api_call_id INT, fingerprint VARCHAR(64))");
    let error = refused(legacy(&database)).await;
    assert!(error.contains("legacy_poundcake_alerts is there already"), "{error}");
}

#[tokio::test]
async fn a_foreign_key_of_somebody_else_keeps_drop_from_beginning() {
    let database = old::with_links(2);
    database.execute(
        "CREATE TABLE poundcake_task_results (id INT PRIMARY KEY, alert_id INT, FOREIGN KEY (alert_id) REFERENCES poundcake_alerts (id))",
    );
    let before = tables(&database);
    let error = refused(legacy(&database).argument("--drop")).await;
    assert!(error.contains("poundcake_task_results -> poundcake_alerts"), "{error}");
    assert_eq!(tables(&database), before);
    let output = done(legacy(&database)).await;
    assert!(output.contains("poundcake_task_results -> legacy_poundcake_alerts"), "{output}");
}

#[tokio::test]
async fn rows_that_are_gone_from_ours_are_counted_before_anything_is_dropped() {
    let database = old::with_links(3);
    done(legacy(&database)).await;
    let again = done(legacy(&database)).await;
    assert!(again.contains("everything is copied"), "{again}");
    database.execute("DELETE FROM poundcake_alerts WHERE id = 1");
    let before = tables(&database);
    let error = refused(legacy(&database).argument("--drop")).await;
    assert!(error.contains("1 rows of legacy_poundcake_alerts are not in poundcake_alerts"), "{error}");
    assert!(error.contains("DROP TABLE legacy_poundcake_st2_execution_link, legacy_poundcake_alerts"), "{error}");
    assert_eq!(tables(&database), before);
    done(legacy(&database)).await;
    assert_eq!(database.count("poundcake_alerts"), 2, "what was deleted since does not come back");
}
