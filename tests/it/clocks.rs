//! Hosts whose clocks are minutes apart: only the database's clock decides when something is due, leased, old or cooled down.

use crate::harness::{
    PATIENCE, Pipeline, Process, Running, SOON, Setup, Shape, T0, client, deliver, eventually, firing,
};
use serde_json::Value;
use st2_stand_in::Fault;
use std::path::PathBuf;

/// More than every wait, lease, cooldown and age that is set here.
const AHEAD: &str = "+300s";
const BEHIND: &str = "-300s";
const LATER: &str = "2026-11-22T02:00:00Z";
const ROUTES: &str = "routes: [{match: 'alertname!=\"\"', action: remediation.host_down_workflow}]";

fn library() -> PathBuf {
    let mut found = Vec::new();
    for directory in std::fs::read_dir("/usr/lib").expect("/usr/lib").flatten() {
        found.push(directory.path().join("faketime/libfaketimeMT.so.1"));
    }
    found.retain(|path| path.exists());
    found.pop().expect("libfaketime; `tests/services.sh install` installs it")
}

/// The same program on a host with another time of day. Its monotonic clock goes as every host's does.
fn skewed(process: Process, offset: &str) -> Process {
    process
        .variable("LD_PRELOAD", library().display().to_string())
        .variable("FAKETIME", offset)
        .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// How far a process's clock is from this one, by its log.
fn minutes_off(process: &Running) -> i64 {
    let log = process.output("stderr");
    let mut words = log.split_whitespace().map(|word| word.trim_start_matches('['));
    let time = words.find_map(|word| chrono::DateTime::parse_from_rfc3339(word).ok());
    let off = time.expect("a time in the log").to_utc() - chrono::Utc::now();
    off.num_minutes()
}

async fn metric(process: &Running, series: &str) -> String {
    let text = client().get(process.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).to_owned()
}

fn alerts(from: usize, to: usize, starts_at: &str) -> Vec<Value> {
    (from..to).map(|index| firing("HostDown", &format!("web-{index}:9100"), starts_at)).collect()
}

async fn setup(routes: &str) -> Setup {
    let waits = [
        ("POUNDCAKE_ST2_TIMEOUT", "4s"),
        ("POUNDCAKE_LEASE", "15s"),
        ("POUNDCAKE_SETTLE_TIME", "1s"),
        ("POUNDCAKE_SILENT_SETTLE_TIME", "1s"),
        ("POUNDCAKE_RETRY_SCHEDULE", "2s"),
        ("POUNDCAKE_DISPATCH_MAX_AGE", "4m"),
        ("POUNDCAKE_REFIRE_COOLDOWN", "4m"),
    ];
    let setup = Setup::proxied(Shape::Separate).await.routes(routes);
    waits.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value))
}

/// Two ingests and two dispatchers, ten minutes apart.
struct Apart {
    /// With the ingest that is ahead and the dispatcher that is behind.
    pipeline: Pipeline,
    /// The ingest that is behind.
    ingest: Running,
    /// The dispatcher that is ahead.
    dispatcher: Running,
}

async fn apart(routes: &str) -> Apart {
    let setup = setup(routes).await;
    let start = async |command: &str, offset: &str| skewed(setup.process(command), offset).start().ready().await;
    let (first, ingest) = (start("ingest", AHEAD).await, start("ingest", BEHIND).await);
    let (behind, dispatcher) = (start("dispatcher", BEHIND).await, start("dispatcher", AHEAD).await);
    for (process, minutes) in [(&first, 4..=5), (&ingest, -6..=-5), (&behind, -6..=-5), (&dispatcher, 4..=5)] {
        assert!(minutes.contains(&minutes_off(process)), "the clock is off by {}", minutes_off(process));
    }
    Apart { pipeline: Pipeline { setup, ingest: first, dispatcher: Some(behind) }, ingest, dispatcher }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_whose_clocks_are_ten_minutes_apart_run_each_alert_once_and_keep_every_wait() {
    let Apart { pipeline, ingest, dispatcher } = apart(ROUTES).await;
    // Due times, leases, freshness and age: slow calls, and a retry.
    pipeline.setup.network().stackstorm.break_networking();
    pipeline.send(&alerts(0, 20, T0)).await;
    eventually("all have been tried and wait", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE dispatch_log LIKE '%not_sent%'") {
            20.. => Ok(()),
            few => Err(few),
        }
    })
    .await;
    pipeline.st2().set_fault(Fault::Delay { millis: 700 });
    pipeline.setup.network().stackstorm.restore_networking();
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(20).await;
    pipeline.st2().clear_faults();
    for ingest in [&pipeline.ingest, &ingest] {
        assert_eq!(metric(ingest, "poundcake_leases_expired_total").await, "0");
    }
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE created_at > UTC_TIMESTAMP() + INTERVAL 1 MINUTE"), 0);
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE created_at < UTC_TIMESTAMP() - INTERVAL 4 MINUTE"), 0);

    // The cooldown: neither over for the one that is ahead, nor never over for the one that is behind.
    pipeline.send(&alerts(0, 10, LATER)).await;
    deliver(&ingest.url("/api/v1/webhook"), &alerts(10, 20, LATER)).await;
    eventually("all of them are held", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE id > 20 AND dispatch_reason = 'cooldown'") {
            20 => Ok(()),
            held => Err(held),
        }
    })
    .await;
    let held = "WHERE dispatch_status = 'held'";
    assert_eq!(
        pipeline.database().count(&format!("poundcake_alerts {held} AND next_attempt_at > UTC_TIMESTAMP()")),
        20
    );
    for sql in [
        "UPDATE poundcake_alerts SET started_at = started_at - INTERVAL 5 MINUTE".to_owned(),
        "UPDATE poundcake_st2_execution_link SET started_at = started_at - INTERVAL 5 MINUTE".to_owned(),
        format!("UPDATE poundcake_alerts SET next_attempt_at = next_attempt_at - INTERVAL 5 MINUTE {held}"),
    ] {
        pipeline.database().execute(&sql);
    }
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(40).await;
    drop(dispatcher);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_kept_and_ends_by_the_databases_clock_whatever_the_hosts_say() {
    let Apart { mut pipeline, ingest, dispatcher } = apart(ROUTES).await;
    // The one that is behind claims, and dies under way; both relays and the other dispatcher are there all the time.
    drop(dispatcher);
    pipeline.send(&alerts(0, 1, T0)).await;
    pipeline.settled().await;
    pipeline.st2().set_fault(Fault::NeverAnswer);
    pipeline.send(&alerts(1, 4, T0)).await;
    eventually("StackStorm has all of them", SOON, async || match pipeline.st2().seen().posts {
        4 => Ok(()),
        others => Err(others),
    })
    .await;
    pipeline.dispatcher().kill();
    assert_eq!(
        pipeline.statuses("WHERE id > 1"),
        ["HostDown dispatching/-"; 3],
        "no process took the lease for expired"
    );
    pipeline.st2().clear_faults();
    pipeline.dispatcher = Some(skewed(pipeline.setup.process("dispatcher"), AHEAD).start().ready().await);
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.st2().seen().posts, 4, "looked up, not posted again");
    pipeline.assert_ledger(4).await;
    drop(ingest);
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatchers_whose_clocks_are_ten_minutes_apart_share_places_and_windows() {
    let routes = "routes: [{name: hosts, action: core.noop, guards: {max_in_flight: 2, rate: [6/m]}}]";
    let Apart { pipeline, ingest, dispatcher } = apart(routes).await;
    let tracker = skewed(pipeline.setup.process("tracker"), AHEAD).start().ready().await;
    let held = "poundcake_alerts WHERE dispatch_reason = 'rate'";
    let wait = async |rows: i64, started: usize| {
        eventually("the window is full", SOON, async || {
            match (pipeline.database().count(held), pipeline.st2().executions().len()) {
                seen if seen == (rows, started) => Ok(()),
                seen => Err(seen),
            }
        })
        .await;
    };
    pipeline.send(&alerts(0, 10, T0)).await;
    wait(4, 6).await;
    // By the clock that counts, the minute is over.
    for table in ["poundcake_alerts", "poundcake_st2_execution_link"] {
        pipeline.database().execute(&format!("UPDATE {table} SET started_at = started_at - INTERVAL 2 MINUTE"));
    }
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(10).await;
    assert!(crate::guards::most_at_once(&pipeline) <= 2);
    drop((ingest, dispatcher, tracker));
}
