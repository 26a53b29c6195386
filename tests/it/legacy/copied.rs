//! What becomes of old rows, and what old history means for new alerts.

use super::{ALERTS, CALLS, LINKS, done, legacy, old, tables};
use crate::harness::{Setup, Shape, TestDatabase, firing};
use serde_json::{Value, json};

const FIRST: &str = "5e9a7c1e-1111-4222-8333-944455566677";

#[tokio::test]
async fn a_dry_run_counts_everything_by_name_and_changes_nothing() {
    let database = old::with_extensions();
    let before = tables(&database);
    let output = done(legacy(&database).argument("--dry-run").argument("--output").argument("json")).await;
    assert_eq!(tables(&database), before);
    let seen: Value = serde_json::from_str(&output).expect("JSON");
    let table = |name: &str| {
        let found = seen["tables"].as_array().expect("tables").iter().find(|table| table["table"] == name);
        found.unwrap_or_else(|| panic!("{name} in {output}")).clone()
    };
    assert_eq!(table("poundcake_api_calls")["rows"], 3);
    assert_eq!(
        table("poundcake_api_calls")["changed"],
        json!([{ "reason": "a request_id that is missing, too long, taken or has other characters than our ids gets a new one", "rows": 1, "ids": [3] }])
    );
    assert_eq!(
        table("poundcake_alerts")["not_copied"],
        json!([{ "reason": "its webhook is missing", "rows": 1, "ids": [13] }])
    );
    assert_eq!(table("poundcake_alerts")["changed"][0]["ids"], json!([11, 12]));
    let links = table("poundcake_st2_execution_extensions");
    assert_eq!(
        links["not_copied"],
        json!([
            { "reason": "a duplicate of another link", "rows": 1, "ids": [7] },
            { "reason": "its alert is missing", "rows": 1, "ids": [8] },
            { "reason": "no alert id", "rows": 1, "ids": [22] },
            { "reason": "no execution id", "rows": 1, "ids": [9] },
            { "reason": "the webhook of its alert is missing", "rows": 1, "ids": [21] },
        ])
    );
    assert_eq!(links["columns_left"], json!(["expected_result", "result_matched", "step_order"]));
    assert_eq!((&table("actions")["rows"], &table("actions")["into"]), (&json!(3), &Value::Null));
    assert_eq!(table("custom_action_bucket_steps")["rows"], 2);
}

#[tokio::test]
async fn odd_rows_are_copied_with_their_ids_as_settled_history() {
    let database = old::with_extensions();
    let output = done(legacy(&database)).await;
    assert!(
        output.contains("poundcake_st2_execution_extensions: not copied: 1 rows: its alert is missing (ids 8)"),
        "{output}"
    );
    assert_eq!(
        database.lines(CALLS),
        [
            &format!(
                "1 {FIRST} POST /api/v1/webhook 202 {{\"user-agent\":\"Alertmanager/0.25\"}} - 10.0.0.9 2026-01-14 12:00:00.000000 {{\"alerts\":[]}}"
            ),
            "2 5e9a7c1e-1111-4222-8333-944455566688   0 {} - - 2026-01-14 13:00:00.000000 ",
            "3 6c656761-6379-8000-8000-000000000003 POST /api/v1/webhook 500 {} - - 2026-01-14 14:00:00.000000 x",
        ]
    );
    let alerts = database.lines(ALERTS);
    assert_eq!(
        alerts[0],
        "10 1 a040726554fc8521 HostDown critical web-1 firing dispatched - 0 2026-01-15 09:00:00.000000 - \
         2026-01-14 12:00:00.000000 2026-01-15 09:01:00.000000 2026-01-15 09:01:00.000000 2026-01-14 12:00:02.000000 - - - 0"
    );
    let recomputed = poundcake::model::ids::Fingerprint::of_labels(
        &[("alertname", "DiskFull"), ("cpu", "3")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    );
    assert_eq!(
        alerts[1],
        format!(
            "11 1 {recomputed} DiskFull   resolved skipped resolved 0 2026-01-14 11:00:00.000000 2026-01-14 11:30:00.000000 \
             2026-01-14 12:00:00.000000 2026-01-14 12:00:00.000000 - - - - - 0"
        )
    );
    assert!(alerts[2].starts_with("12 2     firing dispatched - 0 - - "), "{alerts:?}");
    assert_eq!(alerts.len(), 3);
    let links: Vec<String> = database.lines(LINKS).iter().map(|link| link[..link.len() - 26].to_owned()).collect();
    assert_eq!(
        links,
        [
            format!("5 {FIRST} 10 5f9e8a7b6c5d4e3f2a1b0c9d - - "),
            format!("6 {FIRST} 10 5f9e8a7b6c5d4e3f2a1b0c9e - - "),
            "20 5e9a7c1e-1111-4222-8333-944455566688 12 5f9e8a7b6c5d4e3f2a1b0ca0 - - ".to_owned(),
        ]
    );
    let log =
        database.lines("SELECT JSON_VALUE(dispatch_log, '$[0].detail') AS value FROM poundcake_alerts WHERE id = 11");
    assert_eq!(log, ["from the older installation; fingerprint test123; processing_status failed; error ST2 said no"]);
    assert_eq!(
        database.lines("SELECT labels AS value FROM poundcake_alerts WHERE id = 12"),
        [r#"{"legacy_text":"{broken"}"#]
    );
    let stored = database.lines("SELECT CONCAT_WS(' ', headers, body) AS value FROM poundcake_api_calls").join(" ");
    assert!(!stored.contains("s3cret"), "{stored}");
}

#[tokio::test]
async fn links_of_both_old_tables_are_one_set_and_a_taken_id_becomes_another() {
    let database = old::with_links(4);
    database.execute(
        "CREATE TABLE poundcake_st2_execution_extensions (id INT AUTO_INCREMENT PRIMARY KEY, request_id VARCHAR(36), alert_id INT, \
         st2_execution_id VARCHAR(100), FOREIGN KEY (alert_id) REFERENCES poundcake_alerts (id))",
    );
    database.execute(
        "INSERT INTO poundcake_st2_execution_extensions SELECT id, request_id, alert_id, st2_execution_id FROM poundcake_st2_execution_link \
         WHERE id = 2",
    );
    database.execute("INSERT INTO poundcake_st2_execution_extensions VALUES (4, 'x', 3, 'e3'), (7, '', 3, 'f3')");
    done(legacy(&database)).await;
    let links: Vec<String> =
        database.lines(LINKS).iter().map(|link| link.split(' ').take(4).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        links,
        [
            "2 5e9a7c1e-1111-4222-8333-000000000002 2 555555555555555555555552",
            "4 5e9a7c1e-1111-4222-8333-000000000004 4 555555555555555555555554",
            "7 5e9a7c1e-1111-4222-8333-000000000003 3 f3",
            "8 x 3 e3",
        ]
    );
    assert_eq!(database.count("poundcake_alerts WHERE dispatch_status = 'dispatched'"), 3);
    done(legacy(&database).argument("--drop")).await;
    assert_eq!(
        tables(&database),
        ["__diesel_schema_migrations", "poundcake_alerts", "poundcake_api_calls", "poundcake_st2_execution_link"]
    );
}

/// A pipeline's database, as an older installation left it.
fn back_to_the_old_days(database: &TestDatabase) {
    for table in
        ["poundcake_st2_execution_link", "poundcake_alerts", "poundcake_api_calls", "__diesel_schema_migrations"]
    {
        database.execute(&format!("DROP TABLE {table}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_the_older_system_ran_are_not_run_again_and_new_firings_are() {
    let setup = Setup::new(Shape::Separate).await.routes("routes:\n  - action: core.noop\n");
    back_to_the_old_days(&setup.database);
    old::create_with_links(&setup.database, 4);
    let of = |name: &str, fingerprint: &str, starts_at: &str| {
        let mut alert = firing(name, "x", starts_at);
        alert["fingerprint"] = json!(fingerprint);
        alert
    };
    setup.database.execute("ALTER TABLE poundcake_alerts AUTO_INCREMENT = 900");
    done(legacy(&setup.database)).await;
    let pipeline = setup.start().await;
    assert_eq!(pipeline.st2().executions().len(), 0, "nothing of the old rows is dispatched");
    pipeline
        .send(&[
            of("SameFiring", "0000000000000002", "2026-01-14T12:00:00Z"),
            of("LaterFiring", "0000000000000004", "2026-01-14T12:30:00Z"),
            of("NeverRan", "0000000000000001", "2026-01-14T12:00:00Z"),
        ])
        .await;
    pipeline.settled().await;
    assert_eq!(
        pipeline.statuses("WHERE id > 4 "),
        ["NeverRan dispatched/-", "SameFiring skipped/reopened", "LaterFiring dispatched/-"]
    );
    assert_eq!(
        pipeline.database().count("poundcake_alerts WHERE id > 4 AND id < 900"),
        0,
        "ids go on above the old ones"
    );
    let old = pipeline.statuses("WHERE id <= 4 ");
    assert_eq!(
        old,
        ["skipped/resolved", "dispatched/-", "skipped/resolved", "dispatched/-"].map(|s| format!("HostDown {s}"))
    );
}
