//! Several Alertmanagers: a known stream of alerts, each webhook sent until it is answered 2xx.

use crate::{guards::rack, harness::client};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Alertmanager's backoff: 0.5 s, half as much again each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// No answer for so long is a transport error.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often each kind is sent, and what becomes of it; see the routes.
const NAMES: [(&str, u32); 8] = [
    ("DirectWorkflow", 5),
    ("DirectFails", 2),
    ("RuleWorkflow", 3),
    ("RuleNone", 1),
    ("Limited", 3),
    ("Racks", 1),
    ("Storms", 1),
    ("Asks", 1),
];
/// The alerts that come and go all the time.
const FLAPPING: [&str; 3] = ["DirectWorkflow", "Limited", "Storms"];

/// An alert as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAlert {
    /// Names the alert: no two have the same.
    pub instance: String,
    /// Its firing's start.
    pub starts_at: String,
    /// False: the end of that firing.
    pub firing: bool,
}

/// A webhook that was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// By ingest.
    pub request_id: String,
    /// What it held.
    pub alerts: Vec<SentAlert>,
}

/// What all senders did.
#[derive(Debug, Default)]
pub struct Sent {
    /// Whatever was sent at least once.
    pub alerts: Vec<SentAlert>,
    /// 2xx.
    pub answered: Vec<Answered>,
    /// Tries that came to a 5xx or to no answer.
    pub tried_again: usize,
    /// 4xx and whatever else an Alertmanager would drop: there must be none.
    pub refused: Vec<String>,
    /// Webhooks that were never answered 2xx.
    pub given_up: usize,
}

/// Shared by all senders.
pub type Record = Arc<Mutex<Sent>>;

/// The record, whatever panicked.
pub fn lock(record: &Record) -> std::sync::MutexGuard<'_, Sent> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Alert {
    name: &'static str,
    instance: String,
    starts_at: String,
    firing: bool,
}

/// One Alertmanager.
pub struct Sender {
    number: usize,
    rng: StdRng,
    urls: Vec<String>,
    record: Record,
    alerts: Vec<Alert>,
    made: usize,
    give_up: Instant,
}

impl Sender {
    /// A sender with its own stream; webhooks that are not answered by `give_up` are given up.
    pub fn new(number: usize, seed: u64, urls: Vec<String>, record: Record, give_up: Instant) -> Self {
        let stream = u64::try_from(number).expect("a small number");
        let rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(stream));
        Self { number, rng, urls, record, alerts: Vec::new(), made: 0, give_up }
    }

    /// Sends until then; the last webhook is seen through.
    pub async fn run(mut self, until: Instant) {
        while Instant::now() < until {
            let group = self.group();
            self.send(group).await;
            let pause = self.rng.random_range(20..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// A few alerts come and go until then, faster than any cooldown.
    pub async fn flap(mut self, until: Instant) {
        for name in FLAPPING {
            let index = self.alert(name);
            self.send(vec![index]).await;
        }
        while Instant::now() < until {
            let pause = self.rng.random_range(50..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let index = self.rng.random_range(0..self.alerts.len());
            self.turn(index);
            self.send(vec![index]).await;
        }
    }

    /// Sends one new alert, as life goes on.
    pub async fn send_one(&mut self) {
        let index = self.new_alert();
        self.send(vec![index]).await;
    }

    /// Some alerts, by index: new ones, repeats, ends, and firings of what had ended.
    fn group(&mut self) -> Vec<usize> {
        let count = self.rng.random_range(1..=4);
        let mut group = Vec::new();
        for _ in 0..count {
            let known = (!self.alerts.is_empty()).then(|| self.rng.random_range(0..self.alerts.len()));
            let index = match (self.rng.random_range(0..10), known) {
                (0..6, _) | (_, None) => self.new_alert(),
                // Again what it was last: a repeat of the firing, or of its end.
                (6..8, Some(index)) => index,
                (_, Some(index)) => {
                    self.turn(index);
                    index
                }
            };
            if !group.contains(&index) {
                group.push(index);
            }
        }
        group
    }

    fn new_alert(&mut self) -> usize {
        let mut ticket = self.rng.random_range(0..NAMES.iter().map(|(_, weight)| weight).sum());
        let mut name = NAMES[0].0;
        for (candidate, weight) in NAMES {
            if ticket < weight {
                name = candidate;
                break;
            }
            ticket -= weight;
        }
        self.alert(name)
    }

    fn alert(&mut self, name: &'static str) -> usize {
        self.made += 1;
        let instance = format!("host-{}-{}", self.number, self.made);
        self.alerts.push(Alert { name, instance, starts_at: now(), firing: true });
        self.alerts.len() - 1
    }

    /// It ends, or fires again.
    fn turn(&mut self, index: usize) {
        let alert = &mut self.alerts[index];
        alert.firing = !alert.firing;
        if alert.firing {
            alert.starts_at = now();
        }
    }

    async fn send(&mut self, group: Vec<usize>) {
        let alerts: Vec<&Alert> = group.iter().map(|index| &self.alerts[*index]).collect();
        let sent: Vec<SentAlert> = alerts
            .iter()
            .map(|alert| SentAlert {
                instance: alert.instance.clone(),
                starts_at: alert.starts_at.clone(),
                firing: alert.firing,
            })
            .collect();
        let alerts: Vec<Value> = alerts.into_iter().map(Alert::json).collect();
        let body = json!({ "version": "4", "status": "firing", "alerts": alerts }).to_string();
        lock(&self.record).alerts.extend(sent.clone());
        let first = self.rng.random_range(0..self.urls.len());
        let order = [self.urls[first].clone(), self.urls[(first + 1) % self.urls.len()].clone()];
        let delivery = Delivery { body, sent, record: Arc::clone(&self.record), give_up: self.give_up };
        // Two Alertmanagers of a cluster that do not see each other both send it.
        if self.rng.random_ratio(1, 5) {
            tokio::join!(delivery.until_answered(&order[..1]), delivery.until_answered(&order[1..]));
        } else {
            delivery.until_answered(&order).await;
        }
    }
}

impl Alert {
    fn json(&self) -> Value {
        let ends_at = if self.firing { "0001-01-01T00:00:00Z".to_owned() } else { now() };
        json!({
            "status": if self.firing { "firing" } else { "resolved" },
            "labels": {
                "alertname": self.name, "instance": self.instance, "severity": "critical",
                "rack": format!("rack-{}", rack(&self.instance)),
            },
            "annotations": { "summary": format!("{} on {}", self.name, self.instance) },
            "startsAt": self.starts_at,
            "endsAt": ends_at,
        })
    }
}

struct Delivery {
    body: String,
    sent: Vec<SentAlert>,
    record: Record,
    give_up: Instant,
}

impl Delivery {
    /// The same bytes again and again, to one address or in turn, as behind a load balancer.
    async fn until_answered(&self, urls: &[String]) {
        let mut wait = FIRST_WAIT;
        for url in urls.iter().cycle() {
            if self.once(url).await {
                return;
            }
            if Instant::now() > self.give_up {
                lock(&self.record).given_up += 1;
                return;
            }
            tokio::time::sleep(wait).await;
            wait = wait.mul_f64(1.5).min(LONGEST_WAIT);
        }
    }

    /// True when an Alertmanager would not send it again.
    async fn once(&self, url: &str) -> bool {
        let answer = client().post(url).timeout(PATIENCE).body(self.body.clone()).send().await;
        let (status, text) = match answer {
            Ok(answer) => (Some(answer.status()), answer.text().await.unwrap_or_default()),
            Err(_) => (None, String::new()),
        };
        let mut record = lock(&self.record);
        match status {
            Some(status) if status.is_success() => {
                let body: Value = serde_json::from_str(&text).unwrap_or_default();
                let request_id = body["request_id"].as_str().unwrap_or_default().to_owned();
                record.answered.push(Answered { request_id, alerts: self.sent.clone() });
                true
            }
            Some(status) if !status.is_server_error() => {
                record.refused.push(format!("{status}: {text}"));
                true
            }
            _ => {
                record.tried_again += 1;
                false
            }
        }
    }
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
