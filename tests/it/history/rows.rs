//! Rows made by SQL: webhooks, alerts, links and executions at known times.

use crate::harness::TestDatabase;
use poundcake::{
    database::{Database, connect::DatabaseUrl},
    st2_tables::{TablePrefix, schema},
};

/// The first webhook's id; the others end in 2, 3, …
pub const REQUEST: &str = "01890a5d-ac96-774b-bcce-000000000001";
/// An execution's id.
pub const EXECUTION: &str = "6b0264acac6a4b12e50e0000";

/// The n-th of a kind of id that ends in four hex digits.
pub fn nth(id: &str, n: usize) -> String {
    format!("{}{n:04x}", &id[..id.len() - 4])
}

/// Ten webhooks with an alert each, a second apart, ids from 1; the alerts of 4 and 5 share a time. Odd ones were
/// dispatched, the others are repeats; 10 has failed.
pub fn fill(database: &TestDatabase) {
    for n in 1..=10_usize {
        let time = format!("2026-11-20 10:00:{:02}", if n == 5 { 4 } else { n });
        let (status, reason, target) = match n {
            10 => ("failed", "'rejected'", "'webhook:poundcake_alert'"),
            n if n % 2 == 0 => ("skipped", "'repeat'", "NULL"),
            _ => ("dispatched", "NULL", "'action:core.noop'"),
        };
        database.execute(&format!(
            "INSERT INTO poundcake_api_calls (request_id, method, path, headers, body, status_code, created_at) VALUES \
             ('{}', 'POST', '/api/v1/webhook', '{{\"user-agent\":\"am\"}}', 'the body', 202, '{time}')",
            nth(REQUEST, n)
        ));
        database.execute(&format!(
            "INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, annotations, \
             created_at, updated_at, status, dispatch_status, dispatch_reason, dispatch_target, dispatch_attempts, \
             attempted_at, dispatched_at) SELECT id, '{:016x}', 'A{}', 'page', 'db{n}', '{{}}', '{{}}', '{time}', '{time}', \
             'firing', '{status}', {reason}, {target}, 1, '{time}.250000', {} FROM poundcake_api_calls WHERE request_id = '{}'",
            n % 3,
            n % 2,
            if status == "dispatched" { format!("'{time}.500000'") } else { "NULL".to_owned() },
            nth(REQUEST, n)
        ));
        if status == "dispatched" {
            link(database, n, &nth(EXECUTION, n));
        }
    }
}

/// A link of the n-th alert.
pub fn link(database: &TestDatabase, n: usize, execution: &str) {
    database.execute(&format!(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at) \
         SELECT '{}', id, '{execution}', 'core.noop', created_at FROM poundcake_alerts WHERE instance = 'db{n}'",
        nth(REQUEST, n)
    ));
}

/// StackStorm's tables, with the executions of alerts 1 to 7: 3 has failed, 7 runs, 1 has a task.
pub fn fill_executions(database: &TestDatabase) {
    let store = Database::new(DatabaseUrl::parse(&database.owner_url()).unwrap(), 1);
    store.run_blocking(|conn| schema::up(conn, &TablePrefix::default())).unwrap();
    for n in [1, 3, 5, 7] {
        let (status, end) = match n {
            3 => ("failed", "'2026-11-20 10:01:03'"),
            7 => ("running", "NULL"),
            5 => ("succeeded", "'2026-11-20 10:00:15'"),
            _ => ("succeeded", "'2026-11-20 10:00:11'"),
        };
        execution(
            database,
            &nth(EXECUTION, n),
            "core.noop",
            status,
            (&format!("'2026-11-20 10:00:0{n}'"), end),
            "NULL",
        );
    }
    let task = nth(EXECUTION, 0xffff);
    let parent = format!("'{}'", nth(EXECUTION, 1));
    execution(database, &task, "core.task", "succeeded", ("'2026-11-20 10:00:02'", "'2026-11-20 10:00:03'"), &parent);
}

fn execution(database: &TestDatabase, id: &str, action: &str, status: &str, times: (&str, &str), parent: &str) {
    let (start, end) = times;
    database.execute(&format!(
        "INSERT INTO execution_db (id, action, parameters, status, result, start_timestamp, end_timestamp, parent, context, \
         tracking) VALUES ('{id}', '{action}', '{{\"a\":1}}', '{status}', '{{\"output\":\"done\"}}', {start}, {end}, \
         {parent}, '{{}}', 'done')"
    ));
}
