//! `cooldown`: an alert that flaps runs its remediation once per cooldown.

use super::{each, held};
use crate::harness::{firing, resolved};

const ROUTES: &str = "routes:\n  - match: alertname=\"HostDown\"\n    action: core.noop\n    guards: {cooldown: 10m}\n";

fn minute(minute: u32) -> String {
    format!("2026-11-22T01:{minute:02}:00Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_flaps_is_held_until_the_cooldown_is_over_and_runs_then_if_it_still_fires() {
    for pipeline in each(ROUTES).await {
        pipeline.send(&[firing("HostDown", "web-1:9100", &minute(0))]).await;
        pipeline.settled().await;
        for round in 0..3 {
            let ended = resolved("HostDown", "web-1:9100", &minute(2 * round), &minute(2 * round + 1));
            pipeline.send(&[ended]).await;
            pipeline.send(&[firing("HostDown", "web-1:9100", &minute(2 * round + 2))]).await;
            held(&pipeline, "cooldown", 1).await;
        }
        assert_eq!(pipeline.st2().executions().len(), 1);
        let started = "poundcake_alerts WHERE dispatch_reason = 'resolved_before_dispatch'";
        assert_eq!(pipeline.database().count(started), 2, "each of them ended while it was held");
        // The cooldown is over.
        for table in ["poundcake_alerts", "poundcake_st2_execution_link"] {
            pipeline.database().execute(&format!("UPDATE {table} SET started_at = '2026-11-22 01:00:00'"));
        }
        pipeline.database().execute(
            "UPDATE poundcake_alerts SET next_attempt_at = '2026-11-22 01:00:00' WHERE dispatch_status = 'held'",
        );
        pipeline.settled().await;
        assert_eq!(pipeline.st2().executions().len(), 2);
    }
}
