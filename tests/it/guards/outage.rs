//! A StackStorm that cannot be reached: it uses up no rate, and frees no place.

use super::{dispatched, held, hosts, routes, work};
use crate::harness::{Pipeline, SOON, Setup, Shape, eventually, on_both_shapes};
use std::time::Duration;

on_both_shapes! {
    refused_connections_use_up_no_rate_and_the_circuit_closes_by_itself,
    while_stackstorm_cannot_be_asked_no_place_is_freed_whatever_the_deadline,
}

/// Waits until the dispatcher has logged this event so often.
async fn logged(pipeline: &Pipeline, event: &str, times: usize) {
    eventually(&format!("{event} {times} times"), SOON, async || match pipeline.dispatches().events(event).len() {
        seen if seen >= times => Ok(()),
        seen => Err(seen),
    })
    .await;
}

async fn refused_connections_use_up_no_rate_and_the_circuit_closes_by_itself(shape: Shape) {
    let setup = Setup::proxied(shape).await.routes(&routes("{rate: [8/h]}"));
    let pipeline = setup.variable("POUNDCAKE_RETRY_SCHEDULE", "1s").start().await;
    let stackstorm = &pipeline.setup.network().stackstorm;
    stackstorm.break_networking();
    pipeline.send(&hosts(0..8)).await;
    logged(&pipeline, "circuit_open", 1).await;
    eventually("no start is left", SOON, async || {
        match pipeline.database().count("poundcake_alerts WHERE started_at IS NOT NULL") {
            0 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
    stackstorm.restore_networking();
    dispatched(&pipeline, 8).await;
    logged(&pipeline, "circuit_closed", 1).await;
    pipeline.send(&hosts(8..10)).await;
    held(&pipeline, "rate", 2).await;
    assert_eq!(pipeline.st2().executions().len(), 8);
}

async fn while_stackstorm_cannot_be_asked_no_place_is_freed_whatever_the_deadline(shape: Shape) {
    let setup = Setup::proxied(shape).await.routes(&routes("{max_in_flight: 2}"));
    let pipeline = setup.variable("POUNDCAKE_EXECUTION_DEADLINE", "15s").start().await;
    work(&pipeline, Duration::from_mins(10));
    pipeline.send(&hosts(0..4)).await;
    dispatched(&pipeline, 2).await;
    pipeline.setup.network().stackstorm.break_networking();
    // StackStorm is asked every 10 s, so the last of these is beyond the deadline.
    logged(&pipeline, "places_unread", 3).await;
    held(&pipeline, "in_flight", 2).await;
    assert_eq!(pipeline.database().count("poundcake_st2_execution_link WHERE ended_at IS NOT NULL"), 0);
    assert_eq!(pipeline.st2().executions().len(), 2);
    // It answers again, and says that they have not ended.
    pipeline.setup.network().stackstorm.restore_networking();
    dispatched(&pipeline, 4).await;
    assert!(pipeline.database().count("poundcake_st2_execution_link WHERE end_status = 'overdue'") >= 2);
}
