//! `poundcake routes test`: what would happen to an alert, told without asking anybody.

use super::{file, repository};
use crate::harness::{Process, firing};
use std::process::ExitStatus;

const ROUTES: &str = r#"
routes:
  - name: hosts
    match: alertname="HostDown", severity=~"critical|page"
    action: remediation.host_down_workflow
    parameters:
      host: ${labels.instance}
  - match: alertname=~"Disk.*"
    webhook: disks
  - match: alertname="Net"
    webhook: nets
    on_uncertain: post_again
"#;

async fn routes_test(routes: Option<&str>, alert: &str) -> (ExitStatus, String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let alert = file(&directory, "alert.json", alert);
    let mut process = Process::poundcake("routes").argument("test").argument(alert.display().to_string());
    if let Some(routes) = routes {
        let path = file(&directory, "routes.yaml", routes);
        process = process.variable("POUNDCAKE_ROUTES", path.display().to_string());
    }
    process.run().await
}

#[tokio::test]
async fn a_recorded_webhook_is_shown_alert_by_alert() {
    let webhook = repository("tests/data/payloads/02-group-of-3-firing.json");
    let (status, output, error) = routes_test(None, &webhook).await;
    assert!(status.success(), "{error}");
    assert_eq!(output.matches("webhook:poundcake_alert").count(), 3, "{output}");
    assert!(output.contains("request_id:"), "the webhook's body is shown: {output}");
}

#[tokio::test]
async fn a_single_alert_takes_the_first_route_that_matches() {
    let (status, output, error) =
        routes_test(Some(ROUTES), &firing("HostDown", "web-1:9100", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(status.success(), "{error}");
    assert!(output.contains("route hosts: action:remediation.host_down_workflow"), "{output}");
    assert!(output.contains("host: \"web-1:9100\""), "{output}");
    let (_, output, _) =
        routes_test(Some(ROUTES), &firing("DiskFull", "db-1", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(output.contains("route 2: webhook:disks") && output.contains("on_uncertain: fail"), "{output}");
    let (_, output, _) = routes_test(Some(ROUTES), &firing("Net", "db-1", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(output.contains("on_uncertain: post_again"), "{output}");
    let (status, output, _) =
        routes_test(Some(ROUTES), &firing("Nothing", "db-1", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(status.success() && output.contains("skipped/no_route"), "{output}");
    let (_, output, _) = routes_test(Some(ROUTES), &firing("Watchdog", "-", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(output.contains("muted by POUNDCAKE_MUTE"), "{output}");
}

#[tokio::test]
async fn an_invalid_routes_file_is_refused_with_its_line() {
    let alert = firing("HostDown", "web-1", "2026-11-22T01:00:00Z").to_string();
    let cases = [
        (ROUTES.replace("webhook: disks", "workflow: disks"), "line 9"),
        (ROUTES.replace("webhook: disks", "webhook: disks\n    action: a.b"), "line 8"),
        (ROUTES.replace("remediation.host_down_workflow", "host_down_workflow"), "line 3"),
        (ROUTES.replace("alertname=~\"Disk.*\"", "alertname=~\"(\""), "line 8"),
        (ROUTES.replace("    webhook: disks", "  webhook: disks"), "line"),
    ];
    for (routes, line) in cases {
        let (status, _, error) = routes_test(Some(&routes), &alert).await;
        assert_eq!(status.code(), Some(1), "{routes}: {error}");
        assert!(error.contains(line), "no {line:?} in {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_alert_is_refused() {
    for text in ["", "[]", "{", "\"text\""] {
        let (status, output, error) = routes_test(None, text).await;
        assert_eq!(status.code(), Some(1), "{text:?}: {output} {error}");
    }
}
