//! `restored` killed in its middle, and run again.

use super::{
    backups::Kind,
    ledger::dump,
    world::{World, json_of},
};
use crate::harness::{SOON, eventually};
use serde_json::json;
use st2_stand_in::Fault;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_reads_stackstorm_it_has_paused_everything() {
    let world = World::restored(Kind::File).await;
    world.pipeline.st2().set_fault(Fault::Delay { millis: 60_000 });
    let killed = world.start_command();
    eventually("the rows that wait are marked", SOON, async || {
        let marked = world.pipeline.database().count(
            "poundcake_alerts WHERE dispatch_status = 'pending' AND dispatch_uncertain = 1 AND dispatch_log LIKE '%\"restored\"%'",
        );
        if marked > 0 && killed.output("stderr").contains("reading StackStorm's executions") { Ok(()) } else { Err(marked) }
    })
    .await;
    killed.kill();
    world.pipeline.st2().clear_faults();
    let pauses = json_of(&world.pipeline.setup, "guards", &[]).await["pauses"].clone();
    assert!(pauses.as_array().unwrap().iter().any(|pause| pause["everything"] == true), "{pauses}");
    let before = dump(&world);
    let report = world.command().await;
    assert!(!report["made"].as_array().unwrap().is_empty(), "{report}");
    assert_ne!(dump(&world), before);
    assert_eq!(
        world.pipeline.database().count(
            "poundcake_api_calls WHERE path = '/api/v1/pauses' AND operator IS NOT NULL AND pause_until > '9000-01-01 00:00:00'"
        ),
        1
    );
}

/// Killed while it begins: between its own row and that of its pause.
#[tokio::test(flavor = "multi_thread")]
async fn killed_before_everything_is_paused_it_has_written_nothing() {
    let world = World::restored(Kind::File).await;
    let database = world.pipeline.database();
    database.execute(
        "CREATE TRIGGER endless BEFORE INSERT ON poundcake_api_calls WHEN NEW.path = '/api/v1/pauses' BEGIN \
         SELECT (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n); END",
    );
    let killed = world.start_command();
    let mut looks = 0;
    eventually("the pause is being written", SOON, async || {
        looks = if is_locked(&database.path()) { looks + 1 } else { 0 };
        if looks == 5 { Ok(()) } else { Err(killed.output("stderr")) }
    })
    .await;
    killed.kill();
    database.execute("DROP TRIGGER endless");
    let written = "poundcake_api_calls WHERE path = '/restored'";
    assert_eq!(database.count(written), 0);
    let report = world.command().await;
    assert!(!report["made"].as_array().unwrap().is_empty(), "{report}");
    assert_eq!(database.count(&format!("{written} AND status_code = 200 AND result IS NOT NULL")), 1);
}

/// Whether somebody writes to the file.
fn is_locked(file: &str) -> bool {
    let writes = Command::new("sqlite3").arg(file).arg("BEGIN IMMEDIATE; ROLLBACK;").output().expect("sqlite3");
    !writes.status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stackstorm_it_fails_and_holds_everything() {
    let world = World::restored(Kind::File).await;
    world.pipeline.st2().set_fault(Fault::ApiDown);
    let (status, _, error) =
        world.pipeline.setup.process("restored").argument("--backup-taken").argument(&world.taken).run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("run this command again when StackStorm answers"), "{error}");
    let guards = json_of(&world.pipeline.setup, "guards", &[]).await;
    let pause = guards["pauses"].as_array().unwrap().iter().find(|pause| pause["everything"] == true).unwrap().clone();
    assert_eq!(pause["until"], json!(null));
    let result = "SELECT status_code || ' ' || result AS value FROM poundcake_api_calls WHERE path = '/restored'";
    let results = world.pipeline.database().lines(result);
    assert!(results[0].starts_with("503 {\"error\":\"StackStorm's executions cannot be read"), "{results:?}");
}

/// Killed while it waits for a row, with others made already.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_writes_it_goes_on_where_it_was() {
    let world = World::restored(Kind::Logical).await;
    let rows = world.pipeline.database().count("poundcake_alerts");
    let held =
        world.pipeline.database().locked("SELECT id FROM poundcake_alerts WHERE alert_name = 'Broken' FOR UPDATE");
    let killed = world.start_command();
    eventually("rows are made again", SOON, async || {
        let made = world.pipeline.database().count("poundcake_alerts") - rows;
        if made > 0 { Ok(()) } else { Err(killed.output("stderr")) }
    })
    .await;
    killed.kill();
    drop(held);
    let made = world.pipeline.database().count("poundcake_alerts") - rows;
    let report = world.command().await;
    let (more, linked) = (report["made"].as_array().unwrap().len(), report["linked"].as_array().unwrap().len());
    assert!(more > 0 && linked > 0, "killed in the middle: {made} made before, then {report}");
    let links = world.pipeline.database().count("poundcake_st2_execution_link");
    assert_eq!(links, i64::try_from(world.ran.len()).unwrap(), "every execution is linked once");
    let before = dump(&world);
    world.command().await;
    assert_eq!(dump(&world), before);
}
