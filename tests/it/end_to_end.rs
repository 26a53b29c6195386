//! The neighbours' own programs drive the chain: Prometheus, Alertmanager, PoundCake's processes, StackStorm's stand-in.

use crate::harness::{Alertmanager, PATIENCE, Pipeline, Prometheus, Setup, Shape, eventually};
use chrono::{TimeDelta, Utc};

const TOKEN: &str = "alertmanager-token-of-this-test";
const ROUTES: &str = r"
routes:
  - action: remediation.host_down_workflow
    parameters:
      instance: at ${labels.instance?}
";

async fn pipeline() -> Pipeline {
    let setup = Setup::new(Shape::Separate).await.routes(ROUTES);
    let setup = setup.file("POUNDCAKE_WEBHOOK_TOKENS_FILE", &format!("alertmanager:{TOKEN}\n"));
    setup.variable("POUNDCAKE_REFIRE_COOLDOWN", "1s").start().await
}

async fn alertmanager(pipeline: &Pipeline) -> Alertmanager {
    Alertmanager::start(&pipeline.ingest.url("/api/v1/webhook"), TOKEN).await
}

/// Waits until so many rows at least are in a state, `status` or `status/reason`.
async fn rows(pipeline: &Pipeline, name: &str, state: &str, least: usize) {
    eventually(&format!("{least} rows of {name} are {state}"), PATIENCE, async || {
        let all = pipeline.statuses("");
        let found = all.iter().filter(|row| **row == format!("{name} {state}")).count();
        if found >= least { Ok(()) } else { Err(all) }
    })
    .await;
}

fn roots(pipeline: &Pipeline) -> usize {
    pipeline.st2().executions().iter().filter(|execution| execution.parent.is_none()).count()
}

fn open_episodes(pipeline: &Pipeline) -> i64 {
    pipeline.database().count("poundcake_alerts WHERE open_fingerprint IS NOT NULL")
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_fires_repeats_resolves_and_fires_again_and_each_firing_runs_once() {
    let pipeline = pipeline().await;
    let alertmanager = alertmanager(&pipeline).await;
    let labels = [("alertname", "HostDown"), ("instance", "web-1:9100"), ("severity", "critical")];
    let first = Utc::now() - TimeDelta::minutes(1);
    alertmanager.fire(&labels, first).await;
    rows(&pipeline, "HostDown", "dispatched/-", 1).await;
    rows(&pipeline, "HostDown", "skipped/repeat", 2).await;
    assert_eq!((roots(&pipeline), open_episodes(&pipeline)), (1, 1), "repeats run nothing");
    pipeline.assert_queues_empty().await;

    alertmanager.resolve(&labels, first).await;
    rows(&pipeline, "HostDown", "skipped/resolved", 1).await;
    assert_eq!((roots(&pipeline), open_episodes(&pipeline)), (1, 0), "the end runs nothing and closes the episode");
    pipeline.assert_queues_empty().await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE closed_at IS NOT NULL"), 1);

    alertmanager.fire(&labels, Utc::now()).await;
    rows(&pipeline, "HostDown", "dispatched/-", 2).await;
    drop(alertmanager);
    pipeline.settled().await;
    assert_eq!(open_episodes(&pipeline), 1);
    pipeline.assert_ledger(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_prometheus_reaches_stackstorm_and_the_watchdog_does_not() {
    let pipeline = pipeline().await;
    let alertmanager = alertmanager(&pipeline).await;
    let prometheus = Prometheus::start(&alertmanager).await;
    rows(&pipeline, "TargetDown", "dispatched/-", 1).await;
    rows(&pipeline, "DemoFlapping", "skipped/resolved", 1).await;
    rows(&pipeline, "DemoFlapping", "dispatched/-", 2).await;
    rows(&pipeline, "Watchdog", "skipped/muted", 2).await;
    drop(prometheus);
    drop(alertmanager);
    pipeline.settled().await;
    let dispatched = pipeline.statuses("WHERE dispatch_status = 'dispatched'");
    for once in ["TargetDown", "DemoAlwaysFiring"] {
        assert_eq!(dispatched.iter().filter(|row| row.starts_with(once)).count(), 1, "{once}: {dispatched:?}");
    }
    assert_eq!(
        pipeline.database().count("poundcake_alerts WHERE alert_name = 'Watchdog' AND dispatch_reason <> 'muted'"),
        0
    );
    let down =
        pipeline.st2().executions().into_iter().any(|e| e.document["parameters"]["instance"] == "at 127.0.0.1:9");
    assert!(down, "TargetDown's own instance arrived");
    pipeline.assert_ledger(dispatched.len()).await;
}
