//! A real Alertmanager and Prometheus with the configuration in `tests/data/alertmanager`, ports and timings replaced.

use super::{
    http::client,
    process::{Process, Running},
};
use serde_json::{Value, json};
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/alertmanager");

/// An Alertmanager that posts to one receiver, each alert alone, after a moment; repeats every 5 s, interval 1 s.
#[derive(Debug)]
pub struct Alertmanager {
    running: Running,
    _directory: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts it and waits until it is ready.
    pub async fn start(receiver_url: &str, token: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let changes = [
            ("http://127.0.0.1:18080/hook/demo", receiver_url),
            ("demo-token", token),
            ("group_wait: 1s", "group_wait: 100ms"),
            ("group_interval: 10s", "group_interval: 1s"),
            ("repeat_interval: 1m", "repeat_interval: 5s"),
        ];
        copy("alertmanager.yml", directory.path(), &changes);
        let program = Process::program("/usr/bin/prometheus-alertmanager", "/-/ready");
        let listen = format!("--web.listen-address={}", program.address());
        let running = program
            .argument(format!("--config.file={}", directory.path().join("alertmanager.yml").display()))
            .argument(format!("--storage.path={}", directory.path().join("data").display()))
            .argument(listen)
            .argument("--cluster.listen-address=")
            .start();
        Self { running: running.ready().await, _directory: directory }
    }

    /// Posts a firing alert as Prometheus does; it ends only through [`Self::resolve`].
    pub async fn fire(&self, labels: &[(&str, &str)], starts_at: chrono::DateTime<chrono::Utc>) {
        self.fire_saying(labels, "posted by a test", starts_at).await;
    }

    /// The same with this summary.
    pub async fn fire_saying(&self, labels: &[(&str, &str)], summary: &str, starts_at: chrono::DateTime<chrono::Utc>) {
        self.post(labels, summary, starts_at, chrono::Utc::now() + chrono::TimeDelta::hours(1)).await;
    }

    /// Ends an alert that was fired with these labels.
    pub async fn resolve(&self, labels: &[(&str, &str)], starts_at: chrono::DateTime<chrono::Utc>) {
        self.post(labels, "posted by a test", starts_at, chrono::Utc::now()).await;
    }

    /// The silences that it holds, ended ones included.
    pub async fn silences(&self) -> Vec<Value> {
        let answer = client().get(self.running.url("/api/v2/silences")).send().await.expect("Alertmanager");
        answer.json().await.expect("a list of silences")
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.running.url("")
    }

    /// The process, to kill or pause it.
    pub fn process(&self) -> &Running {
        &self.running
    }

    async fn post(
        &self,
        labels: &[(&str, &str)],
        summary: &str,
        starts_at: chrono::DateTime<chrono::Utc>,
        ends_at: chrono::DateTime<chrono::Utc>,
    ) {
        let labels: serde_json::Map<_, _> = labels.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        let alert = json!([{"labels": labels, "annotations": {"summary": summary}, "startsAt": starts_at,
            "endsAt": ends_at, "generatorURL": "http://prometheus.example/graph"}]);
        let answer = client().post(self.running.url("/api/v2/alerts")).json(&alert).send().await;
        let answer = answer.expect("Alertmanager").error_for_status();
        answer.expect("an alert that Alertmanager takes");
    }
}

/// A Prometheus that evaluates the demo rules every second: Watchdog, `DemoAlwaysFiring`, `TargetDown`, and
/// `DemoFlapping`, which is 6 s on and 6 s off.
#[derive(Debug)]
pub struct Prometheus {
    running: Running,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it and waits until it is ready.
    pub async fn start(alertmanager: &Alertmanager) -> Self {
        Self::start_with(alertmanager, "").await
    }

    /// The same with more groups of rules, as they stand in a rules file.
    pub async fn start_with(alertmanager: &Alertmanager, groups: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let program = Process::program("/usr/bin/prometheus", "/-/ready");
        let changes = [
            ("127.0.0.1:19093", &*alertmanager.running.address().to_string()),
            ("127.0.0.1:19090", &program.address().to_string()),
            ("scrape_interval: 5s, evaluation_interval: 5s", "scrape_interval: 1s, evaluation_interval: 1s"),
        ];
        copy("prometheus.yml", directory.path(), &changes);
        let own = format!("groups:\n{groups}");
        let faster = [("for: 10s", "for: 1s"), ("% 120 < 60", "% 12 < 6"), ("groups:\n", own.as_str())];
        copy("rules.yml", directory.path(), &faster);
        let listen = format!("--web.listen-address={}", program.address());
        let running = program
            .argument(format!("--config.file={}", directory.path().join("prometheus.yml").display()))
            .argument(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .argument(listen)
            // What fired before Prometheus found its Alertmanager (up to 5 s) is sent again only after this; default 1m.
            .argument("--rules.alert.resend-delay=1s")
            .start();
        Self { running: running.ready().await, _directory: directory }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.running.url("")
    }
}

/// Copies a file of the demo; each replaced text must be there, so that an edit of the demo cannot disarm a test.
fn copy(name: &str, to: &Path, changes: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(Path::new(DATA).join(name)).expect("the demo's file");
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from:?}");
        text = text.replace(from, to);
    }
    std::fs::write(to.join(name), text).expect("the test's copy");
}
