//! Which alerts are the same, by the two settings of identity; on both stores.

use crate::harness::{Pipeline, Shape, T0, firing, on_both_shapes, resolved};
use serde_json::{Value, json};

on_both_shapes! {
    alerts_that_differ_in_an_ignored_label_are_one_episode_and_run_once,
    equal_alerts_of_two_receivers_run_once_each_where_the_receiver_counts,
}

/// The other replica looks a little later.
const T0_LATER: &str = "2026-11-22T01:00:25Z";
const T1: &str = "2026-11-22T02:00:00Z";

const ROUTES: &str = r#"routes: [{match: 'alertname="HostDown"', action: remediation.host_down_workflow}]"#;

async fn started(shape: Shape, ignored: &str, added: &str) -> Pipeline {
    let settings = [("POUNDCAKE_IDENTITY_IGNORE_LABELS", ignored), ("POUNDCAKE_IDENTITY_ADD", added)];
    Pipeline::of(shape, |setup| {
        let setup = setup.routes(ROUTES).variable("POUNDCAKE_REFIRE_COOLDOWN", "0s");
        settings.iter().fold(setup, |setup, (name, value)| setup.variable(name, *value))
    })
    .await
}

fn seen_by(replica: &str, mut alert: Value) -> Value {
    alert["labels"]["prometheus_replica"] = json!(replica);
    alert
}

fn roots(pipeline: &Pipeline) -> usize {
    pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none()).count()
}

async fn alerts_that_differ_in_an_ignored_label_are_one_episode_and_run_once(shape: Shape) {
    let pipeline = started(shape, "prometheus_replica", "").await;
    for (replica, start) in [("p-0", T0), ("p-1", T0_LATER), ("p-0", T0), ("p-1", T0_LATER)] {
        pipeline.send(&[seen_by(replica, firing("HostDown", "a", start))]).await;
        pipeline.settled().await;
    }
    pipeline.send(&[seen_by("p-0", resolved("HostDown", "a", T0, T1))]).await;
    pipeline.send(&[seen_by("p-1", firing("HostDown", "a", T0_LATER))]).await;
    pipeline.send(&[seen_by("p-1", resolved("HostDown", "a", T0_LATER, T1))]).await;
    let mut expected = vec!["HostDown dispatched/-"];
    expected.extend(["HostDown skipped/repeat"; 3]);
    expected.extend(["HostDown skipped/resolved", "HostDown skipped/reopened", "HostDown skipped/resolved"]);
    assert_eq!(pipeline.statuses(""), expected);
    assert_eq!(roots(&pipeline), 1);
    let database = pipeline.database();
    assert_eq!(database.count("poundcake_alerts WHERE open_fingerprint IS NOT NULL"), 0);
    // It is Alertmanager's fingerprint of the labels that count, and all labels are kept.
    let fingerprints = database.lines("SELECT DISTINCT fingerprint AS value FROM poundcake_alerts");
    assert_eq!(fingerprints, ["b207b023827fae88"]);
    assert_eq!(database.count("poundcake_alerts WHERE labels LIKE '%prometheus_replica%'"), 7);
}

async fn equal_alerts_of_two_receivers_run_once_each_where_the_receiver_counts(shape: Shape) {
    let pipeline = started(shape, "", "receiver").await;
    let from = async |receiver: &str, alert: Value| {
        let body = json!({ "version": "4", "status": "firing", "receiver": receiver, "alerts": [alert] });
        assert_eq!(pipeline.post(body.to_string()).await.0, 202);
    };
    for receiver in ["eu", "us", "eu"] {
        from(receiver, firing("HostDown", "a", T0)).await;
    }
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-", "HostDown dispatched/-", "HostDown skipped/repeat"]);
    assert_eq!(roots(&pipeline), 2);
    from("us", resolved("HostDown", "a", T0, T1)).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE open_fingerprint IS NOT NULL"), 1);
}
