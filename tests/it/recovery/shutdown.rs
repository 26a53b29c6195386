//! SIGTERM in the middle of work: exit 0 in time, no attempt spent, nothing lost.

use super::{alerts, proxied};
use crate::harness::{PATIENCE, Pipeline, SOON, Setup, Shape, deliver, eventually};
use st2_stand_in::Fault;
use std::time::Duration;

/// What Kubernetes and systemd give.
const GRACE: Duration = Duration::from_secs(30);
const ALERTS: usize = 240;

/// Calls take a while, and no slow machine makes them time out.
async fn busy(shape: Shape) -> Setup {
    let setup = proxied(shape).await.variable("POUNDCAKE_ST2_TIMEOUT", "20s").variable("POUNDCAKE_LEASE", "45s");
    setup.stand_in.control().set_fault(Fault::Delay { millis: 100 });
    setup
}

/// Eight senders, each with its share, one alert at a time.
async fn load(url: String) {
    let all = alerts(ALERTS);
    let sender = async |share: &[serde_json::Value]| {
        for alert in share {
            deliver(&url, std::slice::from_ref(alert)).await;
        }
    };
    futures_util::future::join_all(all.chunks(ALERTS / 8).map(sender)).await;
}

async fn running(pipeline: &Pipeline, least: usize) {
    let running = async || match pipeline.st2().executions().len() {
        found if found >= least => Ok(()),
        few => Err(few),
    };
    eventually("work is under way", SOON, running).await;
}

async fn nothing_spent_or_lost(pipeline: &Pipeline) {
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(ALERTS).await;
    let spent = "poundcake_alerts WHERE dispatch_status = 'dispatched' AND (dispatch_attempts <> 1 OR dispatch_log IS NOT NULL)";
    assert_eq!(pipeline.database().count(spent), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_and_dispatcher_stop_under_load_without_losing_or_failing_anything() {
    let mut pipeline = busy(Shape::Separate).await.start().await;
    let load = load(pipeline.ingest.url("/api/v1/webhook"));
    let restart = async {
        running(&pipeline, 10).await;
        let (ingest, dispatcher) = (pipeline.ingest.terminate(GRACE), pipeline.dispatcher().terminate(GRACE));
        let (ingest, dispatcher) = tokio::join!(ingest, dispatcher);
        assert!(ingest.success() && dispatcher.success(), "{ingest} {dispatcher}");
        pipeline.ingest = pipeline.ingest.again().await;
        pipeline.start_dispatcher().await;
    };
    tokio::join!(load, restart);
    nothing_spent_or_lost(&pipeline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_stops_under_load_without_losing_or_failing_anything() {
    let mut pipeline = busy(Shape::Standalone).await.start().await;
    let load = load(pipeline.ingest.url("/api/v1/webhook"));
    let restart = async {
        running(&pipeline, 10).await;
        let status = pipeline.ingest.terminate(GRACE).await;
        assert!(status.success(), "{status}");
        pipeline.ingest = pipeline.ingest.again().await;
    };
    tokio::join!(load, restart);
    nothing_spent_or_lost(&pipeline).await;
}
