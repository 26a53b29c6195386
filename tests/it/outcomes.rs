//! StackStorm in trouble: what is certain, what is looked up, what is cancelled; never two runs of one alert.

use crate::harness::{Pipeline, Setup, Shape, T0, eventually, firing, on_both_shapes};
use st2_stand_in::{ExecutionView, Fault};
use std::time::Duration;

on_both_shapes! {
    a_call_that_hangs_inside_stackstorm_and_acts_after_the_client_gave_up_runs_once,
}

const ROUTES: &str = "routes: [{match: 'alertname=~\".+\"', action: remediation.fails}]";

/// Scaled by configuration.
async fn pipeline() -> Pipeline {
    let setup = Setup::new(Shape::Separate).await.routes(ROUTES);
    setup
        .variable("POUNDCAKE_ST2_TIMEOUT", "2s")
        .variable("POUNDCAKE_SETTLE_TIME", "600ms")
        .variable("POUNDCAKE_SWEEP_INTERVAL", "100ms")
        .variable("POUNDCAKE_RETRY_SCHEDULE", "200ms")
        .start()
        .await
}

fn of_tag<'a>(executions: &'a [ExecutionView], tag: &str) -> Vec<&'a ExecutionView> {
    executions.iter().filter(|execution| execution.trace_tag == tag).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_pool_opens_the_circuit_and_its_orphans_are_cancelled_not_multiplied() {
    let pipeline = pipeline().await;
    pipeline.st2().set_fault(Fault::PoisonedPool);
    let alerts: Vec<_> = (0..40).map(|n| firing("HostDown", &format!("host-{n}"), T0)).collect();
    pipeline.send(&alerts).await;
    eventually("the circuit is open", Duration::from_secs(20), async || {
        let metrics = pipeline.dispatcher.as_ref().expect("a dispatcher").url("/metrics");
        let text = crate::harness::client().get(metrics).send().await.map_err(|e| e.to_string())?;
        let text = text.text().await.map_err(|e| e.to_string())?;
        if text.contains("poundcake_circuit_state 2") { Ok(()) } else { Err(text) }
    })
    .await;
    // 32 calls may have been under way when it opened; each left one orphan, and none was posted again.
    let orphans = pipeline.st2().executions();
    assert!(orphans.iter().all(|execution| execution.orphan), "all of them are orphans");
    for execution in &orphans {
        assert_eq!(of_tag(&orphans, &execution.trace_tag).len(), 1, "one POST per alert");
    }
    pipeline.st2().clear_faults();
    // An execution counts as forgotten after ten minutes, which no setting shortens: here they pass in the rows.
    pipeline.database().execute(
        "UPDATE poundcake_alerts SET attempted_at = attempted_at - INTERVAL 11 MINUTE WHERE dispatch_uncertain",
    );
    pipeline.settled().await;
    let executions = pipeline.st2().executions();
    for n in 1..=40 {
        let own: Vec<_> = executions.iter().filter(|e| e.trace_tag.ends_with(&format!(":{n}:0"))).collect();
        let ran: Vec<_> = own.iter().filter(|e| e.started).collect();
        assert_eq!(ran.len(), 1, "alert {n}: {own:?}");
        assert!(own.iter().all(|e| e.started || e.status == "canceled"), "alert {n}: {own:?}");
    }
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'dispatched'"), 40);
    assert_eq!(pipeline.database().count("poundcake_st2_execution_link"), 40);
}

/// A request inside st2api when its database's host dies hangs for minutes, and creates its execution then.
async fn a_call_that_hangs_inside_stackstorm_and_acts_after_the_client_gave_up_runs_once(shape: Shape) {
    let settings = |setup: Setup| {
        setup
            .routes(ROUTES)
            .variable("POUNDCAKE_ST2_TIMEOUT", "1s")
            .variable("POUNDCAKE_SETTLE_TIME", "600ms")
            .variable("POUNDCAKE_SILENT_SETTLE_TIME", "1m")
            .variable("POUNDCAKE_SWEEP_INTERVAL", "100ms")
            .variable("POUNDCAKE_RETRY_SCHEDULE", "200ms")
    };
    let pipeline = Pipeline::of(shape, settings).await;
    // Timeout and settle time together are over long before.
    pipeline.st2().set_fault_times(Fault::LateCreation { millis: 6_000 }, 1);
    pipeline.send(&[firing("HostDown", "hangs", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
    assert_eq!((pipeline.st2().seen().posts, pipeline.st2().executions().len()), (1, 1));
    assert_eq!(
        pipeline.database().count("poundcake_alerts WHERE dispatch_silent AND dispatch_log LIKE '%adopted%'"),
        1
    );
}
