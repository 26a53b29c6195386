//! A dispatch whose execution StackStorm does not begin: its place is free after the deadline, and the dispatch waits on.

use super::{dispatched, hosts, routes};
use crate::harness::{Pipeline, SOON, Shape, client, eventually, on_both_shapes};
use st2_stand_in::Fault;

on_both_shapes! {
    the_place_of_an_execution_that_does_not_begin_is_free_after_the_deadline,
}

async fn the_place_of_an_execution_that_does_not_begin_is_free_after_the_deadline(shape: Shape) {
    let waits = [
        ("POUNDCAKE_ST2_TIMEOUT", "1s"),
        ("POUNDCAKE_LEASE", "7s"),
        ("POUNDCAKE_SETTLE_TIME", "6s"),
        ("POUNDCAKE_EXECUTION_DEADLINE", "3s"),
    ];
    let pipeline = Pipeline::of(shape, |setup| {
        let setup = setup.routes(&routes("{max_in_flight: 1}"));
        waits.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value))
    })
    .await;
    // It is `requested`, and nobody was told of it.
    pipeline.st2().set_fault_times(Fault::KilledMidPost, 1);
    pipeline.send(&hosts(0..1)).await;
    let unsure = "poundcake_alerts WHERE id = 1 AND dispatch_uncertain <> 0 AND dispatch_status <> 'dispatching'";
    eventually("its outcome is unknown", SOON, async || match pipeline.database().count(unsure) {
        1 => Ok(()),
        _ => Err(pipeline.statuses("")),
    })
    .await;
    pipeline.send(&hosts(1..2)).await;
    dispatched(&pipeline, 1).await;
    let still = pipeline
        .database()
        .count("poundcake_alerts WHERE id = 1 AND dispatch_uncertain <> 0 AND started_at IS NOT NULL");
    assert_eq!(still, 1, "it still counts as a start: {:?}", pipeline.statuses(""));
    let metrics = client().get(pipeline.dispatches().url("/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a text");
    assert!(metrics.contains("poundcake_places_freed_by_deadline_total 1\n"), "{metrics}");
}
