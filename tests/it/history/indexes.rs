//! What the lists read: with an index for each filter, in the order of the list, about as many rows as they show. The states
//! that are under way are the exception: their rows are sorted, out of the index alone.

use super::rows::{REQUEST, nth};
use crate::{
    harness::{TestDatabase, eventually},
    http_api::app::App,
};
use serde_json::Value;
use std::time::Duration;

const ROWS: i64 = 20_000;

/// Webhooks and alerts in numbers: common values and rare ones.
fn many(database: &TestDatabase) {
    let time = "TIMESTAMP'2026-11-01 00:00:00' + INTERVAL seq SECOND";
    database.execute(&format!(
        "INSERT INTO poundcake_api_calls (request_id, method, path, headers, body, status_code, created_at) \
         SELECT CONCAT(LEFT('{REQUEST}', 24), LPAD(HEX(seq), 12, '0')), 'POST', '/', '{{}}', '', IF(seq = 7, 400, 202), {time} \
         FROM seq_1_to_{ROWS}"
    ));
    database.execute(&format!(
        "INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, annotations, \
         created_at, updated_at, status, dispatch_status, dispatch_reason, dispatch_target) \
         SELECT seq, LPAD(HEX(seq % 50), 16, '0'), CONCAT('A', seq % 20), IF(seq % 5000 = 0, 'page', 'info'), \
         CONCAT('db', seq % 100), '{{}}', '{{}}', {time}, {time}, 'firing', IF(seq % 5000 = 1, 'failed', 'skipped'), \
         IF(seq % 5000 = 1, 'rejected', 'repeat'), IF(seq % 5000 = 2, 'action:core.rare', 'action:core.noop') FROM seq_1_to_{ROWS}"
    ));
    database.execute(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at) \
         SELECT 'r', id, CONCAT('e', id), IF(id % 5000 = 2, 'core.rare', 'core.noop'), created_at FROM poundcake_alerts"
    );
    for table in ["poundcake_api_calls", "poundcake_alerts", "poundcake_st2_execution_link"] {
        database.execute(&format!("ANALYZE TABLE {table}"));
    }
}

/// Rows that MariaDB has read from our tables so far.
fn rows_read(database: &TestDatabase) -> i64 {
    let read = database.lines(
        "SELECT CAST(COALESCE(SUM(rows_read), 0) AS CHAR) AS value FROM information_schema.table_statistics \
         WHERE table_schema = DATABASE() AND table_name LIKE 'poundcake%'",
    );
    read[0].parse().unwrap()
}

/// MariaDB with these rows, which counts what is read.
fn counting() -> App {
    let database = TestDatabase::mariadb();
    database.administer("SET GLOBAL userstat = 1");
    let app = App::on(database);
    many(&app.database);
    app
}

/// A page, and how many rows were read for it.
async fn read_page(app: &App, path: &str) -> (Value, i64) {
    let before = rows_read(&app.database);
    let (status, page) = app.get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, 200, "{path}: {page}");
    (page, rows_read(&app.database) - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_filter_reads_much_more_than_it_shows() {
    let app = counting();
    let request = nth(REQUEST, 9);
    let filters = [
        "alerts?limit=10".to_owned(),
        "alerts?limit=10&dispatch_status=failed".to_owned(),
        "alerts?limit=10&dispatch_status=skipped".to_owned(),
        "alerts?limit=10&dispatch_status=pending".to_owned(),
        "alerts?limit=10&reason=rejected".to_owned(),
        "alerts?limit=10&reason=muted".to_owned(),
        "alerts?limit=10&alert_name=A7".to_owned(),
        "alerts?limit=10&alert_name=none".to_owned(),
        "alerts?limit=10&fingerprint=0000000000000007".to_owned(),
        "alerts?limit=10&severity=page".to_owned(),
        "alerts?limit=10&severity=none".to_owned(),
        "alerts?limit=10&instance=db7".to_owned(),
        "alerts?limit=10&target=action:core.rare".to_owned(),
        "alerts?limit=10&status=firing".to_owned(),
        "alerts?limit=10&from=2026-11-01T01:00:00Z&to=2026-11-01T02:00:00Z".to_owned(),
        "alerts?limit=10&severity=page&dispatch_status=failed".to_owned(),
        format!("alerts?limit=10&request_id={request}"),
        "requests?limit=10".to_owned(),
        "requests?limit=10&status_code=400".to_owned(),
        "requests?limit=10&to=2026-11-01T01:00:00Z".to_owned(),
        format!("requests/{request}"),
        "alerts/77".to_owned(),
        "executions?limit=10".to_owned(),
        "executions?limit=10&action=core.rare".to_owned(),
        "executions?limit=10&alert_id=7".to_owned(),
        "executions/e77".to_owned(),
    ];
    let mut counted = 0;
    for path in filters {
        let (page, read) = read_page(&app, &path).await;
        assert!(read <= 120, "{path} has read {read} rows");
        counted += read;
        if let Some(next) = page["next"].as_str() {
            let (_, read) = read_page(&app, &format!("{path}&next={next}")).await;
            assert!(read <= 120, "the next page of {path} has read {read} rows");
        }
    }
    assert!(counted > 200, "MariaDB does not count: {counted}");
}

/// A backlog: every page reads all entries of it in the index, and of the table only what it shows.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_backlog_reads_the_backlogs_index_once() {
    let app = counting();
    app.database.execute(
        "UPDATE poundcake_alerts SET dispatch_status = 'queued', dispatch_reason = NULL, next_attempt_at = UTC_TIMESTAMP(6)",
    );
    app.database.execute("ANALYZE TABLE poundcake_alerts");
    let (page, read) = read_page(&app, "alerts?limit=10&dispatch_status=queued").await;
    assert_eq!(page["alerts"].as_array().unwrap().len(), 10);
    assert!(read <= ROWS + 120, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_takes_too_long_is_ended_and_the_next_one_is_answered() {
    let app = App::on(TestDatabase::mariadb());
    many(&app.database);
    // A lock that is not released in time.
    let mut holder = app.database.administrator();
    diesel::connection::SimpleConnection::batch_execute(&mut holder, "LOCK TABLES poundcake_alerts WRITE").unwrap();
    let (status, problem) = app.get("/api/v1/alerts").await;
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().contains("narrow it with `from` and `to`"), "{problem}");
    drop(holder);
    eventually("alerts are shown again", Duration::from_secs(10), async || match app.get("/api/v1/alerts").await.0 {
        200 => Ok(()),
        status => Err(status),
    })
    .await;
}

/// The page counts each state up to a thousand alerts, from the index of states, however many there are.
#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_the_states_read_a_thousand_entries_of_each_at_most() {
    let app = counting();
    for path in ["/alerts?range=all", "/alerts?from=2026-11-01T00:00:00Z"] {
        // What every page says at its top is read by the first.
        for _ in 0..2 {
            let before = rows_read(&app.database);
            let page = crate::harness::client().get(app.url(path)).send().await.unwrap().text().await.unwrap();
            let read = rows_read(&app.database) - before;
            assert!(page.contains("<b>1000+</b>") && page.contains("<b>4</b>"), "{page}");
            assert!(read <= 1_500, "{path} has read {read} rows");
        }
    }
}
