//! `mode`: off, shadow, approve.

use super::{each, held, hosts};

fn routes(mode: &str) -> String {
    format!(
        "routes:\n  - name: hosts\n    match: alertname=\"HostDown\"\n    action: core.local\n    mode: {mode}\n    parameters: {{cmd: \"echo ${{labels.instance}}\"}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_off_skips_its_alerts() {
    for pipeline in each(&routes("'off'")).await {
        pipeline.send(&hosts(0..2)).await;
        pipeline.settled().await;
        assert_eq!(pipeline.statuses(""), ["HostDown skipped/route_off"; 2]);
        assert_eq!(pipeline.st2().executions().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_route_shows_what_would_be_sent() {
    for pipeline in each(&routes("shadow")).await {
        pipeline.send(&hosts(0..1)).await;
        pipeline.settled().await;
        assert_eq!(pipeline.statuses(""), ["HostDown skipped/shadow"]);
        let log = pipeline.database().lines("SELECT dispatch_log AS value FROM poundcake_alerts");
        assert!(log[0].contains("echo web-0:9100") && log[0].contains("action:core.local"), "{log:?}");
        assert_eq!(pipeline.st2().executions().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_waits_for_an_approval_and_what_was_not_approved_is_asked_again() {
    for pipeline in each(&routes("approve")).await {
        pipeline.send(&hosts(0..1)).await;
        held(&pipeline, "approval", 1).await;
        assert_eq!(pipeline.st2().executions().len(), 0);
        // An approval of something else is none.
        let approve = |digest: &str| {
            pipeline.database().execute(&format!(
                "UPDATE poundcake_alerts SET dispatch_waived = '{{\"approval\":\"{digest}\"}}', next_attempt_at = '2026-11-22 01:00:00' \
                 WHERE dispatch_reason = 'approval'"
            ));
        };
        approve("0000");
        crate::harness::eventually("it is asked again", crate::harness::SOON, async || {
            let asked = "poundcake_alerts WHERE dispatch_reason = 'approval' AND dispatch_log LIKE '%approval_void%'";
            if pipeline.database().count(asked) == 1 { Ok(()) } else { Err(pipeline.statuses("")) }
        })
        .await;
        let log = pipeline.database().lines("SELECT dispatch_log AS value FROM poundcake_alerts");
        let log: serde_json::Value = serde_json::from_str(&log[0]).expect("JSON");
        let shown =
            log.as_array().expect("a list").iter().rev().find(|entry| entry["event"] == "shown").expect("shown");
        approve(shown["digest"].as_str().expect("a digest"));
        pipeline.settled().await;
        pipeline.assert_ledger(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_leaves_a_placeholder_empty_is_rejected_before_a_guard_holds_it() {
    for mode in ["run", "approve", "shadow"] {
        let routes = routes(mode).replace("labels.instance", "labels.cluster") + "    guards: {max_in_flight: 1}\n";
        for pipeline in each(&routes).await {
            pipeline.send(&hosts(0..2)).await;
            pipeline.settled().await;
            assert_eq!(pipeline.statuses(""), ["HostDown failed/rejected"; 2], "{mode}");
            let named = "poundcake_alerts WHERE dispatch_error LIKE '${labels.cluster} is empty in this alert%' AND dispatch_attempts = 0";
            assert_eq!(pipeline.database().count(named), 2, "{mode}");
            assert_eq!(pipeline.st2().executions().len(), 0);
        }
    }
}
