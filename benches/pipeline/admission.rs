//! How fast guards let alerts start: three dispatchers' admissions on one route's line, at two sizes of the backlog. Every
//! execution ends at once, so the database is what limits; the calls to StackStorm are left out. And ingest beside them.

use super::{
    ingest,
    load::Load,
    plan::Plan,
    point::{Figures, Place, Points},
    stats,
    world::{Database, World},
};
use diesel::connection::SimpleConnection;
use poundcake::{
    database::{self, connect::DatabaseUrl, connection::AnyConnection},
    model::{
        guards::GuardPolicy,
        ids::RequestId,
        target::{ActionRef, Target},
    },
    store::dispatch::{
        admission::{self, GuardedRoute, Request},
        claim::Claimed,
        links::Link,
        places,
        record::{self, Authority, Record},
    },
};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// The name of the points; their concurrency is the backlog.
pub const SYSTEM: &str = "admission, 3 dispatchers";
/// Ingest alone and beside an admission, on the same backlog.
pub const ALONE: &str = "ingest, held rows";
/// See [`ALONE`].
pub const NEXT_TO_ADMISSION: &str = "ingest next to 1,000 starts/s";
/// The same at half the rate that ingest takes alone: the processors are not the limit, so what is left is waiting for each other.
pub const HALF_ALONE: &str = "ingest at half its rate, held rows";
/// See [`HALF_ALONE`].
pub const HALF_NEXT_TO_ADMISSION: &str = "ingest at half its rate next to 1,000 starts/s";
/// Alerts of a webhook, and webhooks at once.
pub const SHAPE: (usize, usize) = (10, 16);
/// Rows that are held.
pub const BACKLOGS: [usize; 2] = [50_000, 500_000];
const DISPATCHERS: usize = 3;
/// `max_in_flight` of the route.
const PLACES: u32 = 50;
/// Starts of one admission at most: the calls that a dispatcher with the default concurrency spares for it.
const SLOTS: usize = 16;
/// Starts per second beside ingest.
const PACE: f64 = 1_000.0;

/// One round.
pub fn round(world: &World, plan: &Plan, database: &Database, points: &mut Points) -> anyhow::Result<()> {
    for backlog in BACKLOGS {
        fill(world, database, backlog)?;
        let (stop, started) = (AtomicBool::new(false), AtomicUsize::new(0));
        let begun = Instant::now();
        dispatchers(database, f64::INFINITY, (&stop, &started), || {
            std::thread::sleep(plan.window * 3);
            Ok(())
        })?;
        let rate = stats::float(started.load(Ordering::Relaxed)) / begun.elapsed().as_secs_f64();
        points.add(Place::new(SYSTEM, 1, backlog), Figures::from([("alerts_s".to_owned(), rate)]));
    }
    let place = |system| Place::new(system, SHAPE.0, SHAPE.1);
    let alone = alone(world, plan, database, Duration::ZERO)?;
    let half = Duration::from_secs_f64(2.0 * stats::float(SHAPE.1) / alone["webhooks_s"]);
    points.add(place(ALONE), alone);
    points.add(place(NEXT_TO_ADMISSION), next_to_admission(world, plan, database, Duration::ZERO)?);
    points.add(place(HALF_ALONE), self::alone(world, plan, database, half)?);
    points.add(place(HALF_NEXT_TO_ADMISSION), next_to_admission(world, plan, database, half)?);
    Ok(())
}

fn alone(world: &World, plan: &Plan, database: &Database, pace: Duration) -> anyhow::Result<Figures> {
    fill(world, database, BACKLOGS[0])?;
    webhooks(world, plan, database, pace)
}

fn next_to_admission(world: &World, plan: &Plan, database: &Database, pace: Duration) -> anyhow::Result<Figures> {
    fill(world, database, BACKLOGS[0])?;
    let (stop, started) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut figures, begun) = (Figures::new(), Instant::now());
    dispatchers(database, PACE, (&stop, &started), || {
        figures = webhooks(world, plan, database, pace)?;
        Ok(())
    })?;
    figures
        .insert("starts_s".to_owned(), stats::float(started.load(Ordering::Relaxed)) / begun.elapsed().as_secs_f64());
    Ok(figures)
}

/// Rows in the line of one route, and the guard row, which emptying the tables takes away.
fn fill(world: &World, database: &Database, count: usize) -> anyhow::Result<()> {
    ingest::reset(world, database)?;
    let request = RequestId::generate();
    database.connect()?.batch_execute(&format!(
        "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, operator, created_at) VALUES \
         (-1, '00000000-0000-0000-0000-000000000000', 'GUARD', '/guards', '{{}}', '{{}}', 0, 'poundcake', UTC_TIMESTAMP(6)), \
         (1, '{request}', 'POST', '/api/v1/webhook', '{{}}', '{{}}', 202, NULL, UTC_TIMESTAMP(6)); \
         INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, status, \
           annotations, updated_at, dispatch_status, dispatch_reason, dispatch_route, dispatch_target, guard_target, pending_at, \
           next_attempt_at) \
         SELECT 1, LEFT(MD5(seq), 16), 'HostDown', 'critical', seq, JSON_OBJECT('instance', CAST(seq AS CHAR), 'text', REPEAT('x', 300)), \
           UTC_TIMESTAMP(6), 'firing', '{{}}', UTC_TIMESTAMP(6), 'held', 'in_flight', 'hosts', 'action:core.noop', seq, \
           UTC_TIMESTAMP(6) - INTERVAL {count} SECOND + INTERVAL seq SECOND, UTC_TIMESTAMP(6) + INTERVAL 6 HOUR \
         FROM seq_1_to_{count}"
    ))?;
    Ok(())
}

/// Runs the admissions of three dispatchers while `body` runs.
fn dispatchers(
    database: &Database,
    pace: f64,
    (stop, started): (&AtomicBool, &AtomicUsize),
    body: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let threads: Vec<_> = (0..DISPATCHERS)
            .map(|_| {
                scope.spawn(move || -> anyhow::Result<()> {
                    let store = database::Database::new(DatabaseUrl::parse(&database.url)?, 1);
                    let mut conn = store.connect()?;
                    while !stop.load(Ordering::Relaxed) {
                        if stats::float(started.load(Ordering::Relaxed)) > pace * begun.elapsed().as_secs_f64() {
                            std::thread::sleep(Duration::from_millis(2));
                            continue;
                        }
                        started.fetch_add(once(&mut conn)?, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        let done = body();
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_panic| anyhow::anyhow!("an admission failed"))??;
        }
        done
    })
}

/// One admission with the records and the ends of what it started.
fn once(conn: &mut AnyConnection) -> anyhow::Result<usize> {
    let route = GuardedRoute {
        name: "hosts".to_owned(),
        policy: GuardPolicy { max_in_flight: Some(PLACES), ..GuardPolicy::default() },
        cooldown: chrono::TimeDelta::minutes(10),
        target: Target::Action(ActionRef::parse("core.noop").map_err(|error| anyhow::anyhow!("{error}"))?),
    };
    let token = uuid::Uuid::new_v4().to_string();
    let lease = Duration::from_mins(2);
    let request = Request { routes: &[route], max_in_flight: None, pauses: &[], slots: SLOTS, token: &token, lease };
    let claimed = admission::admit(conn, &request)?.claimed;
    let records: Vec<Record> = claimed.iter().map(recorded).collect();
    record::record(conn, &records)?;
    let ends: Vec<(String, String)> = records
        .iter()
        .flat_map(|record| &record.links)
        .map(|link| (link.execution_id.clone(), "succeeded".to_owned()))
        .collect();
    places::end(conn, &ends)?;
    Ok(claimed.len())
}

/// What is written when StackStorm runs it.
pub fn recorded(claimed: &Claimed) -> Record {
    Record {
        alert_id: claimed.alert.id,
        request_id: claimed.request_id,
        start: claimed.link_start(),
        authority: Authority::Claim(claimed.token.clone()),
        links: vec![Link { execution_id: format!("{:024}", claimed.alert.id), rule_ref: None, action_ref: None }],
        log: None,
    }
}

fn webhooks(world: &World, plan: &Plan, database: &Database, pace: Duration) -> anyhow::Result<Figures> {
    let ingest = ingest::ingest(world, database)?;
    let load = Load {
        address: ingest.address,
        alerts: SHAPE.0,
        concurrency: SHAPE.1,
        warm_up: plan.warm_up,
        window: plan.window * 3,
        pace,
    };
    ingest::measure(world, &ingest, &load, || Ok(()))
}
