//! One measured point, and the medians of many.

use super::stats::median;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was measured, where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// `limit`, `plain`, `poundcake`, `standalone`, …
    pub system: String,
    /// Alerts per webhook.
    pub alerts: usize,
    /// Requests at once.
    pub concurrency: usize,
}

impl Place {
    /// By its parts.
    pub fn new(system: &str, alerts: usize, concurrency: usize) -> Self {
        Self { system: system.to_owned(), alerts, concurrency }
    }
}

/// One round's figures by name: `webhooks_s`, `alerts_s`, `p50_ms`, `p99_ms`, `rss_mib`, `cpu_…`.
pub type Figures = BTreeMap<String, f64>;

/// All rounds of all places.
#[derive(Debug, Default)]
pub struct Points(BTreeMap<Place, Vec<Figures>>);

/// A place with the medians of its rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Rounds.
    pub rounds: usize,
    /// Of each figure.
    pub median: Figures,
    /// The least and the most of each figure.
    pub range: BTreeMap<String, (f64, f64)>,
}

impl Points {
    /// Adds a round's figures and shows them.
    pub fn add(&mut self, place: Place, figures: Figures) {
        let shown: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {value:.1}")).collect();
        eprintln!(
            "{:<34} {:>3} alerts, concurrency {:>3}: {}",
            place.system,
            place.alerts,
            place.concurrency,
            shown.join("  ")
        );
        self.0.entry(place).or_default().push(figures);
    }

    /// The median of one figure; 0 where it was not measured.
    pub fn median(&self, place: &Place, figure: &str) -> f64 {
        let rounds = self.0.get(place).map_or(&[][..], Vec::as_slice);
        median(rounds.iter().filter_map(|figures| figures.get(figure).copied()))
    }

    /// Whether it was measured.
    pub fn has(&self, place: &Place) -> bool {
        self.0.contains_key(place)
    }

    /// Every place.
    pub fn summaries(&self) -> Vec<Summary> {
        let summary = |(place, rounds): (&Place, &Vec<Figures>)| {
            let names: Vec<&String> = rounds.first().map(|figures| figures.keys().collect()).unwrap_or_default();
            let values = |name: &String| -> Vec<f64> {
                rounds.iter().filter_map(|figures| figures.get(name).copied()).collect()
            };
            let range = |name: &String| {
                let values = values(name);
                let (least, most) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
                (least.unwrap_or_default(), most.unwrap_or_default())
            };
            Summary {
                place: place.clone(),
                rounds: rounds.len(),
                median: names.iter().map(|name| ((*name).clone(), median(values(name)))).collect(),
                range: names.iter().map(|name| ((*name).clone(), range(name))).collect(),
            }
        };
        self.0.iter().map(summary).collect()
    }
}
