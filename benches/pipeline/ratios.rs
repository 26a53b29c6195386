//! The promises about speed, as ratios of medians of one run.

use super::{
    admission, baseline,
    dispatch::{self, CONCURRENCIES, LATENCIES},
    history, memory,
    point::{Place, Points},
    stats,
};
use serde::Serialize;

/// One promise.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    /// What is compared with what.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// What it must be at least (or, with `at_most`, at most).
    pub bound: f64,
    /// The bound is an upper one.
    pub at_most: bool,
}

impl Ratio {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        if self.at_most { self.value <= self.bound } else { self.value >= self.bound }
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, mark) = (if self.at_most { "<=" } else { ">=" }, if self.holds() { "" } else { " MISSED" });
        write!(f, "{} {:.2} ({sign} {}){mark}", self.name, self.value, self.bound)
    }
}

/// Those whose parts were measured.
pub fn all(points: &Points) -> Vec<Ratio> {
    [ingest(points), history(points), dispatch(points), compared(points), admission(points), memory(points)].concat()
}

fn ratio(name: &str, value: f64, bound: f64, at_most: bool) -> Ratio {
    Ratio { name: name.to_owned(), value, bound, at_most }
}

fn ingest(points: &Points) -> Vec<Ratio> {
    let ours = |alerts, concurrency, figure| points.median(&Place::new("poundcake", alerts, concurrency), figure);
    let plain = |alerts, concurrency, figure| points.median(&Place::new("plain", alerts, concurrency), figure);
    if !points.has(&Place::new("poundcake", 1, 256)) {
        return Vec::new();
    }
    let limit = points.median(&Place::new("limit", 10, 0), "alerts_s");
    vec![
        ratio("webhooks/s over plain, 256 x 1", ours(1, 256, "webhooks_s") / plain(1, 256, "webhooks_s"), 5.0, false),
        ratio("alerts/s over the limit, 256 x 10", ours(10, 256, "alerts_s") / limit, 0.6, false),
        ratio("p50 over plain's, 1 x 1", ours(1, 1, "p50_ms") / plain(1, 1, "p50_ms"), 1.3, true),
        ratio("p99 over plain's p50, 64 x 1", ours(1, 64, "p99_ms") / plain(1, 64, "p50_ms"), 1.0, true),
    ]
}

fn history(points: &Points) -> Vec<Ratio> {
    let cost = |&(alerts, concurrency): &(usize, usize)| {
        let rate = |name| points.median(&Place::new(name, alerts, concurrency), "alerts_s");
        let name = format!("cost of history, {concurrency} x {alerts}");
        ratio(&name, 1.0 - rate(history::FULL) / rate(history::EMPTY), 0.25, true)
    };
    let measured =
        |(alerts, concurrency): &&(usize, usize)| points.has(&Place::new(history::FULL, *alerts, *concurrency));
    history::SHAPES.iter().filter(measured).map(cost).collect()
}

fn dispatch(points: &Points) -> Vec<Ratio> {
    let rate = |program, latency, concurrency| {
        points.median(&Place::new(&dispatch::system(program, latency), 1, concurrency), "alerts_s")
    };
    let mut ratios = Vec::new();
    for latency in LATENCIES {
        for concurrency in CONCURRENCIES {
            let ours = rate("dispatcher", latency, concurrency);
            if ours == 0.0 {
                continue;
            }
            for bare in [dispatch::OWN, dispatch::KEPT] {
                if !points.has(&Place::new(&dispatch::system(bare, latency), 1, concurrency)) {
                    continue;
                }
                let name = format!("dispatch over the {bare}, {latency} ms, {concurrency} at once");
                ratios.push(ratio(&name, ours / rate(bare, latency, concurrency), 0.5, false));
            }
            if latency == 50 {
                let name = format!("dispatch over concurrency / latency, 50 ms, {concurrency} at once");
                ratios.push(ratio(&name, ours / (stats::float(concurrency) / 0.050), 0.8, false));
            }
        }
    }
    ratios
}

/// Unguarded dispatch of this version over another one's.
fn compared(points: &Points) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for latency in baseline::LATENCIES {
        for concurrency in CONCURRENCIES {
            let place = |program| Place::new(&dispatch::system(program, latency), 1, concurrency);
            if points.has(&place(baseline::BASELINE)) {
                let rate = |program| points.median(&place(program), "alerts_s");
                let name = format!("dispatch over the baseline, {latency} ms, {concurrency} at once");
                ratios.push(ratio(&name, rate("dispatcher") / rate(baseline::BASELINE), 0.95, false));
            }
        }
    }
    ratios
}

fn admission(points: &Points) -> Vec<Ratio> {
    let place = |system| Place::new(system, admission::SHAPE.0, admission::SHAPE.1);
    if !points.has(&place(admission::HALF_NEXT_TO_ADMISSION)) {
        return Vec::new();
    }
    let [few, many] =
        admission::BACKLOGS.map(|rows| points.median(&Place::new(admission::SYSTEM, 1, rows), "alerts_s"));
    let over_alone =
        |next_to, alone| points.median(&place(next_to), "alerts_s") / points.median(&place(alone), "alerts_s");
    vec![
        ratio("starts/s from 50,000 held alerts", few, 1_000.0, false),
        ratio("starts/s with ten times as many held", many / few, 0.8, false),
        ratio("ingest next to 1,000 starts/s", over_alone(admission::NEXT_TO_ADMISSION, admission::ALONE), 0.9, false),
        ratio(
            "ingest at half its rate next to 1,000 starts/s",
            over_alone(admission::HALF_NEXT_TO_ADMISSION, admission::HALF_ALONE),
            0.9,
            false,
        ),
    ]
}

fn memory(points: &Points) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    let loaded = [1, 10, 100].map(|alerts| points.median(&Place::new("poundcake", alerts, 256), "rss_mib"));
    let most = loaded.into_iter().fold(0.0, f64::max);
    if most > 0.0 {
        ratios.push(ratio("peak MiB of ingest, 256 at once", most, 150.0, true));
    }
    let large = points.summaries().into_iter().find(|summary| summary.place.system == memory::SYSTEM);
    if let Some(rss) = large.and_then(|summary| summary.median.get("rss_mib").copied()) {
        let allowed = 64.0 + 4.0 * stats::float(memory::BODY >> 20);
        ratios.push(ratio("peak MiB of ingest, one 32 MiB webhook", rss, allowed, true));
    }
    ratios
}
