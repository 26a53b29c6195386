//! MariaDB is away, mute, or does not answer COMMIT: 503 in time, and what the sender sends again runs once.

use super::{alerts, proxied};
use crate::harness::{Direction, PATIENCE, Pipeline, SOON, Setup, Shape, eventually, firing};
use serde_json::json;
use std::time::{Duration, Instant};

/// Alertmanager gives up a flush after this.
const ALERTMANAGER: Duration = Duration::from_secs(10);

/// A connection that was not used for so long is no longer fresh.
const RESTED: Duration = Duration::from_millis(1_200);

/// Posts alerts that cannot be stored, and returns how long the 503 took.
async fn refused(pipeline: &Pipeline, alerts: &[serde_json::Value]) -> Duration {
    let begun = Instant::now();
    let (status, answer) = pipeline.post(json!({ "alerts": alerts }).to_string()).await;
    assert_eq!(status, 503, "{answer}");
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_webhooks_are_503_and_their_retries_are_stored_once() {
    let pipeline = proxied(Shape::Separate).await.start().await;
    pipeline.setup.network().database().break_networking();
    for alert in alerts(10) {
        assert!(refused(&pipeline, &[alert]).await < ALERTMANAGER);
    }
    pipeline.setup.network().database().restore_networking();
    for alert in alerts(10) {
        pipeline.deliver(&[alert]).await;
    }
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.database().count("poundcake_alerts"), 10);
    pipeline.assert_ledger(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_the_database_is_silent_about_is_503_in_time_and_runs_once_when_sent_again() {
    let pipeline = proxied(Shape::Separate).await.start().await;
    pipeline.send(&[firing("HostDown", "before:9100", super::T0)]).await;
    pipeline.settled().await;
    pipeline.setup.network().database().freeze_answers();
    let took = refused(&pipeline, &alerts(1)).await;
    assert!(took < ALERTMANAGER, "{took:?}");
    pipeline.setup.network().database().restore_networking();
    pipeline.deliver(&alerts(1)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(2).await;
}

/// The bytes that MariaDB has answered, once no more come.
async fn answered(setup: &Setup) -> u64 {
    let mut before = None;
    eventually("MariaDB says no more", SOON, async || {
        let bytes = setup.network().database().bytes(Direction::ToClient);
        if before.replace(bytes) == Some(bytes) { Ok(bytes) } else { Err(bytes) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_whose_commit_is_not_answered_is_503_and_a_repeat_when_sent_again() {
    // Nothing but the webhook's transaction speaks to the database.
    let setup = proxied(Shape::Separate).await.variable("POUNDCAKE_SWEEP_INTERVAL", "1h");
    setup.network().publisher().break_networking();
    let mut pipeline = setup.start_without_dispatcher().await;
    let all = alerts(3);
    pipeline.send(&all[..1]).await;
    let before = answered(&pipeline.setup).await;
    // After a second without use a connection is asked whether it lives; so both are asked, on the slowest machine too.
    tokio::time::sleep(RESTED).await;
    pipeline.send(&all[1..2]).await;
    let transaction = answered(&pipeline.setup).await - before;
    tokio::time::sleep(RESTED).await;
    // The answer to COMMIT comes last; it loses its last byte.
    pipeline.setup.network().database().cut_after(Direction::ToClient, transaction - 1);
    assert!(refused(&pipeline, &all[2..]).await < ALERTMANAGER);
    assert_eq!(pipeline.database().count("poundcake_alerts"), 3, "committed, and the sender cannot know");
    pipeline.deliver(&all[2..]).await;
    assert_eq!(pipeline.statuses("WHERE id > 3"), ["HostDown skipped/repeat"]);
    pipeline.setup.network().publisher().restore_networking();
    pipeline.setup.set("POUNDCAKE_SWEEP_INTERVAL", "1s");
    pipeline.ingest = pipeline.setup.process("ingest").start().ready().await;
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_writes_is_503_and_names_its_reason_in_the_log() {
    let pipeline = proxied(Shape::Separate).await.start().await;
    // What a replica, or a primary that is being switched over, answers to every write.
    pipeline.database().execute(
        "CREATE TRIGGER read_only BEFORE INSERT ON poundcake_api_calls FOR EACH ROW SIGNAL SQLSTATE 'HY000' \
         SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'The MariaDB server is running with the --read-only option'",
    );
    assert!(refused(&pipeline, &alerts(5)).await < ALERTMANAGER);
    assert!(pipeline.ingest.output("stderr").contains("--read-only"), "the operator is told why");
    pipeline.database().execute("DROP TRIGGER read_only");
    pipeline.deliver(&alerts(5)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_are_503_until_there_is_one_again() {
    let pipeline = proxied(Shape::Separate).await.start().await;
    pipeline.database().administer("ALTER USER {user} WITH MAX_USER_CONNECTIONS 1");
    let held = eventually("the only connection is ours", SOON, async || {
        pipeline.database().administer("KILL USER {user}");
        pipeline.database().hold().ok_or("somebody else has it")
    })
    .await;
    assert!(refused(&pipeline, &alerts(5)).await < ALERTMANAGER);
    drop(held);
    pipeline.database().administer("ALTER USER {user} WITH MAX_USER_CONNECTIONS 0");
    pipeline.deliver(&alerts(5)).await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(5).await;
}
