//! A bad night as rows: alerts of the last day in every state, executions, a storm, approvals, a pause. For pages that people
//! look at.

use crate::harness::TestDatabase;
use chrono::{DateTime, TimeDelta, Utc};
use poundcake::{
    database::{Database, connect::DatabaseUrl},
    st2_tables::{TablePrefix, schema},
};
use serde_json::json;

/// Alert text that wants to be more than text.
pub const HOSTILE: &str = "<script>window.hacked = 1</script><img src=x onerror=\"window.hacked = 2\">";

/// The routes of this night.
pub const ROUTES: &str = r#"
guards: {max_in_flight: 100}
routes:
  - name: hosts
    match: alertname="HostDown", severity=~"critical|page"
    action: remediation.host_down_workflow
    priority: 10
    guards: {max_in_flight: 5, rate: [20/h], per_target: {label: instance, rate: [3/h]}, brake: {above: 20, within: 10m}}
  - name: disks
    match: alertname=~"Disk.*"
    action: remediation.disk_cleanup
    guards: {max_in_flight: 10, cooldown: 10m}
  - name: databases
    match: alertname=~"Mariadb.*|Galera.*"
    action: remediation.galera_rejoin
    mode: approve
    priority: 20
    guards: {max_in_flight: 1, rate: [6/d]}
  - name: cooling
    match: alertname="TempHigh"
    action: remediation.fan_boost
    mode: shadow
  - name: network
    match: alertname="LinkFlapping"
    webhook: poundcake_alert
"#;

/// `name, instance, state, route, action, minutes ago, end of the execution`.
type Story = (&'static str, &'static str, &'static str, &'static str, &'static str, i64, &'static str);

const STORIES: [Story; 24] = [
    ("HostDown", "web-22.example.net", "held/rate", "hosts", "", 1, ""),
    ("HostDown", "web-23.example.net", "held/rate", "hosts", "", 1, ""),
    ("DiskFilling", "files-2.example.net", "dispatching", "disks", "", 1, ""),
    ("LinkFlapping", "sw-b7.example.net", "awaiting_execution", "network", "", 2, ""),
    ("HostDown", "web-14.example.net", "dispatched", "hosts", "remediation.host_down_workflow", 3, "succeeded"),
    ("HostDown", "web-14.example.net", "skipped/repeat", "", "", 3, ""),
    ("KubeNodeNotReady", "node-31.example.net", "held/cooldown", "nodes", "", 5, ""),
    ("DiskFilling", "db-7.example.net", "pending", "disks", "", 1, ""),
    ("KubeNodeNotReady", "node-31.example.net", "skipped/resolved", "", "", 6, ""),
    ("KubeNodeNotReady", "node-31.example.net", "dispatched", "nodes", "remediation.node_drain", 8, "succeeded"),
    ("MariadbReplicaBroken", "db-4.example.net", "held/approval", "databases", "", 9, ""),
    ("GaleraNodeLeft", "db-9.example.net", "failed/rejected", "databases", "", 12, ""),
    ("BackupLate", "backup-1.example.net", "skipped/no_route", "", "", 15, ""),
    ("HostDown", "edge-1-0412.example.net", "skipped/resolved_before_dispatch", "hosts", "", 18, ""),
    ("TempHigh", "rack-c4.example.net", "skipped/shadow", "cooling", "", 21, ""),
    ("DiskFilling", "build-9.example.net", "dispatched", "disks", "remediation.disk_cleanup", 25, "succeeded"),
    ("HostDown", "web-41.example.net", "dispatched", "hosts", "remediation.host_down_workflow", 27, "running"),
    ("MariadbReplicaBroken", "db-3.example.net", "held/approval", "databases", "", 30, ""),
    ("LinkFlapping", "sw-a2.example.net", "dispatched", "network", "remediation.link_reset", 40, "succeeded"),
    ("HostDown", "db-7.example.net", "dispatched", "hosts", "remediation.host_down_workflow", 70, "failed"),
    ("DiskFilling", "build-9.example.net", "dispatched", "disks", "remediation.disk_cleanup", 200, "timeout"),
    ("HostDown", "web-3.example.net", "failed/expired", "hosts", "", 520, ""),
    ("HostDown", "web-4.example.net", "failed/attempts_exhausted", "hosts", "", 700, ""),
    ("GaleraNodeLeft", "db-12.example.net", "skipped/not_approved", "databases", "", 900, ""),
];

/// Alerts of the past week, so that charts have something to show.
const PAST: i64 = 160;

/// Fills an empty schema.
pub fn fill(database: &TestDatabase) {
    let store = Database::new(DatabaseUrl::parse(&database.url()).unwrap(), 1);
    store.run_blocking(|conn| schema::up(conn, &TablePrefix::default())).unwrap();
    for (index, story) in STORIES.iter().enumerate() {
        tell(database, i64::try_from(index).unwrap() + PAST + 1, *story);
    }
    for n in 1..=PAST {
        let ended = if n % 11 == 0 { "failed" } else { "succeeded" };
        let (name, route, action) = match n % 3 {
            0 => ("HostDown", "hosts", "remediation.host_down_workflow"),
            1 => ("DiskFilling", "disks", "remediation.disk_cleanup"),
            _ => ("KubeNodeNotReady", "nodes", "remediation.node_drain"),
        };
        tell(database, n, (name, "web-9.example.net", "dispatched", route, action, 30 + (PAST - n) * 55, ended));
    }
    hostile(database);
    processes(database);
}

fn sql(at: DateTime<Utc>) -> String {
    at.format("'%Y-%m-%d %H:%M:%S%.6f'").to_string()
}

fn tell(database: &TestDatabase, n: i64, (name, instance, state, route, action, ago, ended): Story) {
    let at = Utc::now() - TimeDelta::minutes(ago);
    let request = format!("01890a5d-ac96-774b-bcce-{n:012x}");
    let labels = json!({ "alertname": name, "instance": instance, "severity": "critical", "team": "platform" });
    let annotations =
        json!({ "summary": format!("{name} on {instance}"), "runbook_url": "https://runbooks.example.net/host" });
    let body = json!({ "version": "4", "status": "firing", "alerts": [{ "status": "firing", "labels": labels, "annotations": annotations }] });
    database.execute(&format!(
        "INSERT INTO poundcake_api_calls (request_id, method, path, headers, body, status_code, created_at, client_address) VALUES \
         ('{request}', 'POST', '/api/v1/webhook', '{{\"user-agent\":\"Alertmanager/0.34.0\"}}', '{body}', 202, {}, '192.0.2.7')",
        sql(at)
    ));
    let (status, reason) =
        state.split_once('/').map_or((state, "NULL".to_owned()), |(status, reason)| (status, format!("'{reason}'")));
    let is_final = matches!(status, "failed" | "skipped" | "dispatched");
    let due = if is_final { "NULL".to_owned() } else { sql(Utc::now() + TimeDelta::minutes(25)) };
    let error = match state {
        "failed/rejected" => "'StackStorm refused: sst_method \"auto\" is not one of the allowed values'",
        "failed/attempts_exhausted" => "'8 attempts failed; the last: 503 Service Unavailable'",
        _ => "NULL",
    };
    let text = |text: &str| if text.is_empty() { "NULL".to_owned() } else { format!("'{text}'") };
    let target = if action.is_empty() { "NULL".to_owned() } else { format!("'action:{action}'") };
    let started = if status == "dispatched" || status == "dispatching" { sql(at) } else { "NULL".to_owned() };
    let log = log(state, at);
    let status_of_alert = if state == "skipped/resolved" { "resolved" } else { "firing" };
    database.execute(&format!(
        "INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, annotations, created_at, \
         updated_at, starts_at, status, dispatch_status, dispatch_reason, dispatch_target, dispatch_attempts, dispatch_error, dispatch_log, \
         pending_at, attempted_at, dispatched_at, next_attempt_at, dispatch_route, guard_target, started_at, first_started_at) SELECT id, \
         '{:016x}', '{name}', 'critical', '{instance}', '{labels}', '{annotations}', {at}, {at}, {at}, '{status_of_alert}', '{status}', {reason}, \
         {target}, {attempts}, {error}, {log}, {at}, {attempted}, {dispatched}, {due}, {route}, '{instance}', {started}, {started} \
         FROM poundcake_api_calls WHERE request_id = '{request}'",
        fingerprint(name, instance),
        at = sql(at),
        attempts = i32::from(status != "skipped"),
        attempted = if is_final && status != "skipped" { sql(at + TimeDelta::milliseconds(126)) } else { "NULL".to_owned() },
        dispatched = if status == "dispatched" { sql(at + TimeDelta::milliseconds(540)) } else { "NULL".to_owned() },
        route = text(route),
    ));
    if !ended.is_empty() {
        execution(database, n, &request, (route, instance, action), at, ended);
    }
}

fn fingerprint(name: &str, instance: &str) -> u64 {
    name.bytes().chain(instance.bytes()).fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

fn log(state: &str, at: DateTime<Utc>) -> String {
    let after = |seconds: i64| (at + TimeDelta::seconds(seconds)).to_rfc3339();
    let log = match state {
        "held/approval" => {
            json!([{ "at": after(1), "event": "shown", "detail": "action:remediation.galera_rejoin", "digest": "5f1c0a",
            "parameters": { "instance": "db-3.example.net", "cluster": "db-core", "sst_method": "mariabackup", "sst_auth": "********" } }])
        }
        "failed/attempts_exhausted" => {
            json!([{ "at": after(36), "event": "attempt_failed", "detail": "503 Service Unavailable" },
            { "at": after(72), "event": "attempt_failed", "detail": "no answer within 35 s" }])
        }
        _ => return "NULL".to_owned(),
    };
    format!("'{log}'")
}

fn execution(
    database: &TestDatabase,
    n: i64,
    request: &str,
    (route, instance, action): (&str, &str, &str),
    at: DateTime<Utc>,
    ended: &str,
) {
    let id = format!("6b0264acac6a4b12{n:08x}");
    let start = at + TimeDelta::milliseconds(600);
    let end = start + TimeDelta::seconds(20 + n * 7 % 90);
    let is_over = ended != "running";
    let end = if is_over { sql(end) } else { "NULL".to_owned() };
    let word = if is_over { format!("'{ended}'") } else { "NULL".to_owned() };
    database.execute(&format!(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at, fingerprint, route, \
         guard_target, started_at, ended_at, end_status) SELECT '{request}', a.id, '{id}', '{action}', {start}, a.fingerprint, '{route}', \
         '{instance}', {start}, {end}, {word} FROM poundcake_alerts a JOIN poundcake_api_calls c ON c.id = a.api_call_id \
         WHERE c.request_id = '{request}'",
        start = sql(start)
    ));
    let parameters = json!({ "instance": instance, "severity": "critical" });
    let result = json!({ "output": null, "errors": if ended == "failed" { json!([{ "task_id": "reset_power", "message": "no answer from pdu-c4 within 60 s" }]) } else { json!([]) } });
    database.execute(&format!(
        "INSERT INTO execution_db (id, action, parameters, status, result, start_timestamp, end_timestamp, parent, context, tracking) VALUES \
         ('{id}', '{action}', '{parameters}', '{ended}', '{result}', {}, {end}, NULL, '{{}}', '{}')",
        sql(start),
        if is_over { "done" } else { "following" }
    ));
}

/// One alert whose text is an attack; it is the newest.
fn hostile(database: &TestDatabase) {
    let text = HOSTILE.replace('\'', "''");
    database.execute(&format!(
        "UPDATE poundcake_alerts SET alert_name = '{text}', instance = '{text}', severity = '{text}', labels = '{}', annotations = '{}' \
         WHERE dispatch_reason = 'no_route'",
        json!({ "alertname": HOSTILE, "instance": HOSTILE, "x": HOSTILE }),
        json!({ "summary": HOSTILE, "runbook_url": "javascript:alert(1)" })
    ));
}

/// What four processes tell of themselves; seen in the future, so that they do not become stale while people look.
fn processes(database: &TestDatabase) {
    let routes = json!({ "digest": "5f1c0a5f1c0a5f1c", "invalid": false });
    let told = [
        ("ingest", json!({ "rabbitmq": "connected", "database_node": "db-core-1:3306" })),
        ("dispatcher", json!({ "rabbitmq": "connected", "circuit": "closed", "routes": routes })),
        ("dispatcher", json!({ "rabbitmq": "connected", "circuit": "closed", "routes": routes })),
        (
            "tracker",
            json!({ "tracker": { "stream_connected": true, "following": 3, "lag_seconds": 0.8, "answered_seconds_ago": 4 } }),
        ),
    ];
    for (n, (role, facts)) in (10..).zip(told) {
        database.execute(&format!(
            "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, operator, created_at) VALUES \
             (-{n}, 'process-{n}', 'PROCESS', '/{role}/host-{n}.{n}', '{{}}', '{facts}', 0, 'poundcake', {})",
            sql(Utc::now() + TimeDelta::hours(1))
        ));
    }
}
