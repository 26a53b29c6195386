//! A dispatcher that dies or stands still between admission, POST and record: no place is lost, and none is given away.

use super::{hosts, most_at_once, routes, work};
use crate::harness::{PATIENCE, Pipeline, Running, SOON, Setup, Shape, eventually};
use st2_stand_in::Fault;
use std::time::Duration;

async fn start() -> (Pipeline, Running) {
    let waits = [
        ("POUNDCAKE_ST2_TIMEOUT", "3s"),
        ("POUNDCAKE_LEASE", "11s"),
        ("POUNDCAKE_SETTLE_TIME", "1s"),
        ("POUNDCAKE_SILENT_SETTLE_TIME", "2s"),
    ];
    let setup = Setup::new(Shape::Separate).await.routes(&routes("{max_in_flight: 2}"));
    let setup = waits.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value));
    let pipeline = setup.start().await;
    let tracker = pipeline.start_tracker().await;
    work(&pipeline, Duration::from_millis(200));
    (pipeline, tracker)
}

/// Sends eight alerts and waits until two are claimed and StackStorm has got so many POSTs.
async fn two_under_way(pipeline: &Pipeline, fault: Fault, posts: u64) {
    pipeline.st2().set_fault(fault);
    pipeline.send(&hosts(0..8)).await;
    eventually("two are under way", SOON, async || match (claimed(pipeline), pipeline.st2().seen().posts) {
        (2, seen) if seen == posts => Ok(()),
        others => Err(others),
    })
    .await;
}

fn claimed(pipeline: &Pipeline) -> i64 {
    pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'dispatching' AND guard_key = 'place/hosts'")
}

async fn all_ran_two_at_a_time(pipeline: &Pipeline, runs: usize) {
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(runs).await;
    assert!(most_at_once(pipeline) <= 2, "{}", most_at_once(pipeline));
    eventually("no place is left", SOON, async || {
        let rows = pipeline.database().count("poundcake_alerts WHERE guard_key = 'place/hosts'");
        match rows + pipeline.database().count("poundcake_st2_execution_link WHERE guard_key = 'place/hosts'") {
            0 => Ok(()),
            places => Err(places),
        }
    })
    .await;
}

/// Before the POST StackStorm is asked what the action takes.
const NO_ANSWER: Fault = Fault::Delay { millis: 60_000 };

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_between_admission_and_post_loses_no_place() {
    let (mut pipeline, tracker) = start().await;
    two_under_way(&pipeline, NO_ANSWER, 0).await;
    pipeline.dispatcher().kill();
    assert_eq!((claimed(&pipeline), pipeline.st2().seen().posts), (2, 0));
    pipeline.st2().clear_faults();
    pipeline.start_dispatcher().await;
    all_ran_two_at_a_time(&pipeline, 8).await;
    drop(tracker);
}

/// The first dispatcher stands still for longer than its lease and the settle time, while a second one does everything.
async fn frozen(fault: Fault, posts: u64) {
    let (pipeline, tracker) = start().await;
    two_under_way(&pipeline, fault, posts).await;
    pipeline.dispatcher().pause();
    assert_eq!(claimed(&pipeline), 2);
    pipeline.st2().clear_faults();
    let second = pipeline.setup.process("dispatcher").start().ready().await;
    all_ran_two_at_a_time(&pipeline, 8).await;
    pipeline.dispatcher().resume();
    eventually("the first one sees that its claims are over", SOON, async || {
        match pipeline.dispatcher().events("claim_outlived_lease").len() {
            2 => Ok(()),
            others => Err(others),
        }
    })
    .await;
    pipeline.send(&hosts(8..12)).await;
    all_ran_two_at_a_time(&pipeline, 12).await;
    drop((second, tracker));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_frozen_between_admission_and_post_posts_nothing_after_it_resumes() {
    frozen(NO_ANSWER, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_frozen_between_post_and_record_changes_nothing_after_it_resumes() {
    frozen(Fault::NeverAnswer, 2).await;
}
