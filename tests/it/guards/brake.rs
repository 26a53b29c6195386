//! `brake`: 1,000 hosts down must not mean 1,000 reboots.

use super::{each, held, hosts, routes};
use crate::harness::{Pipeline, SOON, Shape, eventually, on_both_shapes, resolved};

on_both_shapes! {
    a_brake_that_a_person_must_release_ends_when_nothing_waits_any_more,
}

#[tokio::test(flavor = "multi_thread")]
async fn while_too_many_hosts_are_down_no_more_than_the_brake_allows_are_started() {
    for pipeline in each(&routes("{brake: {above: 5, within: 10m}}")).await {
        for chunk in hosts(0..100).chunks(20) {
            pipeline.send(chunk).await;
        }
        eventually("every alert is started or held", SOON, async || {
            match pipeline.database().count("poundcake_alerts WHERE dispatch_status IN ('held', 'dispatched')") {
                100 => Ok(()),
                _ => Err(pipeline.statuses("")),
            }
        })
        .await;
        let started = pipeline.st2().executions().len();
        assert!(started <= 5, "{started}");
        held(&pipeline, "brake", i64::try_from(100 - started).expect("few")).await;
        // An alert that resolves while it is held costs nothing, and few that are left are started by themselves.
        let ended: Vec<_> = (0..100)
            .map(|host| resolved("HostDown", &format!("web-{host}:9100"), super::T0, "2026-11-22T02:00:00Z"))
            .collect();
        pipeline.send(&ended).await;
        pipeline.settled().await;
        assert_eq!(pipeline.st2().executions().len(), started);
        let skipped = "poundcake_alerts WHERE dispatch_reason = 'resolved_before_dispatch'";
        assert_eq!(pipeline.database().count(skipped), i64::try_from(100 - started).expect("few"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_hosts_pass() {
    for pipeline in each(&routes("{brake: {above: 5, within: 10m}}")).await {
        pipeline.send(&hosts(0..5)).await;
        pipeline.settled().await;
        pipeline.assert_ledger(5).await;
    }
}

async fn a_brake_that_a_person_must_release_ends_when_nothing_waits_any_more(shape: Shape) {
    let guards = routes("{brake: {above: 2, within: 1s, release: by_hand}}");
    let pipeline = Pipeline::of(shape, |setup| setup.routes(&guards)).await;
    pipeline.send(&hosts(0..10)).await;
    let on = "poundcake_api_calls WHERE id = -1 AND body LIKE '%hosts%'";
    eventually("the brake is on", SOON, async || match pipeline.database().count(on) {
        1 => Ok(()),
        _ => Err(pipeline.statuses("")),
    })
    .await;
    let ended: Vec<_> = (0..10)
        .map(|host| resolved("HostDown", &format!("web-{host}:9100"), super::T0, "2026-11-22T02:00:00Z"))
        .collect();
    pipeline.send(&ended).await;
    eventually("the brake is off", SOON, async || match pipeline.database().count(on) {
        0 => Ok(()),
        _ => Err(pipeline.statuses("")),
    })
    .await;
    // Those that were started are no storm any more.
    super::shift(&pipeline, "poundcake_alerts", &["started_at"], 1);
    super::shift(&pipeline, "poundcake_st2_execution_link", &["started_at"], 1);
    pipeline.send(&hosts(10..11)).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses("WHERE instance = 'web-10:9100'"), ["HostDown dispatched/-"]);
}
