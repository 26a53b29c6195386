//! A dispatcher that dies between admission and record: its place is neither lost nor given away.

use super::{hosts, most_at_once, routes, work};
use crate::harness::{PATIENCE, SOON, Setup, Shape, eventually};
use st2_stand_in::Fault;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_after_stackstorm_acted_keeps_its_places_until_the_executions_are_found() {
    let waits = [
        ("POUNDCAKE_ST2_TIMEOUT", "1s"),
        ("POUNDCAKE_LEASE", "7s"),
        ("POUNDCAKE_SETTLE_TIME", "1s"),
        ("POUNDCAKE_SILENT_SETTLE_TIME", "2s"),
    ];
    let setup = Setup::new(Shape::Separate).await.routes(&routes("{max_in_flight: 2}"));
    let setup = waits.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value));
    let mut pipeline = setup.start().await;
    let tracker = pipeline.start_tracker().await;
    work(&pipeline, Duration::from_millis(200));
    pipeline.st2().set_fault(Fault::NeverAnswer);
    pipeline.send(&hosts(0..8)).await;
    eventually("StackStorm has two of them", SOON, async || match pipeline.st2().seen().posts {
        2 => Ok(()),
        others => Err(others),
    })
    .await;
    pipeline.dispatcher().kill();
    let places = "poundcake_alerts WHERE guard_key = 'place/hosts'";
    assert_eq!(pipeline.database().count(places), 2, "both are uncertain, and keep their places");
    pipeline.st2().clear_faults();
    pipeline.start_dispatcher().await;
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(8).await;
    assert!(most_at_once(&pipeline) <= 2, "{}", most_at_once(&pipeline));
    drop(tracker);
}
