//! One alert, all the way: webhook, rows, queue, StackStorm, link; on both stores and both queues.

use crate::harness::{Pipeline, firing};

const T0: &str = "2026-11-22T01:00:00Z";

/// `HostDown` goes to an action, everything else to the rules.
const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: remediation.host_down_workflow
  - match: alertname="Gone"
    action: remediation.no_such_action
  - match: alertname=~"Rule.*"
    webhook: poundcake_alert
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_firing_alert_becomes_one_execution_with_a_link() {
    for pipeline in Pipeline::each(|setup| setup.routes(ROUTES)).await {
        let request_id = pipeline.send(&[firing("HostDown", "web-1:9100", T0)]).await;
        pipeline.settled().await;
        assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
        let executions: Vec<_> = pipeline.st2().executions().into_iter().filter(|e| e.parent.is_none()).collect();
        assert_eq!(executions.len(), 1);
        assert_eq!(executions[0].trace_tag, format!("poundcake:{request_id}:1:0"));
        let parameters = &executions[0].document["parameters"];
        assert_eq!(parameters["alert_name"], "HostDown");
        assert_eq!(parameters["poundcake_request_id"], request_id.as_str());
        assert!(parameters.get("labels").is_none(), "not declared, so not sent: {parameters}");
        let links = pipeline.database().lines("SELECT st2_execution_id AS value FROM poundcake_st2_execution_link");
        assert_eq!(links, [executions[0].id.as_str()]);
    }
}
