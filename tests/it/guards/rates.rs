//! `rate` and `per_target`: starts of any window.

use super::{dispatched, each, held, hosts, routes};
use crate::harness::firing;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_window_holds_the_rest() {
    for pipeline in each(&routes("{rate: [7/h]}")).await {
        pipeline.send(&hosts(0..30)).await;
        dispatched(&pipeline, 7).await;
        held(&pipeline, "rate", 23).await;
        assert_eq!(pipeline.st2().executions().len(), 7);
        // The window moves on by half an hour: the starts leave it, and as many more follow.
        for table in ["poundcake_alerts", "poundcake_st2_execution_link"] {
            pipeline.database().execute(&format!(
                "UPDATE {table} SET started_at = '2026-11-22 01:00:00' WHERE started_at IS NOT NULL"
            ));
        }
        dispatched(&pipeline, 14).await;
        assert_eq!(pipeline.st2().executions().len(), 14);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_target_with_many_alerts_delays_no_other() {
    for pipeline in each(&routes("{per_target: {label: instance, rate: [2/h]}}")).await {
        let of_one = |index: usize| {
            let mut alert = firing("HostDown", "web-1:9100", super::T0);
            alert["labels"]["disk"] = index.to_string().into();
            alert
        };
        pipeline.send(&(0..50).map(of_one).collect::<Vec<_>>()).await;
        dispatched(&pipeline, 2).await;
        held(&pipeline, "target_rate", 48).await;
        pipeline.send(&[firing("HostDown", "web-2:9100", super::T0)]).await;
        dispatched(&pipeline, 3).await;
        let far = "poundcake_alerts WHERE dispatch_reason = 'target_rate' AND guard_target = 'web-1:9100'";
        assert_eq!(pipeline.database().count(far), 48);
    }
}
