//! StackStorm's stream is cut, StackStorm refuses or is away, the database says no.

use super::World;
use crate::harness::{ChaosProxy, SOON, TestDatabase, eventually, on_both_stores};
use serde_json::json;
use st2_stand_in::{Fault, Pace};
use std::{net::SocketAddr, time::Duration};

on_both_stores! {
    async a_tracker_does_not_start_on_tables_that_are_not_there,
}

/// The address in a URL of the stand-in's.
fn address(url: &str) -> SocketAddr {
    let url = url::Url::parse(url).expect("a URL");
    url.socket_addrs(|| None).expect("an address").remove(0)
}

/// Executions that take about half a second, most of it between their states.
fn unhurried() -> Pace {
    Pace {
        schedule: Duration::from_millis(150),
        start: Duration::from_millis(150),
        work: Duration::from_millis(200),
        ..Pace::fast()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_end_is_missed_while_the_stream_is_cut_again_and_again() {
    let world = World::new().await;
    let proxy = ChaosProxy::before(address(&world.setup.stand_in.stream_url()));
    let world = world.variable("ST2_STREAM_URL", &format!("ws://{}/v1/stream", proxy.address()));
    world.st2().set_pace(unhurried());
    let tracker = world.tracker().await;
    for round in 1..=6 {
        world.run_and_link(50).await;
        proxy.break_networking();
        world.run_and_link(2).await;
        proxy.restore_networking();
        let connected = async || match tracker.events("stream_connected").len() {
            connects if connects >= round => Ok(()),
            connects => Err(connects),
        };
        eventually("the stream is read again", SOON, connected).await;
    }
    world.complete().await;
    assert_eq!(world.setup.database.count("execution_db"), 312);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stream_stackstorm_is_polled() {
    let world = World::new().await.variable("ST2_STREAM_URL", "");
    let tracker = world.tracker().await;
    world.st2().set_pace(unhurried());
    world.run_and_link(3).await;
    world.complete().await;
    assert_eq!(tracker.events("stream_disabled").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stackstorm_that_refuses_the_key_is_waited_for() {
    let world = World::new().await;
    world.run_and_link(3).await;
    world.st2().set_fault(Fault::Unauthorized);
    let tracker = world.tracker().await;
    let said = async || {
        let waits = tracker.events("st2_waiting");
        waits.first().filter(|line| line.contains("401")).map(|_| ()).ok_or(waits)
    };
    eventually("it says what it waits for", SOON, said).await;
    world.st2().clear_faults();
    world.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_database_refuses_blocks_no_other() {
    let world = World::new().await;
    world.setup.database.execute("ALTER TABLE execution_db ADD CONSTRAINT one CHECK (action <> 'core.local')");
    let tracker = world.tracker().await;
    let refused = world.run("core.local", json!({ "cmd": "echo" })).await;
    world.link(&[&refused]);
    let taken = world.run_and_link(5).await;
    for id in &taken {
        world.becomes(id, "succeeded/done").await;
    }
    let named = async || {
        let lines = tracker.events("execution_row_refused");
        if lines.iter().any(|line| line.contains(&refused)) { Ok(()) } else { Err(lines) }
    };
    eventually("the log names it", SOON, named).await;
    world.setup.database.execute("ALTER TABLE execution_db DROP CONSTRAINT one");
    world.becomes(&refused, "succeeded/done").await;
}

async fn a_tracker_does_not_start_on_tables_that_are_not_there(database: TestDatabase) {
    let migrate = |prefix: &str| {
        crate::harness::Process::poundcake("migrate")
            .argument("up")
            .variable("DATABASE_URL", database.owner_url())
            .variable("ST2_TABLE_PREFIX", prefix)
    };
    assert!(migrate("a_").run().await.0.success());
    let tracker = crate::harness::Process::poundcake("tracker")
        .variable("DATABASE_URL", database.url())
        .variable("ST2_TABLE_PREFIX", "b_")
        .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
        .variable("ST2_API_KEY", "unused");
    let (status, _, error) = tracker.run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("StackStorm's tables lacks") && error.contains("poundcake migrate up"), "{error}");
}
