//! Alert text that would break a shell, JSON, Jinja or YAQL goes through each workflow unharmed, and reaches no command.

use super::{World, shown};
use crate::harness::{SOON, eventually};
use chrono::Utc;
use serde_json::json;

const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: poundcake.host_down
    parameters: {control_host: bastion, command: 'true', wait: 1}
  - match: alertname="DiskFull"
    action: poundcake.disk_full
    parameters: {command: 'true', wait: 1}
  - match: alertname="Degraded"
    action: poundcake.remediate_with_silence
    parameters: {command: 'true', wait: 1}
  - match: alertname="ServiceDown"
    webhook: poundcake_alert
"#;
const HOSTILE: &str = "a'b\"c\\d $(id) `id` ;{{ 6*7 }}{% x %}{# y #}<% 6*7 %> </script>\n-e \u{1F382}";
/// As it is to come out: PoundCake has broken the opening marks apart.
const PASSED: &str = "a'b\"c\\d $(id) `id` ;{ { 6*7 }}{ % x %}{ # y #}< % 6*7 %> </script>\n-e \u{1F382}";

fn labels(name: &str) -> [(&str, &str); 6] {
    let hostile = [("severity", HOSTILE), ("note", HOSTILE)];
    [("alertname", name), ("instance", "web-1"), hostile[0], hostile[1], ("mountpoint", "/var"), ("service", "nginx")]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_goes_through_each_workflow_unharmed() {
    let world = World::start(ROUTES).await;
    world.enable_rule("poundcake.service_down").await;
    let prometheus = world.prometheus_with("web-1", "/var").await;
    let begun = Utc::now();
    for name in ["HostDown", "DiskFull", "Degraded", "ServiceDown"] {
        world.alertmanager.fire_saying(&labels(name), HOSTILE, begun).await;
    }
    // By its rule, which says nothing of `wait`, this one waits for minutes.
    eventually("the service is restarted", SOON, async || {
        let all = world.pipeline.st2().executions();
        let restarted = all.iter().any(|own| own.action == "core.remote" && own.document.to_string().contains("nginx"));
        if restarted { Ok(()) } else { Err(shown(&all)) }
    })
    .await;
    world.alertmanager.resolve(&labels("ServiceDown"), begun).await;
    let roots = eventually("four workflows have ended", SOON, async || {
        let roots = world.roots();
        if roots.iter().filter(|own| own.ended).count() == 4 { Ok(roots) } else { Err(shown(&roots)) }
    })
    .await;
    let all = world.pipeline.st2().executions();
    for root in roots {
        let tasks: Vec<_> = all.iter().filter(|own| own.parent.as_ref() == Some(&root.id)).collect();
        // Nothing clears the others, so each workflow has acted, verified, and says that it did not help.
        let outcome = if root.action == "poundcake.restart_service" { "fixed" } else { "not_fixed" };
        let report = tasks.iter().find(|own| own.action == "poundcake.report").expect("a report");
        let (given, said) = (&report.document["parameters"], &report.document["result"]["result"]);
        assert_eq!((&given["outcome"], &given["severity"]), (&json!(outcome), &json!(PASSED)), "{}", root.action);
        assert!(said["text"].as_str().is_some_and(|text| text.contains(PASSED)), "{}: {said}", root.action);
        if root.action != "poundcake.restart_service" {
            assert_eq!(given["annotations"], json!({ "summary": PASSED }), "{}", root.action);
            assert_eq!(root.document["parameters"]["labels"]["note"], PASSED, "{}", root.action);
        }
        let act = tasks.iter().find(|own| own.action == "core.remote").expect("an act");
        assert!(!act.document["parameters"].to_string().contains("$(id)"), "{}", act.document["parameters"]);
    }
    drop(prometheus);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_none_is_refused_before_anything_is_run() {
    let world = World::start(ROUTES).await;
    world.enable_rule("poundcake.service_down").await;
    world.alertmanager.fire_saying(&[("alertname", "HostDown"), ("instance", HOSTILE)], "x", Utc::now()).await;
    let labels = [("alertname", "ServiceDown"), ("instance", "web-1"), ("service", "nginx; reboot")];
    world.alertmanager.fire_saying(&labels, "x", Utc::now()).await;
    eventually("both have failed", SOON, async || {
        let roots = world.roots();
        if roots.iter().filter(|own| own.status == "failed").count() == 2 { Ok(()) } else { Err(shown(&roots)) }
    })
    .await;
    let all = world.pipeline.st2().executions();
    assert!(!all.iter().any(|own| own.action == "core.remote"), "nothing was run");
    let errors: Vec<_> = all.iter().filter(|own| own.action == "poundcake.check_names").collect();
    let said = |part: &str| {
        errors.iter().any(|own| own.document["result"]["result"]["error"].as_str().is_some_and(|e| e.contains(part)))
    };
    assert!(said("is not a host name with or without a port; nothing was run"), "{errors:?}");
    assert!(said("service 'nginx; reboot' is not the name of a systemd unit"), "{errors:?}");
}
