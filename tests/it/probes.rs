//! A probe does what it vouches for: while no webhook can be stored `/readyz` is 503 and says why, and so does `doctor`; as soon
//! as one can be stored again it is 200. On private servers, for what cannot be done to shared ones.

use crate::{
    harness::{Process, SOON, Services, TestDatabase, client, eventually, intake, on_both_stores},
    http_api::app::App,
};
use diesel::{Connection, MysqlConnection, connection::SimpleConnection};
use poundcake::{
    model::{episode::EpisodePolicy, plan::Arrival},
    store::{ingest::webhooks::Batch, operate::probe},
};
use serde_json::Value;
use std::time::Duration;

on_both_stores! {
    a_probe_leaves_nothing_behind,
}

on_both_stores! {
    async a_table_that_is_missing_is_named_on_both_databases,
}

const ALERT: &str = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;

async fn is_ready(app: &App) {
    eventually("ready again, and a webhook is stored", SOON, async || {
        let (status, problem) = app.get("/readyz").await;
        if status != 200 {
            return Err(problem);
        }
        let status = app.post(ALERT).await.status().as_u16();
        if status == 202 { Ok(()) } else { Err(Value::from(status)) }
    })
    .await;
}

/// `/readyz`, the webhook and doctor agree.
async fn is_refused(app: &App, reason: &str) {
    eventually(reason, SOON, async || {
        let (status, problem) = app.get("/readyz").await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        if status == 503 && detail.contains(reason) { Ok(()) } else { Err(problem) }
    })
    .await;
    assert_eq!(app.post(ALERT).await.status().as_u16(), 503, "{reason}");
    let doctor = Process::poundcake("doctor").variable("DATABASE_URL", app.database.url());
    let (status, output, error) = doctor.argument("--output").argument("json").run().await;
    assert_eq!(status.code(), Some(1), "{output}{error}");
    let document: Value = serde_json::from_str(&output).expect("JSON");
    let findings = document["findings"].as_array().expect("findings");
    let writable = findings.iter().find(|finding| finding["check"] == "writable").expect("it is checked");
    assert_eq!(writable["level"], "wrong", "{document}");
    assert!(writable["found"].as_str().expect("found").starts_with(reason), "{document}");
    assert!(writable["advice"].is_string(), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_takes_no_writes_is_not_ready_and_doctor_says_why() {
    let services = Services::private_with("--log-bin --server-id=1 --binlog-format=MIXED", "");
    let app = App::on(TestDatabase::mariadb_on(services.clone()));
    is_ready(&app).await;
    let reconnect = || app.database.administer("KILL USER {user}");

    app.database.administer("SET GLOBAL read_only = ON");
    is_refused(&app, "the database is read-only").await;
    app.database.administer("SET GLOBAL read_only = OFF");
    is_ready(&app).await;

    // A session keeps the format that it began with.
    app.database.administer("SET GLOBAL binlog_format = 'STATEMENT'");
    reconnect();
    is_refused(&app, "the database has binlog_format=STATEMENT").await;
    app.database.administer("SET GLOBAL binlog_format = 'MIXED'");
    reconnect();
    is_ready(&app).await;

    let mut backup = MysqlConnection::establish(services.database.as_str()).expect("an administrator");
    backup.batch_execute("FLUSH TABLES WITH READ LOCK").expect("the lock of a backup");
    is_refused(&app, "writes wait for a lock in the database").await;
    asks_once(&app).await;
    drop(backup);
    is_ready(&app).await;
}

/// However many ask, one statement waits: no threads, no connections pile up.
async fn asks_once(app: &App) {
    let asked = (0..40).map(|_| client().get(app.url("/readyz")).send());
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.expect("an answer").status().as_u16(), 503);
    }
    let waiting = "information_schema.processlist WHERE db = DATABASE() AND info LIKE '%PROBE%' AND info NOT LIKE '%processlist%'";
    assert!(app.database.count(waiting) <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named() {
    for right in ["INSERT", "UPDATE"] {
        let app = App::on(TestDatabase::mariadb());
        // From now on the alert is a repeat, which changes its opener.
        is_ready(&app).await;
        let database = app.database.lines("SELECT DATABASE() AS value").remove(0);
        app.database.administer(&format!("REVOKE {right} ON {database}.* FROM {{user}}"));
        app.database.administer("KILL USER {user}");
        is_refused(&app, "the database user has no right to write PoundCake's tables").await;
        app.database.administer(&format!("GRANT {right} ON {database}.* TO {{user}}"));
        app.database.administer("KILL USER {user}");
        is_ready(&app).await;
    }
}

async fn a_table_that_is_missing_is_named_on_both_databases(database: TestDatabase) {
    for table in ["poundcake_api_calls", "poundcake_alerts"] {
        let app = App::on(match &database {
            TestDatabase::MariaDb { .. } => TestDatabase::mariadb(),
            TestDatabase::Sqlite { .. } => TestDatabase::sqlite(),
        });
        is_ready(&app).await;
        app.database.execute(&format!("ALTER TABLE {table} RENAME TO away"));
        is_refused(&app, "a table or column of PoundCake is missing in the database").await;
        app.database.execute(&format!("ALTER TABLE away RENAME TO {table}"));
        is_ready(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sqlite_file_that_another_process_holds_is_named() {
    let app = App::on(TestDatabase::sqlite());
    is_ready(&app).await;
    let path = app.database.url().trim_start_matches("sqlite://").to_owned();
    let mut holder = diesel::SqliteConnection::establish(&path).expect("the file");
    holder.batch_execute("BEGIN IMMEDIATE").expect("the write lock");
    is_refused(&app, "writes wait for a lock in the database").await;
    holder.batch_execute("ROLLBACK").expect("the end");
    is_ready(&app).await;
}

/// A rolled-back transaction needs no room, so this shows at the first webhook that needs some.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_by_the_first_webhook_that_fails_and_free_space_makes_it_ready_again() {
    let database = TestDatabase::sqlite();
    drop(database.store(1));
    let program =
        format!("trap '' XFSZ; ulimit -S -f 1024; exec {} standalone --no-dispatch", env!("CARGO_BIN_EXE_poundcake"));
    let process = Process::program("/bin/bash", "/readyz").argument("-c").argument(program);
    let listen = process.address().to_string();
    let process = process.variable("DATABASE_URL", database.url()).variable("POUNDCAKE_LISTEN", listen);
    let standalone = process.start().ready().await;
    let post = async || {
        let body = format!(r#"{{"alerts":[],"pad":"{}"}}"#, "x".repeat(100_000));
        client().post(standalone.url("/api/v1/webhook")).body(body).send().await.expect("an answer").status().as_u16()
    };
    for _ in 0..40 {
        if post().await == 503 {
            break;
        }
    }
    let answer = client().get(standalone.url("/readyz")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 503);
    let problem: Value = answer.json().await.expect("JSON");
    assert_eq!(problem["detail"], "a webhook could not be stored now: the database cannot write to its disk");
    standalone.unlimited();
    eventually("room was made", SOON, async || match post().await {
        202 => Ok(()),
        status => Err(status),
    })
    .await;
    let answer = client().get(standalone.url("/readyz")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
}

/// What a probe costs others: no id is used up, no row is seen, and no sweep meets it.
fn a_probe_leaves_nothing_behind(database: TestDatabase) {
    let mut conn = database.store(1).connect().expect("a connection");
    for _ in 0..20 {
        probe::all(&mut conn).expect("writable");
        probe::ingest(&mut conn).expect("writable");
    }
    for table in ["poundcake_api_calls", "poundcake_alerts", "poundcake_st2_execution_link"] {
        assert_eq!(database.count(&format!("{table} WHERE id > 0")), 0, "{table}");
    }
    let policy = EpisodePolicy { refire_cooldown: Duration::ZERO, several_sources: false };
    let none: Vec<Arrival> = Vec::new();
    Batch::new(vec![intake(none)]).store(&mut conn, &policy).expect("stored");
    assert_eq!(database.count("poundcake_api_calls WHERE id = 1"), 1, "the first id is still free");
}
