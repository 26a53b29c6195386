//! The cost of history: what the hot path asks of MariaDB is answered by an index, whatever lies in the tables.
//!
//! The statements are the program's own: its functions run with the general log on, and each statement of the log is
//! explained. Show the plans with `cargo test history_cost -- --nocapture`.

use crate::{
    claims::started,
    harness::{self, Services, TestDatabase, incoming, intake},
};
use chrono::TimeDelta;
use diesel::{Connection, MysqlConnection, QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use poundcake::{
    database::connection::AnyConnection,
    model::{
        alert::IncomingAlert,
        episode::EpisodePolicy,
        guards::{
            GuardPolicy,
            step::{ClaimStep, Routed},
        },
        ids::{AlertId, ApiCallId, Fingerprint},
        plan::Arrival,
        status::{DispatchReason, DispatchStatus},
        target::{ActionRef, Target},
    },
    store::{
        dispatch::{
            admission::{self, GuardedRoute, Request},
            awaiting,
            claim::{self, ClaimPolicy, ClaimRequest},
            due,
            links::Link,
            record::{self, Authority, Record},
        },
        ingest::webhooks::{Batch, Stored},
        operate::prune,
        read::{self, depth},
    },
};
use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

/// Rows of history: alerts of closed episodes that were dispatched.
const ROWS: i64 = 100_000;
/// Of these one alert has so many: it comes and goes every few minutes.
const FLAPS: i64 = 10_000;
/// What one step may read at most; a scan of the history reads [`ROWS`], and of the worst alert's [`FLAPS`].
const READS: i64 = 3_000;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

#[test]
fn every_statement_of_the_hot_path_uses_an_index_and_reads_no_history() {
    let services = Services::private();
    let database = TestDatabase::mariadb_on(Arc::clone(&services));
    let store = database.store(1);
    fill(&database);
    let mut conn = store.connect().expect("a connection");
    for statement in ["SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = ON"] {
        database.administer(statement);
    }
    hot_path(&mut conn);
    database.administer("SET GLOBAL general_log = OFF");
    let statements = logged(&services, &database);
    assert!(statements.len() > 20, "{statements:#?}");
    for statement in statements {
        check_plan(&services, &database, &statement);
    }
}

fn fill(database: &TestDatabase) {
    database.execute(&format!(
        "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) \
         SELECT seq, UUID(), 'POST', '/', '{{}}', '{{}}', 202, '2026-01-01' FROM seq_1_to_{ROWS}"
    ));
    database.execute(&format!(
        "INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, \
           annotations, starts_at, updated_at, last_seen_at, closed_at, dispatch_status, pending_at, dispatched_at) \
         SELECT seq, LEFT(MD5(IF(seq <= {FLAPS}, 4990, seq % 5000)), 16), 'HostDown', 'critical', seq, '{{}}', '2026-01-01', 'firing', '{{}}', '2026-01-01', \
           '2026-01-01', '2026-01-01', '2026-01-01' + INTERVAL seq SECOND, 'dispatched', '2026-01-01', '2026-01-01' \
         FROM seq_1_to_{ROWS}"
    ));
    database.execute(&format!(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, created_at) \
         SELECT UUID(), seq, LPAD(seq, 24, '0'), '2026-01-01' FROM seq_1_to_{ROWS}"
    ));
    // As InnoDB does by itself after a while.
    database.execute("ANALYZE TABLE poundcake_alerts PERSISTENT FOR COLUMNS () INDEXES ()");
}

/// Runs each function once on a few rows; what it reads must not grow with the history.
fn hot_path(conn: &mut AnyConnection) {
    let before = counter(conn, "Handler_read_prev");
    let stored = step(conn, "new firings", |conn| store(conn, true, 1));
    // The newest episode is the first that is found: the next one along the index is another alert's, anywhere in the table.
    assert_eq!(counter(conn, "Handler_read_prev"), before, "rows of others were read");
    step(conn, "repeats", |conn| store(conn, true, 1));
    step(conn, "mark queued", |conn| due::mark_queued(conn, &stored.due).expect("marked"));
    step(conn, "requeue", |conn| due::requeue_all(conn).expect("requeued"));
    for status in [DispatchStatus::Pending, DispatchStatus::Queued] {
        step(conn, "sweep", |conn| due::take(conn, status, 500).expect("swept"));
    }
    step(conn, "leases", |conn| due::expire_leases(conn, 500).expect("expired"));
    step(conn, "depth", |conn| depth::read(conn).expect("read"));
    step(conn, "claim and record", |conn| dispatch(conn, &stored));
    step(conn, "resolver", |conn| awaiting::take(conn, 100).expect("taken"));
    step(conn, "resolved", |conn| store(conn, false, 1));
    step(conn, "a later start", |conn| store(conn, true, 2));
    let request_id = stored.due[0].request_id;
    let call = step(conn, "one request", |conn| read::call(conn, request_id).expect("read").expect("found"));
    let alerts = step(conn, "its alerts", |conn| read::alerts_of_call(conn, call.summary.id).expect("read"));
    step(conn, "its links", |conn| read::links_of_alerts(conn, &[alerts[0].summary.id]).expect("read"));
    let cutoff = harness::hour(0) - TimeDelta::days(300);
    let window = step(conn, "prune: alerts", |conn| prune::alerts(conn, AlertId(0), cutoff).expect("read"));
    step(conn, "prune: links", |conn| prune::count_links(conn, &window.ids).expect("counted"));
    step(conn, "prune: delete", |conn| prune::delete_alerts(conn, &window.ids[..100], cutoff).expect("deleted"));
    let calls =
        step(conn, "prune: calls", |conn| prune::api_calls(conn, ApiCallId(0), cutoff, |_| false).expect("read"));
    step(conn, "prune: delete calls", |conn| prune::delete_api_calls(conn, &calls.ids).expect("deleted"));
}

/// Each statement that is prepared again is one more round trip to the server.
#[test]
fn the_hot_path_prepares_only_what_diesel_cannot_keep() {
    let database = TestDatabase::mariadb();
    let store_of = database.store(1);
    let mut conn = store_of.connect().expect("a connection");
    let conn = &mut conn;
    let once = |conn: &mut AnyConnection, hour| {
        let before = prepared(conn);
        let stored = store(conn, true, hour);
        let between = prepared(conn);
        due::mark_queued(conn, &stored.due).expect("marked");
        dispatch(conn, &stored);
        // Each of these questions is one itself.
        (between - before - 1, prepared(conn) - between - 1)
    };
    let first = once(conn, 1);
    store(conn, false, 1);
    let later = once(conn, 2);
    assert!(first > later, "{first:?} {later:?}");
    // INSERTs of webhooks and alerts, and each fingerprint's name by this test.
    assert_eq!(later, (2 + 20, 0));
}

/// An alert that no guard holds costs no statement more than before there were guards: BEGIN, SELECT, UPDATE and COMMIT for the
/// claims of a batch, BEGIN, UPDATE, INSERT and COMMIT for its records. The cooldown is part of the SELECT.
#[test]
fn on_a_route_without_guards_the_claims_and_the_records_of_a_batch_take_four_statements_each() {
    let database = TestDatabase::mariadb();
    let store_of = database.store(1);
    let mut conn = store_of.connect().expect("a connection");
    let conn = &mut conn;
    let stored = store(conn, true, 1);
    let before = counter(conn, "Questions");
    dispatch(conn, &stored);
    // Each of these questions is one itself.
    assert_eq!(counter(conn, "Questions") - before - 1, 4 + 4);
}

/// Alerts have targets of their own; still one UPDATE takes them into the line, and one out of it.
#[test]
fn a_batch_of_guarded_alerts_takes_no_more_statements_than_one_alert() {
    let database = TestDatabase::mariadb();
    let store_of = database.store(1);
    let mut conn = store_of.connect().expect("a connection");
    let conn = &mut conn;
    let due = store(conn, true, 1).due;
    let mut statements = |due: &[due::Due]| {
        let before = counter(conn, "Questions");
        hold(conn, due);
        let held = counter(conn, "Questions");
        assert_eq!(admit(conn).claimed.len(), due.len());
        (held - before - 1, counter(conn, "Questions") - held - 1)
    };
    let (one, many) = (statements(&due[..1]), statements(&due[1..]));
    assert_eq!(one, many);
    assert_eq!(many.0, 4);
}

fn target() -> Target {
    Target::Action(ActionRef::parse("core.noop").expect("an action"))
}

/// Takes alerts into the line of a route; each has a target of its own.
fn hold(conn: &mut AnyConnection, due: &[due::Due]) {
    let step = |row: claim::Claimable<'_>| ClaimStep::Line {
        routed: Routed { route: "hosts".to_owned(), target: target(), guard_target: Some(row.alert.id.to_string()) },
        reason: DispatchReason::InFlight,
        until: row.now + TimeDelta::hours(6),
        per_target: None,
    };
    let policy = ClaimPolicy { lease: Duration::from_mins(2), step: &step };
    let requests: Vec<ClaimRequest> = due.iter().map(request).collect();
    assert_eq!(claim::claim(conn, &requests, "token", &policy).expect("claimed").held.len(), due.len());
}

fn admit(conn: &mut AnyConnection) -> admission::Admitted {
    let policy = GuardPolicy { max_in_flight: Some(100), ..GuardPolicy::default() };
    let route = GuardedRoute { name: "hosts".to_owned(), policy, cooldown: TimeDelta::minutes(10), target: target() };
    let lease = Duration::from_mins(2);
    let request = Request { routes: &[route], max_in_flight: None, pauses: &[], slots: 32, token: "token", lease };
    admission::admit(conn, &request).expect("admitted")
}

/// A row that grows in a full page costs a rewrite of the page, and in the end a second page.
#[test]
fn a_dispatch_takes_no_more_of_the_table_than_its_alert_brought_along() {
    const ALERTS: i64 = 5_000;
    let database = TestDatabase::mariadb();
    let store = database.store(1);
    database.execute(
        "INSERT INTO poundcake_api_calls (request_id, method, path, headers, body, status_code, created_at) \
         VALUES (UUID(), 'POST', '/', '{}', '{}', 202, '2026-01-01')",
    );
    database.execute(&format!(
        "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, \
           annotations, updated_at, dispatch_status, pending_at, next_attempt_at) \
         SELECT seq, 1, LEFT(MD5(seq), 16), 'HostDown', 'critical', seq, JSON_OBJECT('text', REPEAT('x', 300)), '2026-01-01', \
           'firing', '{{}}', '2026-01-01', 'queued', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 5 MINUTE FROM seq_1_to_{ALERTS}"
    ));
    let before = bytes(&database);
    let mut conn = store.connect().expect("a connection");
    let ids: Vec<i64> = (1..=ALERTS).collect();
    for ids in ids.chunks(100) {
        let request = |id: &i64| ClaimRequest { alert_id: AlertId(*id), generation: 0 };
        run(&mut conn, &ids.iter().map(request).collect::<Vec<_>>());
    }
    assert_eq!(database.count("poundcake_alerts WHERE dispatch_status = 'dispatched' AND room IS NULL"), ALERTS);
    assert_eq!(bytes(&database), before);
}

/// Of the table itself, without its indexes.
fn bytes(database: &TestDatabase) -> i64 {
    database.execute("ANALYZE TABLE poundcake_alerts");
    let lines = database.lines(
        "SELECT CAST(data_length AS CHAR) AS value FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name = 'poundcake_alerts'",
    );
    lines[0].parse().expect("a number")
}

fn prepared(conn: &mut AnyConnection) -> i64 {
    counter(conn, "Com_stmt_prepare")
}

/// A counter of this session.
fn counter(conn: &mut AnyConnection, name: &str) -> i64 {
    let sql = format!(
        "SELECT CAST(VARIABLE_VALUE AS CHAR) AS value FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = '{name}'"
    );
    let lines: Vec<Line> = sql_query(sql).load(conn).expect("the session's status");
    lines[0].value.parse().expect("a number")
}

fn step<T>(conn: &mut AnyConnection, name: &str, body: impl FnOnce(&mut AnyConnection) -> T) -> T {
    let before = reads(conn);
    let value = body(conn);
    let read = reads(conn) - before;
    println!("{name}: {read} reads");
    assert!(read < READS, "{name} reads {read} rows and index entries of {ROWS}");
    value
}

/// What this session has read of tables and indexes so far.
fn reads(conn: &mut AnyConnection) -> i64 {
    let sql = "SELECT CAST(SUM(VARIABLE_VALUE) AS CHAR) AS value FROM information_schema.SESSION_STATUS \
        WHERE VARIABLE_NAME LIKE 'Handler_read%' AND VARIABLE_NAME <> 'HANDLER_READ_RND_DELETED'";
    let lines: Vec<Line> = sql_query(sql).load(conn).expect("the session's status");
    lines[0].value.parse::<f64>().map_or(0, |value| format!("{value:.0}").parse().expect("a number"))
}

/// Twenty alerts, half of which have history.
fn store(conn: &mut AnyConnection, firing: bool, hour: i64) -> Stored {
    let md5 = |n: i64| -> Fingerprint {
        let lines: Vec<Line> =
            sql_query(format!("SELECT LEFT(MD5({n}), 16) AS value")).load(&mut *conn).expect("a hash");
        Fingerprint::parse(&lines[0].value).expect("a fingerprint")
    };
    let fingerprints: Vec<Fingerprint> = (4_990..5_010).map(md5).collect();
    let alert =
        |fingerprint: Fingerprint| Arrival::Alert(IncomingAlert { fingerprint, ..incoming("HostDown", firing, hour) });
    let arrivals = fingerprints.into_iter().map(alert).collect();
    let policy = EpisodePolicy { refire_cooldown: Duration::ZERO, several_sources: false };
    Batch::new(vec![intake(arrivals)]).store(conn, &policy).expect("stored")
}

const fn request(due: &due::Due) -> ClaimRequest {
    ClaimRequest { alert_id: due.alert_id, generation: due.generation }
}

fn dispatch(conn: &mut AnyConnection, stored: &Stored) {
    run(conn, &stored.due.iter().map(request).collect::<Vec<_>>());
}

/// Claims and records all of them.
fn run(conn: &mut AnyConnection, requests: &[ClaimRequest]) {
    let policy = ClaimPolicy { lease: Duration::from_mins(2), step: &started };
    let claimed = claim::claim(conn, requests, "token", &policy).expect("claimed").claimed;
    assert_eq!(claimed.len(), requests.len());
    let record = |claimed: claim::Claimed| Record {
        alert_id: claimed.alert.id,
        request_id: claimed.request_id,
        start: claimed.link_start(),
        authority: Authority::Claim(claimed.token),
        links: vec![Link { execution_id: format!("{:024}", claimed.alert.id), rule_ref: None, action_ref: None }],
        log: None,
    };
    let records: Vec<Record> = claimed.into_iter().map(record).collect();
    let recorded = record::record(conn, &records).expect("recorded");
    assert!(recorded.iter().all(|recorded| *recorded == record::Recorded::Dispatched), "{recorded:?}");
}

/// The statements that the program ran on the tables, each once, with their values.
fn logged(services: &Services, database: &TestDatabase) -> Vec<String> {
    let mut admin = MysqlConnection::establish(services.database.as_str()).expect("the administrator");
    let user = schema(database);
    let sql = format!(
        "SELECT CONVERT(argument USING utf8mb4) AS value FROM mysql.general_log \
         WHERE command_type = 'Execute' AND user_host LIKE '%{user}%' AND argument LIKE '%poundcake\\_%' \
         GROUP BY value ORDER BY MIN(event_time)"
    );
    let lines: Vec<Line> = sql_query(sql).load(&mut admin).expect("the general log");
    lines.into_iter().map(|line| line.value).filter(|statement| !statement.starts_with("INSERT")).collect()
}

fn schema(database: &TestDatabase) -> String {
    database.url().rsplit('/').next().expect("a name").to_owned()
}

/// No table of ours is scanned, nor an index from end to end.
fn check_plan(services: &Services, database: &TestDatabase, statement: &str) {
    let short: String = statement.chars().take(300).collect();
    println!("\n{short}");
    for line in explain(services, &schema(database), statement).lines() {
        println!("  {line}");
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, _, table, kind, _, key, ..] = columns[..] else { panic!("{short}: {line}") };
        // `f` is the list of fingerprints, and NULL a table that needs no look.
        if !["NULL", "f"].contains(&table) && !table.starts_with('<') {
            assert!(kind != "ALL" && kind != "index" && key != "NULL", "{short}: {line}");
            // Along another index it would wait for rows that others have locked.
            assert!(!statement.starts_with("UPDATE") || key == "PRIMARY", "{short}: {line}");
        }
    }
}

/// Through the client: plans do not come back through prepared statements.
fn explain(services: &Services, schema: &str, statement: &str) -> String {
    let url = &services.database;
    let arguments = [
        "--no-defaults".to_owned(),
        "--batch".to_owned(),
        "--skip-column-names".to_owned(),
        format!("--host={}", url.host_str().expect("a host")),
        format!("--port={}", url.port().expect("a port")),
        format!("--user={}", url.username()),
        format!("--password={}", url.password().expect("a password")),
        schema.to_owned(),
    ];
    let mut client = Command::new("mariadb")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("MariaDB's client");
    client.stdin.take().expect("its input").write_all(format!("EXPLAIN {statement}").as_bytes()).expect("written");
    let output = client.wait_with_output().expect("its output");
    assert!(output.status.success(), "EXPLAIN {statement}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
