//! The pack `packs/poundcake` end to end: an alert of a real Alertmanager goes in, the stand-in runs the pack's workflows
//! and its Python actions, which ask that Alertmanager and PoundCake, and a result comes out.

mod hostile;
mod once;
mod tools;
mod workflows;

use crate::harness::{Alertmanager, KEY, Pipeline, Prometheus, SOON, Setup, Shape, client, eventually};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use st2_stand_in::{ExecutionView, Options};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packs/poundcake");
const WEBHOOK_TOKEN: &str = "alertmanager-token-of-this-test";
const OPERATOR_TOKEN: &str = "operator-token-of-this-test";

/// The Python that has what the pack's `requirements.txt` names.
fn python() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/venv.sh");
    let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/requirements/pack.txt");
    let made = Command::new(script).args(["pack", "-r", requirements]).output().expect("tests/venv.sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()).join("bin/python")
}

/// PoundCake, the stand-in with the pack, and an Alertmanager that posts to PoundCake.
struct World {
    pipeline: Pipeline,
    alertmanager: Alertmanager,
    configs: tempfile::TempDir,
}

impl World {
    /// With a routes file.
    async fn start(routes: &str) -> Self {
        Self::start_with(routes, |setup| setup).await
    }

    /// With more settings of PoundCake.
    async fn start_with(routes: &str, settings: impl Fn(Setup) -> Setup) -> Self {
        let configs = tempfile::tempdir().expect("a directory");
        let options = Options {
            packs: vec![PathBuf::from(PACK)],
            configs: Some(configs.path().to_owned()),
            python: python(),
            ..Options::for_tests(KEY)
        };
        let setup = Setup::with(Shape::Standalone, &options).await.routes(routes);
        let setup = setup.file("POUNDCAKE_WEBHOOK_TOKENS_FILE", &format!("alertmanager:{WEBHOOK_TOKEN}\n"));
        let setup = setup.file("POUNDCAKE_OPERATOR_TOKENS_FILE", &format!("pack:{OPERATOR_TOKEN}\n"));
        let pipeline = settings(setup).start().await;
        let alertmanager = Alertmanager::start(&pipeline.ingest.url("/api/v1/webhook"), WEBHOOK_TOKEN).await;
        let world = Self { pipeline, alertmanager, configs };
        world.configure("");
        world
    }

    /// Writes the pack's configuration, with more lines of YAML.
    fn configure(&self, more: &str) {
        let (poundcake, alertmanager) = (self.pipeline.ingest.url(""), self.alertmanager.url());
        let text = format!(
            "url: {poundcake}\ntoken: {OPERATOR_TOKEN}\nwebhook_token: {WEBHOOK_TOKEN}\n\
             alertmanager_url: {alertmanager}\ntimeout: 10\n{more}"
        );
        std::fs::write(Path::new(self.configs.path()).join("poundcake.yaml"), text).expect("the configuration");
    }

    /// As `st2 rule enable`.
    async fn enable_rule(&self, reference: &str) {
        let (api, client) = (self.pipeline.setup.stand_in.api_url(), client());
        let shown = client.get(format!("{api}/rules/{reference}")).header("St2-Api-Key", KEY).send().await;
        let mut rule: Value = shown.expect("StackStorm").json().await.expect("the rule");
        assert_eq!(rule["enabled"], false, "the pack's rules are disabled: {rule}");
        rule["enabled"] = json!(true);
        let url = format!("{api}/rules/{}", rule["id"].as_str().expect("an id"));
        let answer = client.put(url).header("St2-Api-Key", KEY).json(&rule).send().await.expect("StackStorm");
        assert!(answer.status().is_success());
    }

    /// A Prometheus that measures 3 % of free space there, once it has done so.
    async fn prometheus_with(&self, instance: &str, mountpoint: &str) -> Prometheus {
        let series = |name: &str, value: u8| {
            format!(
                "  - {{record: node_filesystem_{name}_bytes, expr: vector({value}), labels: {{instance: \"{instance}\", \
                 mountpoint: \"{mountpoint}\"}}}}\n"
            )
        };
        let rules = format!("- name: disks\n  rules:\n{}{}", series("size", 100), series("avail", 3));
        let prometheus = Prometheus::start_with(&self.alertmanager, &rules).await;
        self.configure(&format!("prometheus_url: {}\n", prometheus.url()));
        let url = format!("{}/api/v1/query?query=node_filesystem_avail_bytes", prometheus.url());
        eventually("Prometheus has evaluated its rules", SOON, async || {
            let answer = client().get(&url).send().await.map_err(|error| error.to_string())?;
            let found: Value = answer.json().await.map_err(|error| error.to_string())?;
            if found["data"]["result"][0].is_object() { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
        prometheus
    }

    /// What was started by PoundCake or by a person.
    fn roots(&self) -> Vec<ExecutionView> {
        self.pipeline.st2().executions().into_iter().filter(|own| own.parent.is_none()).collect()
    }

    /// Fires an alert that began a minute ago; its start.
    async fn fire(&self, labels: &[(&str, &str)]) -> DateTime<Utc> {
        let begun = Utc::now() - TimeDelta::minutes(1);
        self.alertmanager.fire(labels, begun).await;
        begun
    }

    /// Waits for a task of a workflow to reach a status.
    async fn task(&self, action: &str, status: &str) -> ExecutionView {
        eventually(&format!("{action} is {status}"), SOON, async || {
            let all = self.pipeline.st2().executions();
            let found = all.iter().find(|own| own.action == action && own.status == status);
            found.cloned().ok_or_else(|| shown(&all))
        })
        .await
    }

    /// Waits until the one workflow has ended, and gives it and the `action status` of its tasks.
    async fn ended(&self) -> (ExecutionView, Vec<String>) {
        let root = eventually("the workflow has ended", SOON, async || {
            let all = self.pipeline.st2().executions();
            let found = all.iter().find(|own| own.parent.is_none() && own.ended);
            found.cloned().ok_or_else(|| shown(&all))
        })
        .await;
        let all = self.pipeline.st2().executions();
        let tasks = all.iter().filter(|own| own.parent.as_deref() == Some(&root.id));
        (root.clone(), tasks.map(|own| format!("{} {}", own.action, own.status)).collect())
    }
}

fn shown(executions: &[ExecutionView]) -> String {
    let one = |own: &ExecutionView| format!("{} {} {}", own.action, own.status, own.document["result"]);
    executions.iter().map(one).collect::<Vec<_>>().join("\n")
}
