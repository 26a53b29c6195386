//! `queries/`: the SQL that people have runs verbatim on MariaDB after webhooks went through.
//!
//! `execution_db` is the tracker's; here it is made by hand, in the columns of DESIGN section 8, and filled from the stand-in,
//! so that every file is parsed with our columns and joins find rows.

use crate::harness::{Pipeline, SOON, Setup, Shape, TestDatabase, eventually, firing, resolved};
use diesel::{
    Connection, MysqlConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Text},
};

const T0: &str = "2026-11-22T01:00:00Z";
const T1: &str = "2026-11-22T01:05:00Z";
const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: remediation.host_down_workflow
  - match: alertname="DiskFull"
    action: remediation.failing_workflow
"#;

#[derive(QueryableByName)]
struct Story {
    #[diesel(sql_type = Text)]
    request_id: String,
    #[diesel(sql_type = Text)]
    alert_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    st2_execution_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[diesel(column_name = "status")]
    status: Option<String>,
}

#[derive(QueryableByName)]
struct Remediation {
    #[diesel(sql_type = Text)]
    instance: String,
    #[diesel(sql_type = Nullable<Text>)]
    st2_workflow: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    execution_status: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    duration_sec: Option<i64>,
}

#[derive(QueryableByName)]
struct Rate {
    #[diesel(sql_type = Text)]
    workflow: String,
    #[diesel(sql_type = BigInt)]
    total_executions: i64,
}

#[derive(QueryableByName)]
struct Day {
    #[diesel(sql_type = BigInt)]
    execution_count: i64,
}

/// Two alerts that were dispatched, one that ran into a failing workflow, and a resolve that ran nothing.
async fn pipeline() -> (Pipeline, String) {
    let pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start().await;
    let alerts = [firing("HostDown", "web-1", T0), firing("HostDown", "web-2", T0), firing("DiskFull", "db-1", T0)];
    let request_id = pipeline.send(&alerts).await;
    pipeline.settled().await;
    pipeline.send(&[resolved("HostDown", "web-1", T0, T1)]).await;
    pipeline.settled().await;
    eventually("every execution has ended", SOON, async || {
        let open: Vec<_> =
            pipeline.st2().executions().into_iter().filter(|e| e.document["end_timestamp"].is_null()).collect();
        if open.is_empty() { Ok(()) } else { Err(open.len()) }
    })
    .await;
    fill_execution_db(&pipeline);
    (pipeline, request_id)
}

fn fill_execution_db(pipeline: &Pipeline) {
    for execution in pipeline.st2().executions() {
        let text = |value: &serde_json::Value| value.as_str().expect("a text").trim_end_matches('Z').replace('T', " ");
        let document = &execution.document;
        pipeline.database().execute(&format!(
            "INSERT INTO execution_db (id, action, status, result, start_timestamp, end_timestamp) \
             VALUES ('{}', '{}', '{}', '{{}}', '{}', '{}')",
            execution.id,
            text(&document["action"]["ref"]),
            text(&document["status"]),
            text(&document["start_timestamp"]),
            text(&document["end_timestamp"]),
        ));
    }
}

fn file(name: &str) -> String {
    let path = format!("{}/queries/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a query")
}

fn connect(database: &TestDatabase) -> MysqlConnection {
    MysqlConnection::establish(&database.url()).expect("MariaDB")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_runs_verbatim_and_finds_what_went_through() {
    let (pipeline, request_id) = pipeline().await;
    let mut conn = connect(pipeline.database());

    let sql = file("history_by_request.sql").replace("abc-123", &request_id);
    let mut stories: Vec<Story> = sql_query(sql).load(&mut conn).expect("history_by_request");
    stories.sort_by(|a, b| a.alert_name.cmp(&b.alert_name));
    assert_eq!(stories.iter().map(|s| s.alert_name.as_str()).collect::<Vec<_>>(), ["DiskFull", "HostDown", "HostDown"]);
    assert!(stories.iter().all(|s| s.request_id == request_id && s.st2_execution_id.is_some()));
    assert_eq!(
        stories.iter().filter_map(|s| s.status.as_deref()).collect::<Vec<_>>(),
        ["failed", "succeeded", "succeeded"]
    );

    let web_1 = pipeline.database().lines("SELECT fingerprint AS value FROM poundcake_alerts WHERE instance = 'web-1'");
    let sql = file("executions_by_fingerprint.sql").replace("your-alert-fingerprint", &web_1[0]);
    let stories: Vec<Story> = sql_query(sql).load(&mut conn).expect("executions_by_fingerprint");
    let executed = stories.iter().filter(|s| s.st2_execution_id.is_some()).count();
    assert_eq!((stories.len(), executed), (2, 1), "the firing with its execution, the resolve without one");

    let rows: Vec<Remediation> =
        sql_query(file("remediation_history.sql")).load(&mut conn).expect("remediation_history");
    assert_eq!(rows.len(), 4);
    let failed = rows.iter().find(|row| row.instance == "db-1").expect("the failed one");
    assert_eq!(failed.st2_workflow.as_deref(), Some("remediation.failing_workflow"));
    assert_eq!(failed.execution_status.as_deref(), Some("failed"));
    assert!(failed.duration_sec.is_some());

    let rates: Vec<Rate> =
        sql_query(file("workflow_success_rates.sql")).load(&mut conn).expect("workflow_success_rates");
    let rates: Vec<_> = rates.iter().map(|rate| (rate.workflow.as_str(), rate.total_executions)).collect();
    assert_eq!(rates, [("remediation.host_down_workflow", 2), ("remediation.failing_workflow", 1)]);

    let days: Vec<Day> = sql_query(file("executions_per_day.sql")).load(&mut conn).expect("executions_per_day");
    assert!(days.iter().map(|day| day.execution_count).sum::<i64>() >= 3, "linked executions and their children");
}

#[test]
fn every_file_in_queries_is_run_above() {
    let directory = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/queries")).expect("queries/");
    let names = directory.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    for name in names.filter(|name| name != "README.md") {
        assert!(include_str!("queries.rs").contains(&format!("file(\"{name}\")")), "{name} is not tried");
    }
}
