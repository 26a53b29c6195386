//! The guards of this run, drawn from its seed, and the routes that have them.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;

/// The window of `limited`.
pub const WINDOW: Duration = Duration::from_secs(5);
/// The window of each target of `racks`.
pub const TARGET_WINDOW: Duration = Duration::from_secs(3);
/// How many racks there are.
pub const RACKS: usize = 3;

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// Whether routes have guards: an older version may know none.
    pub on: bool,
    /// `max_in_flight` of `limited`.
    pub places: usize,
    /// Its starts in each [`WINDOW`].
    pub starts: usize,
    /// Starts of each rack in each [`TARGET_WINDOW`].
    pub target_starts: usize,
    /// `above` of the brake of `storms`.
    pub above: usize,
    /// Whether a person must release it.
    pub by_hand: bool,
    /// `max_in_flight` of all routes together, in some runs.
    pub all: Option<usize>,
}

impl Guards {
    /// Draws them.
    pub fn draw(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(7_001));
        Self {
            on: true,
            places: rng.random_range(1..=3),
            starts: rng.random_range(6..=10),
            target_starts: rng.random_range(3..=5),
            above: rng.random_range(2..=5),
            by_hand: rng.random_bool(0.5),
            all: rng.random_bool(0.3).then(|| rng.random_range(4..=8)),
        }
    }

    /// Direct mode and rule mode, actions that succeed and fail, a webhook whose rules do not match, and guards of every kind.
    pub fn routes(&self, edit: &Edit) -> String {
        let Self { starts, target_starts, above, by_hand, .. } = self;
        let all = self.all.filter(|_| self.on).map(|all| format!("guards: {{max_in_flight: {all}}}\n"));
        let release = if *by_hand { "by_hand" } else { "auto" };
        let (window, target_window) = (WINDOW.as_secs(), TARGET_WINDOW.as_secs());
        let places = if edit.tight { 1 } else { self.places };
        let Edit { sleep, priority, .. } = edit;
        let off = if edit.storms_off { "\n    mode: off" } else { "" };
        let guarded = |text: String| if self.on { format!("\n    {text}") } else { String::new() };
        let limited = guarded(format!(
            "guards: {{max_in_flight: {places}, rate: [{starts}/{window}s]}}\n    priority: {priority}"
        ));
        let racks =
            guarded(format!("guards: {{per_target: {{label: rack, rate: [{target_starts}/{target_window}s]}}}}"));
        let storms = guarded(format!("guards: {{brake: {{above: {above}, within: 2s, release: {release}}}}}{off}"));
        let asks = guarded("mode: approve\n    guards: {approval_timeout: 20s}".to_owned());
        format!(
            r#"{all}
routes:
  - name: limited
    match: alertname="Limited"
    action: remediation.host_down_workflow{limited}
  - name: racks
    match: alertname="Racks"
    action: core.noop{racks}
  - name: storms
    match: alertname="Storms"
    action: core.noop{storms}
  - name: asks
    match: alertname="Asks"
    action: remediation.host_down_workflow
    parameters: {{sleep: {sleep}}}{asks}
  - name: direct
    match: alertname="DirectWorkflow"
    action: remediation.host_down_workflow
  - name: fails
    match: alertname="DirectFails"
    action: remediation.fails
  - name: rules
    match: alertname="RuleWorkflow"
    webhook: poundcake_alert
    parameters: {{alert_name: HostDown}}
  - name: no rules
    match: alertname="RuleNone"
    webhook: poundcake_alert
"#,
            all = all.unwrap_or_default()
        )
    }
}

/// What a person changed in the routes file. No limit is ever higher than the drawn one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// `limited` has one place.
    pub tight: bool,
    /// A parameter of `asks`: what was shown for approval before is another one.
    pub sleep: u8,
    /// Of `limited`.
    pub priority: u8,
    /// `storms` runs nothing.
    pub storms_off: bool,
}

impl Edit {
    /// Draws one.
    pub fn draw(rng: &mut StdRng) -> Self {
        Self {
            tight: rng.random_bool(0.4),
            sleep: rng.random_range(0..2),
            priority: rng.random_range(0..10),
            storms_off: rng.random_bool(0.2),
        }
    }
}

/// The rack of a host: the third part of its name counts.
pub fn rack(instance: &str) -> usize {
    instance.rsplit('-').next().and_then(|number| number.parse::<usize>().ok()).unwrap_or_default() % RACKS
}
