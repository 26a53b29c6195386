//! `poundcake migrate`: up, down, twice at once, and on tables of somebody else.

use super::{command, connect, tables};
use crate::harness::{SOON, TestDatabase, on_both_stores};
use poundcake::database::migrations;

on_both_stores! {
    async the_migrations_go_up_and_down_and_up_again,
    async two_migrations_at_once_do_the_work_once,
    async migrate_status_tells_by_its_exit_code_whether_the_schema_is_this_programs,
    async tables_that_somebody_else_made_are_left_alone,
}

fn status_lines(output: &str, word: &str) -> usize {
    output.lines().filter(|line| line.starts_with(word)).count()
}

/// How many there are.
fn migrations() -> usize {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/mariadb");
    std::fs::read_dir(directory).expect("the migrations").count()
}

async fn the_migrations_go_up_and_down_and_up_again(database: TestDatabase) {
    let mut connection = connect(&database);
    let applied = migrations::up(&mut connection).expect("up");
    assert_eq!(applied.len(), migrations());
    let made = tables(&database);
    assert_eq!(migrations::down(&mut connection).expect("down").len(), migrations());
    assert_eq!(tables(&database), ["__diesel_schema_migrations"]);
    assert_eq!(migrations::up(&mut connection).expect("up again"), applied);
    assert_eq!(tables(&database), made);
    assert_eq!(migrations::up(&mut connection).expect("nothing to do"), [""; 0]);
}

async fn two_migrations_at_once_do_the_work_once(database: TestDatabase) {
    let up = command(&database, "migrate").argument("up");
    let both = [up.start(), up.start(), up.start()];
    let mut applied = 0;
    for running in &both {
        let status = running.exited(SOON).await;
        assert!(status.success(), "{}", running.output("stderr"));
        applied += status_lines(&running.output("stdout"), "applied ");
    }
    assert_eq!(applied, migrations());
}

async fn migrate_status_tells_by_its_exit_code_whether_the_schema_is_this_programs(database: TestDatabase) {
    let status = command(&database, "migrate").argument("status");
    let (code, output, _) = status.run().await;
    assert_eq!((code.code(), status_lines(&output, "pending ")), (Some(1), migrations()), "{output}");
    assert!(output.contains("run: poundcake migrate up"), "{output}");
    assert_eq!(tables(&database), [""; 0], "asking changes nothing");

    assert!(command(&database, "migrate").argument("up").run().await.0.success());
    let (code, output, _) = status.run().await;
    assert_eq!((code.code(), status_lines(&output, "applied ")), (Some(0), migrations()), "{output}");

    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let (code, output, _) = status.run().await;
    assert_eq!((code.code(), status_lines(&output, "unknown ")), (Some(1), 1), "{output}");
    assert!(output.contains("newer"), "{output}");
}

async fn tables_that_somebody_else_made_are_left_alone(database: TestDatabase) {
    for table in ["poundcake_alerts", "poundcake_st2_execution_link"] {
        database.execute(&format!("CREATE TABLE {table} (id INT, note VARCHAR(20))"));
        database.execute(&format!("INSERT INTO {table} VALUES (7, 'theirs')"));
    }
    let before = tables(&database);
    let (status, _, error) = command(&database, "migrate").argument("up").run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("poundcake migrate legacy") && error.contains("nothing was changed"), "{error}");
    assert_eq!(tables(&database), before);
    assert_eq!(database.lines("SELECT note AS value FROM poundcake_alerts"), ["theirs"]);
}
