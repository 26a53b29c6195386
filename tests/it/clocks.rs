//! Hosts whose clocks are minutes apart: only the database's clock decides when something is due, leased, old or cooled down.

use crate::harness::{PATIENCE, Pipeline, Running, SOON, Setup, Shape, T0, client, deliver, eventually, firing};
use serde_json::Value;
use st2_stand_in::Fault;

/// More than every wait, lease, cooldown and age that is set here.
const AHEAD: &str = "+300s";
const BEHIND: &str = "-300s";
const LATER: &str = "2026-11-22T02:00:00Z";
const ROUTES: &str = "routes: [{match: 'alertname!=\"\"', action: remediation.host_down_workflow}]";

/// How far a process's clock is from this one, by the last line of its log.
fn minutes_off(process: &Running) -> i64 {
    let log = process.output("stderr");
    let mut words = log.split_whitespace().rev().filter_map(|word| word.strip_prefix('['));
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
    let start = async |command: &str, offset: &str| setup.process(command).clock(offset).start().ready().await;
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
    pipeline.dispatcher = Some(pipeline.setup.process("dispatcher").clock(AHEAD).start().ready().await);
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.st2().seen().posts, 4, "looked up, not posted again");
    pipeline.assert_ledger(4).await;
    drop(ingest);
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatchers_whose_clocks_are_ten_minutes_apart_share_places_and_windows() {
    let routes = "routes: [{name: hosts, action: core.noop, guards: {max_in_flight: 2, rate: [6/m]}}]";
    let Apart { pipeline, ingest, dispatcher } = apart(routes).await;
    let tracker = pipeline.setup.process("tracker").clock(AHEAD).start().ready().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_opens_no_window_and_ends_no_lease() {
    let routes = "routes:\n\
        - {name: hosts, match: 'alertname=\"HostDown\"', action: core.noop, guards: {rate: [3/h]}}\n\
        - {name: free, action: core.noop}\n";
    let setup = setup(routes).await;
    let start = async |command: &str| setup.process(command).clock("+0s").start().ready().await;
    let (ingest, dispatcher) = (start("ingest").await, start("dispatcher").await);
    let pipeline = Pipeline { setup, ingest, dispatcher: Some(dispatcher) };
    pipeline.send(&alerts(0, 5, T0)).await;
    let held = || pipeline.statuses("WHERE dispatch_reason = 'rate'").len();
    let started = || pipeline.statuses("WHERE alert_name = 'HostDown' AND started_at IS NOT NULL").len();
    eventually("the window is full", SOON, async || match (held(), started()) {
        (2, 3) => Ok(()),
        seen => Err(seen),
    })
    .await;
    for (offset, minutes) in [("+7200s", 119..=120), ("-7200s", -121..=-120)] {
        pipeline.dispatcher().step_clock(offset);
        let mut sent = 0;
        eventually("the log of a dispatch shows the step", SOON, async || {
            sent += 1;
            pipeline.send(&[firing("Free", &format!("{offset}-{sent}"), T0)]).await;
            let off = minutes_off(pipeline.dispatcher());
            if minutes.contains(&off) { Ok(()) } else { Err(off) }
        })
        .await;
        pipeline.send(&alerts(5, 6, T0)).await;
        assert_eq!(started(), 3, "the window is full by the database's clock");
    }
    eventually("the new one waits too", SOON, async || match held() {
        3 => Ok(()),
        rows => Err(rows),
    })
    .await;
}
