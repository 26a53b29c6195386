//! Webhook bodies as Alertmanager sends them; each alert's fingerprint and instance are new, so that each opens an episode.

use poundcake::model::ids::Fingerprint;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

/// Over the whole run: no alert is the same as another. The run's own part keeps it apart from older rows.
static NEXT: AtomicU64 = AtomicU64::new(1);

const FINGERPRINT: &str = "0123456789abcdef";
/// Ten digits that count.
pub const INSTANCE: &str = "node-0000000000";

/// One body that is changed in place for each request.
#[derive(Clone)]
pub struct Webhook {
    text: Vec<u8>,
    fingerprints: Vec<usize>,
    instances: Vec<usize>,
}

impl Webhook {
    /// A group of so many alerts.
    pub fn new(alerts: usize) -> Self {
        let entries: Vec<String> = (0..alerts).map(|_| alert()).collect();
        let text = format!(
            r#"{{"receiver":"poundcake","status":"firing","alerts":[{}],"groupLabels":{{"alertname":"HostDown"}},"commonLabels":{{"alertname":"HostDown","severity":"critical"}},"commonAnnotations":{{}},"externalURL":"http://alertmanager.example:9093","version":"4","groupKey":"{{}}:{{alertname=\"HostDown\"}}","truncatedAlerts":0}}"#,
            entries.join(",")
        );
        Self::of_text(text)
    }

    fn of_text(text: String) -> Self {
        let find = |what: &str| text.match_indices(what).map(|(at, _)| at).collect();
        Self { fingerprints: find(FINGERPRINT), instances: find(INSTANCE), text: text.into_bytes() }
    }

    /// The same as the inside of an SQL literal.
    pub fn sql(alerts: usize) -> Self {
        let text = String::from_utf8_lossy(&Self::new(alerts).text).into_owned();
        Self::of_text(text.replace('\\', r"\\"))
    }

    /// Fingerprint and instance of each alert, as they are now.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |at: usize, length| std::str::from_utf8(&self.text[at..at + length]).unwrap_or_default();
        let pair = move |(fingerprint, instance): (&usize, &usize)| (text(*fingerprint, 16), text(*instance, 15));
        std::iter::zip(&self.fingerprints, &self.instances).map(pair)
    }

    /// The next request's bytes.
    pub fn next(&mut self) -> &[u8] {
        let mut number = String::with_capacity(32);
        for (fingerprint, instance) in std::iter::zip(&self.fingerprints, &self.instances) {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            number.clear();
            let written = write!(number, "{:016x}node-{n:010}", scatter(n));
            debug_assert!(written.is_ok(), "a String takes everything");
            self.text[*fingerprint..fingerprint + 16].copy_from_slice(&number.as_bytes()[..16]);
            self.text[*instance..instance + 15].copy_from_slice(&number.as_bytes()[16..31]);
        }
        &self.text
    }
}

/// One to one, and without order: fingerprints are hashes (splitmix64).
fn scatter(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The labels of every alert: about 600 bytes of JSON, as kube-prometheus sends them.
pub fn labels() -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = [
        ("alertname", "HostDown"),
        ("severity", "critical"),
        ("instance", INSTANCE),
        ("job", "kubernetes-service-endpoints"),
        ("namespace", "production-payments-eu-central-1"),
        ("pod", "payments-api-7c9d8f6b54-x2k4q"),
        ("container", "payments-api"),
        ("cluster", "eu-central-1-production-blue"),
        ("prometheus", "monitoring/kube-prometheus-stack-prometheus"),
        ("team", "payments-platform"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    labels.insert("uid".to_owned(), "5f6b1c1e-7a53-4f0e-9a4e-2f1b8c6d7e90".to_owned());
    labels.insert("image".to_owned(), "registry.example.com/payments/payments-api:2026.11.3".to_owned());
    labels.insert("node".to_owned(), "ip-10-24-117-203.eu-central-1.compute.internal".to_owned());
    labels
}

fn alert() -> String {
    let labels = labels();
    // The sender's own fingerprint is used as it comes; its form is all that is checked.
    debug_assert!(Fingerprint::parse(FINGERPRINT).is_some(), "well-formed");
    let labels = serde_json::to_string(&labels).unwrap_or_default();
    format!(
        r#"{{"status":"firing","labels":{labels},"annotations":{{"summary":"The host does not answer","runbook_url":"https://runbooks.example.com/host-down"}},"startsAt":"2026-11-22T01:00:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus.example:9090/graph?g0.expr=up+%3D%3D+0","fingerprint":"{FINGERPRINT}"}}"#
    )
}
