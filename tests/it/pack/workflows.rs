//! Each workflow from an alert to its result.

use super::{World, shown};
use crate::harness::{SOON, eventually};
use serde_json::{Value, json};

const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: poundcake.host_down
    parameters: {control_host: bastion, command: 'echo cycled "$HOST"', wait: 60}
  - match: alertname="DiskFull"
    action: poundcake.disk_full
    parameters: {command: 'echo cleaned "$MOUNTPOINT"', wait: 60}
  - match: alertname="DiskOk"
    action: poundcake.disk_full
    parameters: {enough: 3}
  - match: alertname="Degraded"
    action: poundcake.remediate_with_silence
    parameters: {command: 'echo repaired', wait: 60}
  - match: alertname="Hopeless"
    action: poundcake.remediate_with_silence
    parameters: {command: 'false', wait: 60}
  - match: alertname="ServiceDown"
    webhook: poundcake_alert
"#;

fn labels<'a>(name: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("alertname", name), ("instance", "web-1:9100"), ("severity", "critical")];
    own.into_iter().chain(more.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn host_down_acts_verifies_that_the_alert_cleared_and_reports() {
    let world = World::start(ROUTES).await;
    let labels = labels("HostDown", &[]);
    let begun = world.fire(&labels).await;
    let acted = world.task("core.remote", "succeeded").await;
    assert_eq!(acted.document["result"]["bastion"]["stdout"], "cycled web-1");
    world.alertmanager.resolve(&labels, begun).await;
    let (root, tasks) = world.ended().await;
    assert_eq!(root.status, "succeeded", "{}", root.document["result"]);
    assert_eq!(
        tasks,
        [
            "poundcake.once succeeded",
            "poundcake.check_names succeeded",
            "poundcake.alert_state succeeded",
            "core.remote succeeded",
            "poundcake.alert_state succeeded",
            "poundcake.report succeeded"
        ]
    );
    let output = &root.document["result"]["output"];
    assert_eq!(output["outcome"], "fixed", "{output}");
    let wanted = "HostDown (critical) on web-1:9100: the alert has cleared\nposted by a test";
    assert_eq!(output["report"]["text"], json!(wanted), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_service_runs_from_its_rule_as_an_action_chain() {
    let world = World::start(ROUTES).await;
    world.enable_rule("poundcake.service_down").await;
    let labels = labels("ServiceDown", &[("service", "nginx.service")]);
    let begun = world.fire(&labels).await;
    let acted = world.task("core.remote", "succeeded").await;
    let wanted = json!({ "hosts": "web-1", "cmd": "sudo systemctl restart -- nginx.service" });
    assert_eq!(acted.document["parameters"], wanted);
    world.alertmanager.resolve(&labels, begun).await;
    let (root, tasks) = world.ended().await;
    assert_eq!((root.action.as_str(), root.status.as_str()), ("poundcake.restart_service", "succeeded"), "{tasks:?}");
    assert_eq!(tasks.last().map(String::as_str), Some("poundcake.report succeeded"), "{tasks:?}");
    world.pipeline.settled().await;
    let rule = "poundcake_alerts WHERE st2_rule_matched = 'poundcake.service_down' AND dispatch_status = 'dispatched'";
    assert_eq!(world.pipeline.database().count(rule), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_acts_on_what_prometheus_measures() {
    let world = World::start(ROUTES).await;
    let _prometheus = world.prometheus_with("web-1:9100", "/var").await;
    // As much is free as is enough for this one: nothing is done.
    world.fire(&labels("DiskOk", &[("mountpoint", "/var")])).await;
    let (root, tasks) = world.ended().await;
    assert_eq!(root.document["result"]["output"]["outcome"], "nothing_to_do", "{tasks:?}");
    let full = labels("DiskFull", &[("mountpoint", "/var")]);
    let begun = world.fire(&full).await;
    let acted = world.task("core.remote", "succeeded").await;
    assert_eq!(acted.document["result"]["web-1"]["stdout"], "cleaned /var");
    world.alertmanager.resolve(&full, begun).await;
    let roots = eventually("both have ended", SOON, async || {
        let roots = world.roots();
        let ended = roots.iter().all(|root| root.ended);
        if ended { Ok(roots) } else { Err(shown(&roots)) }
    })
    .await;
    let outcomes: Vec<Value> = roots.iter().map(|root| root.document["result"]["output"]["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("nothing_to_do"), json!("fixed")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn remediate_with_silence_silences_while_it_works_and_not_longer() {
    let world = World::start(ROUTES).await;
    let labels = labels("Degraded", &[]);
    let begun = world.fire(&labels).await;
    world.task("core.remote", "succeeded").await;
    let silences = world.alertmanager.silences().await;
    assert_eq!((silences.len(), &silences[0]["status"]["state"]), (1, &json!("active")), "{silences:?}");
    let comment = silences[0]["comment"].as_str().expect("a comment");
    assert!(comment.starts_with("PoundCake remediate_with_silence (StackStorm execution "), "{comment}");
    let names: Vec<_> = silences[0]["matchers"].as_array().into_iter().flatten().map(|own| &own["name"]).collect();
    assert_eq!(names, ["alertname", "instance"]);
    world.alertmanager.resolve(&labels, begun).await;
    let (root, tasks) = world.ended().await;
    assert_eq!(root.status, "succeeded", "{tasks:?}");
    assert_eq!(world.alertmanager.silences().await[0]["status"]["state"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_ends_when_the_remediation_did_not_help() {
    let world = World::start(ROUTES).await;
    world.fire(&labels("Hopeless", &[])).await;
    let (root, tasks) = world.ended().await;
    assert_eq!(
        (root.status.as_str(), root.document["result"]["output"]["outcome"].as_str()),
        ("failed", Some("not_fixed"))
    );
    assert_eq!(
        tasks[2..],
        [
            "poundcake.alertmanager_silence_create succeeded",
            "core.remote failed",
            "poundcake.alertmanager_silence_expire succeeded",
            "poundcake.report failed"
        ]
    );
    assert_eq!(world.alertmanager.silences().await[0]["status"]["state"], "expired");
}
