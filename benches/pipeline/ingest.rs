//! Webhooks in: the limit, the plain way, PoundCake, and `standalone`, at each size and concurrency.

use super::{
    child::{Child, Program},
    limit,
    load::{Answers, Load},
    plan::Plan,
    point::{Figures, Place, Points},
    stackstorm, stats,
    usage::Usage,
    world::{Database, World},
};
use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};
use std::time::{Duration, Instant};

/// After the last webhook, what is not `queued` by then is a fault.
const DRAIN: Duration = Duration::from_mins(1);

/// Lets PoundCake declare the queue that everybody uses.
pub fn declare_queue(world: &World, database: &Database) -> anyhow::Result<()> {
    let _ingest = ingest(world, database)?;
    let deadline = Instant::now() + DRAIN;
    while !world.has_queue() {
        anyhow::ensure!(Instant::now() < deadline, "ingest declares no queue");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// One round of everything.
pub fn round(world: &World, plan: &Plan, database: &Database, points: &mut Points) -> anyhow::Result<()> {
    for &alerts in &plan.sizes {
        if plan.wants("ingest") || plan.wants("limit") {
            points.add(Place::new("limit", alerts, 0), limit(world, plan, database, alerts)?);
        }
        for &concurrency in &plan.concurrencies {
            for system in ["plain", "poundcake", "standalone"] {
                if plan.wants("ingest") || plan.wants(system) {
                    let figures = point(world, plan, database, system, (alerts, concurrency))?;
                    points.add(Place::new(system, alerts, concurrency), figures);
                }
            }
        }
    }
    Ok(())
}

fn limit(world: &World, plan: &Plan, database: &Database, alerts: usize) -> anyhow::Result<Figures> {
    reset(world, database)?;
    let mut cpu = None;
    let at_window = || cpu = Some(Usage::of(&[&world.servers[..], &[("client", std::process::id())]].concat()));
    let rate = limit::run(database, &world.amqp, &load(plan, None, alerts, 1), at_window)?;
    let mut figures: Figures = shares(cpu).collect();
    figures.insert("alerts_s".to_owned(), rate);
    figures.insert("webhooks_s".to_owned(), rate / stats::float(alerts));
    Ok(figures)
}

/// Empty tables and an empty queue.
pub fn reset(world: &World, database: &Database) -> anyhow::Result<()> {
    database.truncate()?;
    world.purge_queue()
}

fn load(plan: &Plan, child: Option<&Child>, alerts: usize, concurrency: usize) -> Load {
    let address = child.map_or_else(|| ([127, 0, 0, 1], 0).into(), |child| child.address);
    Load { address, alerts, concurrency, warm_up: plan.warm_up, window: plan.window, pace: Duration::ZERO }
}

/// One point of one system, on empty tables and in a new process.
fn point(
    world: &World,
    plan: &Plan,
    database: &Database,
    system: &str,
    (alerts, concurrency): (usize, usize),
) -> anyhow::Result<Figures> {
    reset(world, database)?;
    let child = match system {
        "plain" => Child::role("plain", &[database.url.clone(), world.amqp.clone()], &world.path(""))?,
        "standalone" => standalone(world)?,
        _ => ingest(world, database)?,
    };
    let figures = measure(world, &child, &load(plan, Some(&child), alerts, concurrency), || match system {
        "poundcake" => drained(database),
        _ => Ok(()),
    })?;
    drop(child);
    if system == "standalone" {
        std::fs::remove_dir_all(world.path("standalone"))?;
    }
    Ok(figures)
}

/// PoundCake's `ingest` on a database.
pub fn ingest(world: &World, database: &Database) -> anyhow::Result<Child> {
    let variables = [("DATABASE_URL", database.url.clone()), ("AMQP_URL", world.amqp.clone())];
    Child::poundcake(Program::Built, &["ingest"], &variables, &world.path(""))
}

fn standalone(world: &World) -> anyhow::Result<Child> {
    let directory = world.path("standalone");
    std::fs::create_dir_all(&directory)?;
    let variables = [
        ("DATABASE_URL", format!("sqlite://{}", directory.join("poundcake.db").display())),
        ("ST2_API_URL", "http://127.0.0.1:9/v1".to_owned()),
        ("ST2_API_KEY", stackstorm::KEY.to_owned()),
    ];
    Child::poundcake(Program::Built, &["standalone", "--no-dispatch"], &variables, &directory)
}

/// Sends, and counts what `drain` takes as part of the time: rows that are answered and not yet published are not done.
pub fn measure(
    world: &World,
    child: &Child,
    load: &Load,
    drain: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Figures> {
    let mut cpu = None;
    let processes = [&world.servers[..], &[("program", child.pid()), ("client", std::process::id())]].concat();
    let answers: Answers = load.run(|| cpu = Some(Usage::of(&processes)))?;
    let mut figures: Figures = shares(cpu).collect();
    let over = answers.ended.unwrap_or_else(Instant::now);
    drain()?;
    let drained = over.elapsed();
    let seconds = (load.window + drained).as_secs_f64();
    let rate = answers.count() / seconds;
    figures.extend([
        ("webhooks_s".to_owned(), rate),
        ("alerts_s".to_owned(), rate * stats::float(load.alerts)),
        ("p50_ms".to_owned(), stats::percentile(&answers.times, 50)),
        ("p99_ms".to_owned(), stats::percentile(&answers.times, 99)),
        ("rss_mib".to_owned(), child.peak_rss_mib()),
        ("drain_ms".to_owned(), stats::millis(drained)),
    ]);
    Ok(figures)
}

fn shares(cpu: Option<Usage>) -> impl Iterator<Item = (String, f64)> {
    cpu.into_iter().flat_map(|usage| usage.shares()).map(|(name, share)| (format!("cpu_{name}"), share))
}

#[derive(QueryableByName)]
struct Pending {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Waits until no row is `pending` any more.
pub fn drained(database: &Database) -> anyhow::Result<()> {
    let mut conn = database.connect()?;
    let deadline = Instant::now() + DRAIN;
    loop {
        let query = "SELECT EXISTS (SELECT 1 FROM poundcake_alerts WHERE dispatch_status = 'pending') AS `rows`";
        let pending: Pending = diesel::sql_query(query).get_result(&mut conn)?;
        if pending.rows == 0 {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "rows stay pending for {DRAIN:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
