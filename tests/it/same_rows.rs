//! One set of queries on two databases: the same webhooks leave the same rows, ids and times aside.

use crate::harness::{Pipeline, Shape, TestDatabase, firing, resolved};

const ROUTES: &str = r#"
routes:
  - match: alertname="Gone"
    action: remediation.no_such_action
  - match: alertname=~"HostDown|DiskFull"
    action: remediation.host_down_workflow
  - match: alertname="Rule"
    webhook: poundcake_alert
"#;

fn at(minute: u32) -> String {
    format!("2026-11-22T01:{minute:02}:00.123456Z")
}

/// Firings, repeats within one webhook and over several, resolves, a refire, hostile and broken alerts.
fn webhooks() -> Vec<Vec<serde_json::Value>> {
    let (t0, t1, t2) = (at(0), at(1), at(2));
    let mut hostile = firing("HostDown", "'; DROP TABLE poundcake_alerts; -- {{ 1 }} \u{1F370}", &t0);
    hostile["labels"]["long"] = "x".repeat(10_000).into();
    let broken = serde_json::json!({ "status": "firing", "labels": 7 });
    vec![
        vec![firing("HostDown", "a", &t0), firing("HostDown", "b", &t0), firing("HostDown", "a", &t0)],
        vec![firing("HostDown", "a", &t0), resolved("HostDown", "b", &t0, &t1), firing("HostDown", "b", &t2)],
        vec![firing("Gone", "c", &t0), firing("Nowhere", "d", &t0), firing("Watchdog", "e", &t0)],
        vec![hostile, broken, firing(&"n".repeat(400), "f", &t0), resolved("Never", "g", &t0, &t1)],
        (0..200).map(|n| firing("DiskFull", &format!("disk-{n}"), &t0)).collect(),
        (0..200).rev().map(|n| resolved("DiskFull", &format!("disk-{n}"), &t0, &t1)).collect(),
    ]
}

/// Every column that is no time, no random id and no text of a moment, joined; what must be set and what not is told by `+` and `-`.
fn rows(database: &TestDatabase) -> Vec<String> {
    let columns = "id api_call_id fingerprint alert_name severity instance labels st2_rule_matched status annotations \
                   generator_url open_fingerprint opened_by dispatch_status dispatch_reason dispatch_target \
                   dispatch_generation dispatch_attempts dispatch_uncertain starts_at ends_at";
    let set =
        "closed_at pending_at attempted_at next_attempt_at claimed_by dispatched_at settling_since dispatch_error";
    let value = |column: &str| match (database, column) {
        (TestDatabase::Sqlite { .. }, "starts_at" | "ends_at") => format!("COALESCE(substr({column}, 1, 26), '-')"),
        (_, "starts_at" | "ends_at") => format!("COALESCE(DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f'), '-')"),
        // Ids that a rolled-back check took are not the first.
        (_, "api_call_id") => "(api_call_id - (SELECT MIN(id) FROM poundcake_api_calls WHERE id > 0))".to_owned(),
        _ => format!("COALESCE({column}, '-')"),
    };
    let mut parts: Vec<String> = columns.split_whitespace().map(value).collect();
    parts.extend(set.split_whitespace().map(|c| format!("CASE WHEN {c} IS NULL THEN '-' ELSE '+' END")));
    let joined = match database {
        TestDatabase::Sqlite { .. } => parts.join(" || ' ' || "),
        TestDatabase::MariaDb { .. } => format!("CONCAT_WS(' ', {})", parts.join(", ")),
    };
    database.lines(&format!("SELECT {joined} AS value FROM poundcake_alerts ORDER BY id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_webhooks_leave_the_same_rows_in_both_databases() {
    let mut stories = Vec::new();
    for shape in [Shape::Separate, Shape::Standalone] {
        let pipeline =
            Pipeline::of(shape, |setup| setup.routes(ROUTES).variable("POUNDCAKE_REFIRE_COOLDOWN", "1ms")).await;
        for webhook in webhooks() {
            pipeline.send(&webhook).await;
            pipeline.settled().await;
        }
        let links = pipeline
            .database()
            .lines("SELECT link.st2_action_ref AS value FROM poundcake_st2_execution_link link ORDER BY link.alert_id");
        stories.push((rows(pipeline.database()), links));
    }
    let [(mariadb, mariadb_links), (sqlite, sqlite_links)] = &stories[..] else { panic!("two stories") };
    assert_eq!(mariadb.len(), 413);
    for (ours, theirs) in std::iter::zip(mariadb, sqlite) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(mariadb.len(), sqlite.len());
    assert_eq!(mariadb_links, sqlite_links);
}
