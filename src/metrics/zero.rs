//! Counters of trouble that are shown as 0 from the start: Prometheus sees no increase in a series that begins with 1.

use super::Metrics;

/// Answers to webhooks that the alert rules watch.
const ANSWERS: &[&str] = &["202", "400", "401", "403", "413", "429", "500", "503"];
const PUBLISHED: &[&str] = &["confirmed", "unavailable", "unconfirmed", "returned", "refused", "full"];
/// `docs/states.md` has the reasons of `failed`.
const FAILED: &[&str] = &["rejected", "attempts_exhausted", "expired", "rule_failed", "uncertain"];
/// Where a panic does not stop the process.
const TASKS: &[&str] = &["delivery", "resolution", "admission"];

impl Metrics {
    pub(super) fn start_at_zero(&self) {
        for answer in ANSWERS {
            self.webhooks.with_label_values(&[answer]);
        }
        for result in PUBLISHED {
            self.published.with_label_values(&[result]);
        }
        for reason in FAILED {
            self.settled.with_label_values(&["failed", reason]);
        }
        for task in TASKS {
            self.tasks_failed.with_label_values(&[task]);
        }
        for result in ["answered", "failed"] {
            self.tracker.polls.with_label_values(&[result]);
        }
        self.alerts.with_label_values(&["invalid"]);
        self.guards.start_at_zero();
    }
}
