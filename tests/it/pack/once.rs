//! `once`: of two executions for one firing exactly one acts, on each way that makes two.

use super::{World, shown};
use crate::harness::{SOON, client, eventually};
use serde_json::{Value, json};
use st2_stand_in::{ExecutionView, Fault};

/// The command is quick, and the alert has cleared when the workflow verifies it: Alertmanager is not told of it.
const ROUTES: &str = r#"
routes:
  - match: alertname="ServiceDown"
    webhook: poundcake_alert
    on_uncertain: post_again
  - match: alertname="HostDown"
    action: poundcake.host_down
    parameters: {control_host: bastion, command: 'true', wait: 1}
"#;

fn alert(name: &str) -> Value {
    json!({
        "status": "firing", "startsAt": "2026-11-22T01:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
        "labels": { "alertname": name, "instance": "web-1", "severity": "critical", "service": "nginx" },
    })
}

impl World {
    async fn send(&self, name: &str) {
        let body = json!({ "version": "4", "status": "firing", "alerts": [alert(name)] }).to_string();
        let url = self.pipeline.ingest.url("/api/v1/webhook");
        let answer = client().post(url).bearer_auth(super::WEBHOOK_TOKEN).body(body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 202);
    }

    /// Waits until so many roots have ended; their statuses, sorted.
    async fn all_ended(&self, count: usize) -> Vec<String> {
        let roots = eventually(&format!("{count} roots have ended"), SOON, async || {
            let roots = self.roots();
            if roots.len() == count && roots.iter().all(|own| own.ended) { Ok(roots) } else { Err(shown(&roots)) }
        })
        .await;
        let mut statuses: Vec<String> = roots.into_iter().map(|own| own.status).collect();
        statuses.sort();
        statuses
    }

    /// How often the command was run.
    fn acted(&self) -> usize {
        self.pipeline.st2().executions().iter().filter(|own| own.action == "core.remote").count()
    }

    /// Asks the stand-in as a client of StackStorm.
    async fn st2_post(&self, path: &str, tag: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.pipeline.setup.stand_in.api_url());
        let request = client().post(url).header("St2-Api-Key", crate::harness::KEY).header("St2-Trace-Tag", tag);
        request.json(body).send().await.expect("StackStorm").json().await.expect("JSON")
    }

    fn first_root(&self) -> ExecutionView {
        self.roots().into_iter().next().expect("a root")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_starts_a_rule_twice_acts_once() {
    let world = World::start(ROUTES).await;
    world.enable_rule("poundcake.service_down").await;
    world.pipeline.st2().set_fault_times(Fault::TriggerTwice, 1);
    world.send("ServiceDown").await;
    // The alert is not in Alertmanager: it counts as cleared.
    assert_eq!(world.all_ended(2).await, ["canceled", "succeeded"]);
    assert_eq!(world.acted(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_arrives_again_after_the_workflow_has_ended_acts_once() {
    let world = World::start(ROUTES).await;
    world.enable_rule("poundcake.service_down").await;
    world.send("ServiceDown").await;
    assert_eq!(world.all_ended(1).await, ["succeeded"]);
    let first = world.first_root();
    let body = &first.document["trigger_instance"]["payload"]["body"];
    world.st2_post("/webhooks/poundcake_alert", &first.trace_tag, body).await;
    assert_eq!(world.all_ended(2).await, ["canceled", "succeeded"]);
    assert_eq!(world.acted(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_hangs_inside_stackstorm_and_is_posted_again_acts_once() {
    let quick = [
        ("POUNDCAKE_ST2_TIMEOUT", "1s"),
        ("POUNDCAKE_LEASE", "7s"),
        ("POUNDCAKE_SETTLE_TIME", "1s"),
        ("POUNDCAKE_SILENT_SETTLE_TIME", "2s"),
    ];
    let world = World::start_with(ROUTES, |setup| {
        quick.iter().fold(setup, |setup, (name, value)| setup.variable(name, *value))
    });
    let world = world.await;
    world.enable_rule("poundcake.service_down").await;
    // Longer than the silent settle time: PoundCake posts again, and then the first one is published as well.
    world.pipeline.st2().set_fault_times(Fault::HangThenAct { millis: 15_000 }, 1);
    world.send("ServiceDown").await;
    assert_eq!(world.all_ended(2).await, ["canceled", "succeeded"]);
    assert_eq!((world.acted(), world.pipeline.st2().seen().webhooks), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_was_posted_twice_acts_once_and_a_re_run_acts_again() {
    let world = World::start(ROUTES).await;
    let begun = world.fire(&[("alertname", "HostDown"), ("instance", "web-1")]).await;
    world.task("core.remote", "succeeded").await;
    world.alertmanager.resolve(&[("alertname", "HostDown"), ("instance", "web-1")], begun).await;
    world.all_ended(1).await;
    let first = world.first_root();
    let again = json!({
        "action": first.action, "parameters": first.document["parameters"],
        "context": { "trace_context": { "trace_tag": first.trace_tag } },
    });
    let second = world.st2_post("/executions", "", &again).await;
    world.all_ended(2).await;
    let second = world.roots().into_iter().find(|own| second["id"] == own.id.as_str()).expect("the second");
    assert_eq!((second.status.as_str(), world.acted()), ("canceled", 1));
    // A person wants it once more. The alert has cleared by now, so there is nothing to do, but `once` lets it on.
    let rerun = world.st2_post(&format!("/executions/{}/re_run", first.id), "", &json!({})).await;
    world.all_ended(3).await;
    let rerun = world.roots().into_iter().find(|own| rerun["id"] == own.id.as_str()).expect("the re-run");
    assert_eq!(rerun.document["result"]["output"]["outcome"], "nothing_to_do", "{:?}", rerun.document["result"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_cancels_a_second_one_that_starts_while_the_first_runs() {
    let world = World::start(ROUTES).await;
    let yaml = std::fs::read_to_string(format!("{}/policies/host_down.yaml", super::PACK)).expect("the policy");
    assert!(yaml.contains("enabled: false"), "the policy is an example");
    let enabled = yaml.replace("enabled: false", "enabled: true").replace("at_once", "at_once_enabled");
    world.pipeline.st2().add_policy("poundcake", &enabled).expect("a policy");
    let parameters = |fingerprint: &str| {
        json!({ "alert_name": "HostDown", "instance": "web-1", "control_host": "b", "command": "true", "wait": 1,
            "fingerprint": fingerprint, "poundcake_request_id": "one-webhook" })
    };
    let bodies = ["a", "a", "b"].map(|own| json!({ "action": "poundcake.host_down", "parameters": parameters(own) }));
    tokio::join!(
        world.st2_post("/executions", "", &bodies[0]),
        world.st2_post("/executions", "", &bodies[1]),
        world.st2_post("/executions", "", &bodies[2]),
    );
    // Another alert of the same webhook is not a second one.
    assert_eq!(world.all_ended(3).await, ["canceled", "succeeded", "succeeded"]);
    let canceled = world.roots().into_iter().find(|own| own.status == "canceled").expect("one");
    assert!(!canceled.started && canceled.document["parameters"]["fingerprint"] == "a");
}
