//! From the queue to execution links: a backlog against StackStorm at several latencies, compared with the bare loops; and how long
//! an alert takes from its row to its execution at a steady rate.

use super::{
    child::{Child, Program},
    ingest, limit,
    load::Load,
    plan::Plan,
    point::{Figures, Place, Points},
    rows::Rows,
    stackstorm, stats,
    usage::Usage,
    world::{Database, World},
};
use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// StackStorm's answers take so many milliseconds.
pub const LATENCIES: [usize; 3] = [0, 5, 50];
/// Calls at once: the default, and what a large StackStorm takes.
pub const CONCURRENCIES: [usize; 2] = [32, 256];
/// The bare loop with a connection of its own for each call, as PoundCake has it.
pub const OWN: &str = "bare loop, own connections";
/// The bare loop that sends the next call on a connection that is there already. It is faster, and StackStorm closes what it
/// has not read for 2 s, so after a stall such calls end without an answer.
pub const KEPT: &str = "bare loop, kept connections";
/// A backlog is not watched longer than this.
const LONGEST: Duration = Duration::from_secs(8);
/// Alerts per second of the steady part.
pub const STEADY: usize = 200;

/// The name of a point.
pub fn system(program: &str, latency: usize) -> String {
    format!("{program}, {latency} ms")
}

/// One round: each latency and concurrency, PoundCake and the bare loops.
pub fn round(world: &World, plan: &Plan, database: &Database, points: &mut Points) -> anyhow::Result<()> {
    for latency in LATENCIES {
        let stackstorm = Child::role("stackstorm", &[latency.to_string()], &world.path(""))?;
        for concurrency in CONCURRENCIES {
            for program in ["dispatcher", OWN, KEPT] {
                ingest::reset(world, database)?;
                fill(world, database, plan.backlog)?;
                let child = match program {
                    "dispatcher" => dispatcher(Program::Built, world, database, &stackstorm, concurrency)?,
                    _ => bare(program, world, database, &stackstorm, concurrency)?,
                };
                let figures = watch(world, database, &child, &stackstorm, plan.backlog)?;
                points.add(Place::new(&system(program, latency), 1, concurrency), figures);
            }
        }
    }
    steady(world, plan, database, points)
}

/// PoundCake's `dispatcher`, every alert routed to one action.
pub fn dispatcher(
    program: Program<'_>,
    world: &World,
    database: &Database,
    stackstorm: &Child,
    concurrency: usize,
) -> anyhow::Result<Child> {
    let routes = world.path("routes.yaml");
    std::fs::write(
        &routes,
        format!("routes:\n  - match: severity=\"critical\"\n    action: {}\n", stackstorm::ACTION),
    )?;
    let variables = [
        ("DATABASE_URL", database.url.clone()),
        ("AMQP_URL", world.amqp.clone()),
        ("ST2_API_URL", format!("http://{}/v1", stackstorm.address)),
        ("ST2_API_KEY", stackstorm::KEY.to_owned()),
        ("POUNDCAKE_ROUTES", routes.display().to_string()),
        ("POUNDCAKE_DISPATCH_CONCURRENCY", concurrency.to_string()),
    ];
    Child::poundcake(program, &["dispatcher"], &variables, &world.path(""))
}

fn bare(
    program: &str,
    world: &World,
    database: &Database,
    stackstorm: &Child,
    concurrency: usize,
) -> anyhow::Result<Child> {
    let (stackstorm, concurrency) = (stackstorm.address.to_string(), concurrency.to_string());
    let arguments = [database.url.clone(), world.amqp.clone(), stackstorm, concurrency, program.to_owned()];
    Child::role("bare", &arguments, &world.path(""))
}

/// Rows that are `queued`, and their messages.
pub fn fill(world: &World, database: &Database, count: usize) -> anyhow::Result<()> {
    const ROWS: usize = 500;
    let (to_publish, inserted) = mpsc::channel(4);
    let (to_mark, confirmed) = std::sync::mpsc::sync_channel::<Vec<i64>>(4);
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| limit::publish(&world.amqp, inserted, to_mark));
        let counting = scope.spawn(move || confirmed.into_iter().map(|ids| ids.len()).sum::<usize>());
        let mut conn = database.connect()?;
        let mut rows = Rows::new(1);
        for _ in 0..count / ROWS {
            if to_publish.blocking_send(rows.insert(&mut conn, ROWS, "queued")?).is_err() {
                // The publisher has failed, and says why below.
                break;
            }
        }
        drop(to_publish);
        publishing.join().map_err(|_panic| anyhow::anyhow!("publishing failed"))??;
        let published = counting.join().map_err(|_panic| anyhow::anyhow!("publishing failed"))?;
        anyhow::ensure!(published == count / ROWS * ROWS, "{published} of {count} messages are in the queue");
        Ok(())
    })
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn number(conn: &mut diesel::MysqlConnection, query: &str) -> anyhow::Result<usize> {
    let number: Number = diesel::sql_query(query).get_result(conn)?;
    Ok(usize::try_from(number.value)?)
}

/// Links per second from the first ones to the last, or for as long as is watched.
pub fn watch(
    world: &World,
    database: &Database,
    child: &Child,
    stackstorm: &Child,
    backlog: usize,
) -> anyhow::Result<Figures> {
    let mut conn = database.connect()?;
    let mut links =
        || number(&mut conn, "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) AS value FROM poundcake_st2_execution_link");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut first = 0;
    while first == 0 {
        anyhow::ensure!(Instant::now() < deadline, "nothing is dispatched");
        std::thread::sleep(Duration::from_millis(5));
        first = links()?;
    }
    let processes = [&world.servers[..], &[("program", child.pid()), ("stackstorm", stackstorm.pid())]].concat();
    let (begun, usage) = (Instant::now(), Usage::of(&processes));
    let mut last = (first, Duration::ZERO);
    while last.0 < backlog && begun.elapsed() < LONGEST {
        std::thread::sleep(Duration::from_millis(10));
        let now = links()?;
        if now > last.0 {
            last = (now, begun.elapsed());
        }
    }
    let rate = stats::float(last.0 - first) / last.1.as_secs_f64().max(0.001);
    let mut figures: Figures = usage.shares().into_iter().map(|(name, share)| (format!("cpu_{name}"), share)).collect();
    figures.extend([("alerts_s".to_owned(), rate), ("rss_mib".to_owned(), child.peak_rss_mib())]);
    Ok(figures)
}

/// Both programs at a steady rate.
fn steady(world: &World, plan: &Plan, database: &Database, points: &mut Points) -> anyhow::Result<()> {
    ingest::reset(world, database)?;
    let stackstorm = Child::role("stackstorm", &["5".to_owned()], &world.path(""))?;
    let (ingest, dispatcher) =
        (ingest::ingest(world, database)?, dispatcher(Program::Built, world, database, &stackstorm, 32)?);
    let connections = 20;
    let load = Load {
        address: ingest.address,
        alerts: 1,
        concurrency: connections,
        warm_up: plan.warm_up,
        window: plan.window * 3,
        pace: Duration::from_secs(1).mul_f64(stats::float(connections) / stats::float(STEADY)),
    };
    let answers = load.run(|| ())?;
    std::thread::sleep(Duration::from_secs(1));
    drop((ingest, dispatcher));
    let mut conn = database.connect()?;
    let missing = "SELECT COUNT(*) AS value FROM poundcake_alerts WHERE dispatch_status <> 'dispatched'";
    anyhow::ensure!(number(&mut conn, missing)? == 0, "alerts were not dispatched within a second");
    let query = "SELECT CAST(TIMESTAMPDIFF(MICROSECOND, a.created_at, l.created_at) AS SIGNED) AS value \
        FROM poundcake_alerts AS a JOIN poundcake_st2_execution_link AS l ON l.alert_id = a.id ORDER BY value";
    let times: Vec<Number> = diesel::sql_query(query).load(&mut conn)?;
    let times: Vec<Duration> =
        times.iter().map(|time| Duration::from_micros(u64::try_from(time.value).unwrap_or_default())).collect();
    let figures = Figures::from([
        ("alerts_s".to_owned(), answers.count() / load.window.as_secs_f64()),
        ("p50_ms".to_owned(), stats::percentile(&times, 50)),
        ("p99_ms".to_owned(), stats::percentile(&times, 99)),
    ]);
    points.add(Place::new("webhook to execution", 1, STEADY), figures);
    Ok(())
}
