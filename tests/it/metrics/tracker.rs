//! What the tracker counts.

use super::{scrape, series, value};
use crate::harness::{Pipeline, SOON, Setup, Shape, T0, eventually, firing};

const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: remediation.host_down_workflow
  - match: alertname="DiskFull"
    action: remediation.failing_workflow
"#;

#[tokio::test(flavor = "multi_thread")]
async fn executions_are_counted_by_action_and_final_status_and_their_tasks_are_not() {
    let pipeline: Pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start().await;
    let tracker = pipeline.start_tracker().await;
    let alerts = [firing("HostDown", "a", T0), firing("HostDown", "b", T0), firing("DiskFull", "a", T0)];
    pipeline.send(&alerts).await;
    pipeline.settled().await;
    eventually("three executions with all their tasks", SOON, async || {
        match pipeline.database().count("execution_db WHERE parent IS NULL AND tracking = 'done'") {
            3 => Ok(()),
            others => Err(others),
        }
    })
    .await;
    let text = scrape(tracker.url("/metrics")).await;
    assert_eq!(
        series(&text, "poundcake_executions_ended_total"),
        [
            "{action=\"remediation.failing_workflow\",status=\"failed\"} 1",
            "{action=\"remediation.host_down_workflow\",status=\"succeeded\"} 2",
        ]
    );
    assert_eq!(value(&text, "poundcake_tracker_polls_total{result=\"failed\"}"), "0");
}
