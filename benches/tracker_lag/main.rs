//! How far behind is the tracker? So many executions that change their state five times each, over a stream that is cut every
//! few seconds, then the lag of every change: from StackStorm's log to the moment a reader of the database sees it.
//!
//!     make services; eval "$(tests/services.sh env)"
//!     EXECUTIONS=10000 RATE=200 CUT=10 cargo bench --bench tracker_lag
//!
//! The stand-in runs in this process, the tracker is the real program, MariaDB the tests'. The exit code says whether every
//! change was seen and every row is right at the end; how fast depends on the machine, and is printed. So is how often
//! StackStorm was asked for executions: `CUT=0` leaves the stream whole, `STREAM=0` is without one, `WORK` is how many
//! milliseconds an execution takes.

mod cuts;
mod seen;

use anyhow::{Context, ensure};
use diesel::{Connection, MysqlConnection, RunQueryDsl, connection::SimpleConnection, sql_query};
use seen::Seen;
use serde_json::{Value, json};
use st2_stand_in::{Options, Pace, StandIn};
use std::{
    process::{Child, Command},
    time::{Duration, Instant},
};

const KEY: &str = "lag-key";
const PROGRAM: &str = env!("CARGO_BIN_EXE_poundcake");
/// Executions whose links are committed together.
const LINKED: usize = 20;
/// A stream that is not cut lives for longer than the measurement.
const WHOLE: Duration = Duration::from_hours(24);
/// How long the last ones may take.
const PATIENCE: Duration = Duration::from_mins(2);

#[expect(clippy::disallowed_methods, reason = "a measurement's own settings, not the program's")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (executions, rate, cut) = (setting("EXECUTIONS", 10_000), setting("RATE", 200), setting("CUT", 10));
    let (work, streamed) = (setting("WORK", 500), setting("STREAM", 1) != 0);
    let cut = if cut == 0 { WHOLE } else { Duration::from_secs(cut) };
    drop(rustls::crypto::ring::default_provider().install_default());
    let database = Database::new()?;
    let stand_in = StandIn::start(&Options::for_tests(KEY))?;
    // Half a second in each state on the way, and WORK ms `running`.
    stand_in.control().set_pace(Pace {
        schedule: Duration::from_millis(500),
        start: Duration::from_millis(500),
        work: Duration::from_millis(work),
        ..Pace::fast()
    });
    let stream = url::Url::parse(&stand_in.stream_url())?.socket_addrs(|| None)?[0];
    let cuts = cuts::Cuts::before(stream, cut).await?;
    let stream = if streamed { format!("http://{}/v1/stream", cuts.address()) } else { String::new() };
    let mut tracker = database.program(&stand_in, "tracker", &stream)?;
    let seen = Seen::watch(database.url.clone());

    let started = Instant::now();
    let result = run(executions, rate, &stand_in, &database).await;
    let complete = match result {
        Ok(()) => wait(&seen, executions).await,
        Err(error) => Err(error),
    };
    tracker.kill()?;
    tracker.wait()?;
    complete?;
    let lag = seen.lags(&stand_in.control().executions())?;
    // Lists of executions: nothing else is asked for while none is missing from them.
    let asked = stand_in.control().seen().lookups;
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "for people")]
    let per_execution = asked as f64 / executions as f64;
    let at = |percent: usize| lag[(lag.len() - 1) * percent / 100].as_secs_f64();
    println!(
        "{executions} executions, {} changes in {:.0} s, stream cut {} times: lag median {:.3} s, p95 {:.3} s, p99 {:.3} s, \
         longest {:.3} s; none missed; StackStorm was asked {asked} times, {:.4} per execution",
        lag.len(),
        started.elapsed().as_secs_f64(),
        cuts.made(),
        at(50),
        at(95),
        at(99),
        at(100),
        per_execution
    );
    Ok(())
}

/// Starts executions at the rate, and links them.
async fn run(executions: u64, rate: u64, stand_in: &StandIn, database: &Database) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/executions", stand_in.api_url());
    let mut pace = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate.max(1))?);
    let mut ids: Vec<String> = Vec::new();
    for number in 1..=executions {
        pace.tick().await;
        // requested, delayed, scheduled, running, succeeded.
        let context = json!({ "poundcake": { "alert_id": 1 } });
        let body = json!({ "action": "core.noop", "parameters": {}, "delay": 500, "context": context });
        let answer = client.post(&url).header("St2-Api-Key", KEY).json(&body).send().await?;
        let execution: Value = answer.json().await?;
        ids.push(execution["id"].as_str().context("an id")?.to_owned());
        if ids.len() == LINKED || number == executions {
            database.link(std::mem::take(&mut ids)).await?;
        }
    }
    Ok(())
}

/// Waits until every row says that its execution has ended.
async fn wait(seen: &Seen, executions: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    while u64::try_from(seen.ended())? < executions {
        ensure!(started.elapsed() < PATIENCE, "{} rows of {executions} have ended", seen.ended());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// A database of the run's own.
struct Database {
    admin: String,
    name: String,
    url: String,
}

impl Database {
    #[expect(clippy::disallowed_methods, reason = "where the tests' servers are")]
    fn new() -> anyhow::Result<Self> {
        let admin =
            std::env::var("TEST_DATABASE_URL").context("TEST_DATABASE_URL is not set: see tests/services.sh env")?;
        let name = format!("lag_{}", uuid::Uuid::new_v4().simple());
        MysqlConnection::establish(&admin)?.batch_execute(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"))?;
        let mut url = url::Url::parse(&admin)?;
        url.set_path(&name);
        let database = Self { admin, name, url: url.to_string() };
        let status = Command::new(PROGRAM).args(["migrate", "up"]).env("DATABASE_URL", &database.url).status()?;
        ensure!(status.success(), "migrate up failed");
        MysqlConnection::establish(&database.url)?.batch_execute(
            "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) \
             VALUES (1, 'r', 'POST', '/', '{}', '', 202, UTC_TIMESTAMP(6)); \
             INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, \
             status, annotations, updated_at, dispatch_status) VALUES (1, 1, 'f', 'n', 's', 'i', '{}', UTC_TIMESTAMP(6), \
             'firing', '{}', UTC_TIMESTAMP(6), 'dispatched')",
        )?;
        Ok(database)
    }

    fn program(&self, stand_in: &StandIn, command: &str, stream: &str) -> anyhow::Result<Child> {
        let child = Command::new(PROGRAM)
            .arg(command)
            .env("DATABASE_URL", &self.url)
            .env("ST2_API_URL", stand_in.api_url())
            .env("ST2_API_KEY", KEY)
            .env("ST2_STREAM_URL", stream)
            .env("POUNDCAKE_TRACKER_LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "warn")
            .spawn();
        Ok(child?)
    }

    async fn link(&self, ids: Vec<String>) -> anyhow::Result<()> {
        let url = self.url.clone();
        tokio::task::spawn_blocking(move || {
            let rows: Vec<String> = ids.iter().map(|id| format!("('r', 1, '{id}', UTC_TIMESTAMP(6))")).collect();
            let sql = format!(
                "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, created_at) VALUES {}",
                rows.join(", ")
            );
            sql_query(sql).execute(&mut MysqlConnection::establish(&url)?)?;
            Ok(())
        })
        .await?
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = MysqlConnection::establish(&self.admin)
            .map(|mut admin| admin.batch_execute(&format!("DROP DATABASE {}", self.name)));
        if let Err(error) = dropped {
            eprintln!("{} is left: {error}", self.name);
        }
    }
}
