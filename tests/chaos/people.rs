//! A person who gives orders while everything breaks: pauses, resumes, releases, approves, rejects and replays. Orders that are not
//! answered are not repeated; what they did shows in the rows.

use crate::harness::client;
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// What is replayed: routes without guards, with places and a window, and with a window for each target.
const REPLAYED: [&str; 3] = ["DirectWorkflow", "Limited", "Racks"];
/// No answer for so long is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between these moments a pause of everything was in force, whatever the clocks of the hosts.
#[derive(Debug, Clone, Copy)]
pub struct Paused {
    /// It was answered.
    pub from: DateTime<Utc>,
    /// It ended by itself, or somebody began to resume it.
    pub to: DateTime<Utc>,
}

/// What all people did.
#[derive(Debug, Default)]
pub struct Orders {
    /// Orders that were taken, by kind.
    pub taken: std::collections::BTreeMap<&'static str, usize>,
    /// Pauses of everything.
    pub pauses: Vec<Paused>,
}

/// Shared.
pub type Book = Arc<Mutex<Orders>>;

/// One of them.
pub struct Person {
    rng: StdRng,
    urls: Vec<String>,
    has_guards: bool,
    book: Book,
}

impl Person {
    /// Orders go to one of these servers.
    pub fn new(seed: u64, urls: Vec<String>, has_guards: bool, book: Book) -> Self {
        Self { rng: StdRng::seed_from_u64(seed.wrapping_add(7_002)), urls, has_guards, book }
    }

    /// Gives orders until then.
    pub async fn run(mut self, until: Instant) {
        while Instant::now() < until {
            let pause = self.rng.random_range(200..1_500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.one().await;
        }
    }

    /// Approves and releases everything.
    pub async fn see_to_everything(&mut self) {
        if !self.has_guards {
            return;
        }
        self.order("approve", "approvals", &json!({ "filter": { "route": "asks" }, "approve": true, "reason": "all" }))
            .await;
        self.order("release", "releases", &json!({ "filter": { "dispatch_status": "held" }, "reason": "all" })).await;
    }

    async fn one(&mut self) {
        if !self.has_guards {
            return self.replay().await;
        }
        match self.rng.random_range(0..14) {
            0..3 => self.pause().await,
            3..5 => {
                let oldest = self.rng.random_range(1..6);
                let body = json!({ "filter": { "route": "storms" }, "oldest": oldest, "reason": "looked at" });
                self.order("release", "releases", &body).await;
            }
            5..7 => {
                let body = json!({ "filter": { "route": "storms" }, "reason": "all of it" });
                self.order("release", "releases", &body).await;
            }
            7..11 => {
                let body = json!({ "filter": { "route": "asks" }, "approve": true, "reason": "seen" });
                self.order("approve", "approvals", &body).await;
            }
            11 => {
                let body = json!({ "filter": { "route": "asks" }, "approve": false, "reason": "no" });
                self.order("reject", "approvals", &body).await;
            }
            _ => self.replay().await,
        }
    }

    /// One alert that has run runs again.
    async fn replay(&mut self) {
        let name = REPLAYED[self.rng.random_range(0..REPLAYED.len())];
        let url = format!("{}/api/v1/alerts?dispatch_status=dispatched&alert_name={name}&limit=20", self.server());
        let Ok(answer) = client().get(url).timeout(PATIENCE).send().await else { return };
        let found: Value = answer.json().await.unwrap_or_default();
        let alerts = found["alerts"].as_array().map_or(&[][..], Vec::as_slice);
        if alerts.is_empty() {
            return;
        }
        let chosen = &alerts[self.rng.random_range(0..alerts.len())];
        let filter = json!({ "alert_name": name, "instance": chosen["instance"], "dispatch_status": "dispatched" });
        let body = json!({ "filter": filter, "include_dispatched": true, "reason": "once more" });
        self.order("replay", "replays", &body).await;
    }

    /// Some of them end by themselves, some are resumed.
    async fn pause(&mut self) {
        let seconds = self.rng.random_range(2..7);
        let scope = match self.rng.random_range(0..4) {
            0 => json!({ "everything": true }),
            1 => json!({ "matchers": ["alertname=~\"Direct.*|Racks\""] }),
            2 => json!({ "route": "limited" }),
            _ => json!({ "route": "storms" }),
        };
        let mut body = scope.clone();
        body["for"] = json!(format!("{seconds}s"));
        body["reason"] = json!("chaos");
        let end = Utc::now() + TimeDelta::seconds(seconds);
        let Some(answer) = self.order("pause", "pauses", &body).await else { return };
        let from = Utc::now();
        let resumed = self.rng.random_bool(0.4);
        if resumed {
            let wait = self.rng.random_range(0..u64::try_from(seconds).unwrap_or(1) * 1_000);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        if scope["everything"] == json!(true) {
            let to = if resumed { end.min(Utc::now()) } else { end };
            self.book.lock().expect("the book").pauses.push(Paused { from, to });
        }
        if resumed {
            let url = format!("{}/api/v1/pauses/{}", self.server(), answer["id"]);
            let resumed = client().delete(url).timeout(PATIENCE).json(&json!({})).send().await;
            if resumed.is_ok_and(|answer| answer.status().is_success()) {
                self.count("resume");
            }
        }
    }

    /// `None`: nobody knows whether it was taken.
    async fn order(&mut self, kind: &'static str, path: &str, body: &Value) -> Option<Value> {
        let url = format!("{}/api/v1/{path}", self.server());
        let answer = client().post(url).timeout(PATIENCE).json(body).send().await.ok()?;
        let taken = answer.status().is_success();
        let answer = answer.json().await.ok()?;
        taken.then(|| self.count(kind))?;
        Some(answer)
    }

    fn count(&self, kind: &'static str) {
        *self.book.lock().expect("the book").taken.entry(kind).or_default() += 1;
    }

    fn server(&mut self) -> String {
        let index = self.rng.random_range(0..self.urls.len());
        self.urls[index].clone()
    }
}
