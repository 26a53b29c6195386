//! `queries/`: the SQL that people have runs verbatim on MariaDB after webhooks went through, wherever the tracker keeps
//! StackStorm's tables: next to ours, next to ours with a prefix, in another database of the server. Where the name differs,
//! the test makes the one change that `queries/README.md` describes: the prefix of `execution_db`.

use crate::harness::{Pipeline, Running, SOON, Setup, Shape, T0, TestDatabase, eventually, firing, resolved};
use diesel::{
    Connection, MysqlConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Text},
};

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

/// Where StackStorm's tables are.
struct Arrangement {
    /// `ST2_DATABASE_URL` and `ST2_TABLE_PREFIX`, where they are set.
    variables: Vec<(&'static str, String)>,
    /// What people write before `execution_db`.
    before: String,
    /// Its database, gone with it.
    theirs: Option<TestDatabase>,
}

fn same_database() -> Arrangement {
    Arrangement { variables: Vec::new(), before: String::new(), theirs: None }
}

fn with_a_prefix() -> Arrangement {
    Arrangement { variables: vec![("ST2_TABLE_PREFIX", "st2_".to_owned())], before: "st2_".to_owned(), theirs: None }
}

fn another_database(ours: &TestDatabase) -> Arrangement {
    let theirs = TestDatabase::mariadb();
    let (TestDatabase::MariaDb { name: their_name, .. }, TestDatabase::MariaDb { name: our_name, .. }) =
        (&theirs, ours)
    else {
        unreachable!()
    };
    theirs.administer(&format!("GRANT SELECT ON {their_name}.* TO {our_name}@'%'"));
    let (variables, before) = (vec![("ST2_DATABASE_URL", theirs.url())], format!("{their_name}."));
    Arrangement { variables, before, theirs: Some(theirs) }
}

/// Two alerts that were dispatched, one that ran into a failing workflow, and a resolve that ran nothing.
async fn pipeline(arrange: impl FnOnce(&TestDatabase) -> Arrangement) -> (Pipeline, Running, Arrangement, String) {
    let mut setup = Setup::new(Shape::Separate).await.routes(ROUTES);
    let arrangement = arrange(&setup.database);
    for (name, value) in &arrangement.variables {
        setup.set(name, value);
    }
    let mut migrate = setup.process("migrate").argument("up");
    if let Some(theirs) = &arrangement.theirs {
        migrate = migrate.variable("ST2_DATABASE_URL", theirs.owner_url());
    }
    let (status, _, error) = migrate.run().await;
    assert!(status.success(), "{error}");
    let pipeline = setup.start().await;
    let tracker = pipeline.start_tracker().await;
    let alerts = [firing("HostDown", "web-1", T0), firing("HostDown", "web-2", T0), firing("DiskFull", "db-1", T0)];
    let request_id = pipeline.send(&alerts).await;
    pipeline.settled().await;
    pipeline.send(&[resolved("HostDown", "web-1", T0, T1)]).await;
    pipeline.settled().await;
    let followed = format!("{}execution_db WHERE tracking = 'done' AND parent IS NULL", arrangement.before);
    eventually("the tracker has followed every execution to its end", SOON, async || {
        match pipeline.database().count(&followed) {
            3 => Ok(()),
            others => Err(others),
        }
    })
    .await;
    (pipeline, tracker, arrangement, request_id)
}

impl Arrangement {
    /// The file as people run it in this arrangement.
    fn file(&self, name: &str) -> String {
        file(name).replace("execution_db", &format!("{}execution_db", self.before))
    }
}

fn file(name: &str) -> String {
    let path = format!("{}/queries/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a query")
}

fn connect(database: &TestDatabase) -> MysqlConnection {
    MysqlConnection::establish(&database.url()).expect("MariaDB")
}

/// Runs every file and looks at its rows.
async fn every_query_finds_what_went_through(arrange: impl FnOnce(&TestDatabase) -> Arrangement) {
    let (pipeline, _tracker, arranged, request_id) = pipeline(arrange).await;
    let mut conn = connect(pipeline.database());

    let sql = arranged.file("history_by_request.sql").replace("abc-123", &request_id);
    let mut stories: Vec<Story> = sql_query(sql).load(&mut conn).expect("history_by_request");
    stories.sort_by(|a, b| a.alert_name.cmp(&b.alert_name));
    assert_eq!(stories.iter().map(|s| s.alert_name.as_str()).collect::<Vec<_>>(), ["DiskFull", "HostDown", "HostDown"]);
    assert!(stories.iter().all(|s| s.request_id == request_id && s.st2_execution_id.is_some()));
    assert_eq!(
        stories.iter().filter_map(|s| s.status.as_deref()).collect::<Vec<_>>(),
        ["failed", "succeeded", "succeeded"]
    );

    let web_1 = pipeline.database().lines("SELECT fingerprint AS value FROM poundcake_alerts WHERE instance = 'web-1'");
    let sql = arranged.file("executions_by_fingerprint.sql").replace("your-alert-fingerprint", &web_1[0]);
    let stories: Vec<Story> = sql_query(sql).load(&mut conn).expect("executions_by_fingerprint");
    let executed = stories.iter().filter(|s| s.st2_execution_id.is_some()).count();
    assert_eq!((stories.len(), executed), (2, 1), "the firing with its execution, the resolve without one");

    let rows: Vec<Remediation> =
        sql_query(arranged.file("remediation_history.sql")).load(&mut conn).expect("remediation_history");
    assert_eq!(rows.len(), 4);
    let failed = rows.iter().find(|row| row.instance == "db-1").expect("the failed one");
    assert_eq!(failed.st2_workflow.as_deref(), Some("remediation.failing_workflow"));
    assert_eq!(failed.execution_status.as_deref(), Some("failed"));
    assert!(failed.duration_sec.is_some());

    let rates: Vec<Rate> =
        sql_query(arranged.file("workflow_success_rates.sql")).load(&mut conn).expect("workflow_success_rates");
    let rates: Vec<_> = rates.iter().map(|rate| (rate.workflow.as_str(), rate.total_executions)).collect();
    assert_eq!(rates, [("remediation.host_down_workflow", 2), ("remediation.failing_workflow", 1)]);

    let days: Vec<Day> =
        sql_query(arranged.file("executions_per_day.sql")).load(&mut conn).expect("executions_per_day");
    assert!(days.iter().map(|day| day.execution_count).sum::<i64>() >= 3, "linked executions and their children");

    let days: Vec<Day> =
        sql_query(arranged.file("remediations_per_day.sql")).load(&mut conn).expect("remediations_per_day");
    assert_eq!(days.iter().map(|day| day.execution_count).sum::<i64>(), 3, "executions without their tasks");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_runs_verbatim_and_finds_what_went_through() {
    every_query_finds_what_went_through(|_| same_database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_runs_with_a_prefix_before_the_tables() {
    every_query_finds_what_went_through(|_| with_a_prefix()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_runs_over_another_database_of_the_server() {
    every_query_finds_what_went_through(another_database).await;
}

#[test]
fn every_file_in_queries_is_run_above() {
    let directory = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/queries")).expect("queries/");
    let names = directory.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    for name in names.filter(|name| name != "README.md") {
        assert!(include_str!("queries.rs").contains(&format!("file(\"{name}\")")), "{name} is not tried");
    }
}
