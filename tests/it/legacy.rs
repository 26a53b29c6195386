//! `poundcake migrate legacy`: an older installation's tables, with what years of use leave in them.

mod copied;
mod ids;
mod interrupted;
mod old;
mod refused;

use crate::harness::{Process, TestDatabase};
use poundcake::{
    database::{connect::DatabaseUrl, connection::AnyConnection},
    takeover::{Step, Takeover},
};

fn legacy(database: &TestDatabase) -> Process {
    Process::poundcake("migrate").variable("DATABASE_URL", database.owner_url()).argument("legacy")
}

/// Runs it to its good end and gives what it printed.
async fn done(process: Process) -> String {
    let (status, output, error) = process.run().await;
    assert!(status.success(), "{error}");
    output
}

fn connect(database: &TestDatabase) -> AnyConnection {
    DatabaseUrl::parse(&database.owner_url()).expect("a URL").connect(None).expect("a connection")
}

/// Takes so many steps and then dies.
fn steps(database: &TestDatabase, drop: bool, count: usize) -> Vec<Step> {
    let mut conn = connect(database);
    let mut takeover = Takeover::begin(&mut conn, drop).expect("a takeover");
    let mut taken = Vec::new();
    while taken.len() < count {
        match takeover.step(&mut conn).expect("a step") {
            Some(step) => taken.push(step),
            None => break,
        }
    }
    taken
}

fn tables(database: &TestDatabase) -> Vec<String> {
    let mut names =
        database.lines("SELECT table_name AS value FROM information_schema.tables WHERE table_schema = DATABASE()");
    names.sort();
    names
}

const ALERTS: &str = "SELECT CONCAT_WS(' ', id, api_call_id, fingerprint, alert_name, severity, instance, status, \
     dispatch_status, COALESCE(dispatch_reason, '-'), dispatch_generation, COALESCE(starts_at, '-'), COALESCE(ends_at, '-'), \
     created_at, updated_at, COALESCE(closed_at, '-'), COALESCE(dispatched_at, '-'), COALESCE(open_fingerprint, '-'), \
     COALESCE(opened_by, '-'), COALESCE(next_attempt_at, '-'), dispatch_uncertain) AS value FROM poundcake_alerts ORDER BY id";
const LINKS: &str = "SELECT CONCAT_WS(' ', id, request_id, alert_id, st2_execution_id, COALESCE(st2_rule_ref, '-'), \
     COALESCE(st2_action_ref, '-'), created_at) AS value FROM poundcake_st2_execution_link ORDER BY id";
const CALLS: &str = "SELECT CONCAT_WS(' ', id, request_id, method, path, status_code, headers, COALESCE(client_request_id, '-'), \
     COALESCE(client_address, '-'), created_at, body) AS value FROM poundcake_api_calls WHERE id > 0 ORDER BY id";
