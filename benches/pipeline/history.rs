//! The same load on empty tables and on top of a large history, in turns.

use super::{
    ingest,
    load::Load,
    plan::Plan,
    point::{Place, Points},
    world::{Database, World},
};
use diesel::connection::SimpleConnection;
use std::time::{Duration, Instant};

/// Alerts per webhook of the history.
const GROUP: usize = 10;
/// What is measured: alerts per webhook and concurrency.
pub const SHAPES: [(usize, usize); 2] = [(1, 256), (10, 64)];

/// The names of the points.
pub const EMPTY: &str = "no history";
/// See [`EMPTY`].
pub const FULL: &str = "with history";

/// Makes the history: dispatched alerts of closed episodes with random fingerprints, over the last 90 days.
pub fn fill(world: &World, rows: usize) -> anyhow::Result<Database> {
    let database = world.database("history")?;
    let mut conn = database.connect()?;
    let begun = Instant::now();
    // Secondary indexes are built afterwards, sorted: they end up as full as years of inserts never make them, or fuller.
    conn.batch_execute(
        "ALTER TABLE poundcake_alerts DROP INDEX ix_poundcake_alerts_episodes, DROP INDEX ix_poundcake_alerts_states; \
         SET unique_checks = 0, foreign_key_checks = 0, SESSION sql_mode = ''",
    )?;
    let calls = rows / GROUP;
    for chunk in (0..calls).step_by(20_000) {
        let last = (chunk + 20_000).min(calls);
        conn.batch_execute(&format!(
            "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) \
             SELECT seq, CONCAT('01900000-0000-7000-8000-', LPAD(HEX(seq), 12, '0')), 'POST', '/api/v1/webhook', '{{}}', \
               REPEAT('x', 800), 202, UTC_TIMESTAMP(6) - INTERVAL 90 DAY + INTERVAL seq SECOND FROM seq_{}_to_{last}; \
             INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, \
               status, annotations, starts_at, updated_at, last_seen_at, closed_at, dispatch_status, dispatch_target, \
               dispatch_attempts, pending_at, attempted_at, dispatched_at) \
             SELECT FLOOR((seq - 1) / {GROUP}) + 1, LEFT(MD5(seq), 16), 'HostDown', 'critical', CONCAT('node-', seq), \
               CONCAT('{{\"alertname\":\"HostDown\",\"severity\":\"critical\",\"instance\":\"node-', seq, '\",\"job\":\"', REPEAT('x', 200), '\"}}'), \
               UTC_TIMESTAMP(6) - INTERVAL 90 DAY + INTERVAL seq SECOND, 'firing', '{{}}', '2026-08-01', UTC_TIMESTAMP(6), \
               UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL 1 DAY, 'dispatched', 'action:remediation.host_down_workflow', 1, \
               UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_{}_to_{}",
            chunk + 1,
            chunk * GROUP + 1,
            last * GROUP
        ))?;
    }
    conn.batch_execute(
        "ALTER TABLE poundcake_alerts ADD INDEX ix_poundcake_alerts_episodes (fingerprint, closed_at, created_at), \
         ADD INDEX ix_poundcake_alerts_states (dispatch_status, next_attempt_at, created_at)",
    )?;
    eprintln!("{rows} rows of history in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(database)
}

/// One round: without and with history, first the one and then the other, in turns.
pub fn round(
    world: &World,
    plan: &Plan,
    (empty, full): (&Database, &Database),
    number: usize,
    points: &mut Points,
) -> anyhow::Result<()> {
    let mut order = [(EMPTY, empty), (FULL, full)];
    if number.is_multiple_of(2) {
        order.reverse();
    }
    for (alerts, concurrency) in SHAPES {
        for (name, database) in order {
            empty.truncate()?;
            world.purge_queue()?;
            let child = ingest::ingest(world, database)?;
            let load = Load {
                address: child.address,
                alerts,
                concurrency,
                warm_up: plan.warm_up,
                window: plan.window * 2,
                pace: Duration::ZERO,
            };
            let figures = ingest::measure(world, &child, &load, || ingest::drained(database))?;
            points.add(Place::new(name, alerts, concurrency), figures);
        }
    }
    Ok(())
}
