//! How much is measured: `QUICK=1` for a look (and no files in `docs/`), `ROUNDS=n` for more certainty.

use std::{path::PathBuf, time::Duration};

/// One run's extent.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A look instead of a measurement.
    pub quick: bool,
    /// Rounds of which the medians are taken.
    pub rounds: usize,
    /// Rounds of the dispatch part, which is the longest.
    pub dispatch_rounds: usize,
    /// Not counted, at the start of each point.
    pub warm_up: Duration,
    /// Counted.
    pub window: Duration,
    /// Alerts per webhook.
    pub sizes: Vec<usize>,
    /// Requests at once.
    pub concurrencies: Vec<usize>,
    /// Messages before each dispatch point.
    pub backlog: usize,
    /// Rows of history.
    pub history: usize,
    /// Another version's `poundcake`, to compare dispatch with (`BASELINE`).
    pub baseline: Option<PathBuf>,
    /// Changes the schema before the statements are measured (`SQL`).
    pub sql: Option<String>,
    /// Parts to run; empty is all.
    pub only: Vec<String>,
}

impl Plan {
    /// Reads the knobs.
    pub fn from_environment() -> Self {
        let quick = knob("QUICK").is_some();
        let number = |name, default| knob(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        Self {
            quick,
            rounds: number("ROUNDS", if quick { 1 } else { 5 }).max(1),
            dispatch_rounds: number("ROUNDS", if quick { 1 } else { 3 }).clamp(1, 3),
            warm_up: Duration::from_millis(500),
            window: Duration::from_millis(if quick { 1_500 } else { 2_000 }),
            sizes: vec![1, 10, 100],
            concurrencies: vec![1, 16, 64, 256],
            backlog: number("BACKLOG", if quick { 20_000 } else { 50_000 }),
            history: number("HISTORY", if quick { 200_000 } else { 5_000_000 }),
            sql: knob("SQL"),
            baseline: knob("BASELINE").map(PathBuf::from),
            only: knob("ONLY").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        }
    }

    /// Whether a part is to be run.
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

#[expect(clippy::disallowed_methods, reason = "the benchmark's own knobs, not the program's configuration")]
fn knob(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
