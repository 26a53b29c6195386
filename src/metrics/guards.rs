//! What is counted of guards.

use super::{Registering, counter, counters, gauge, gauges, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use std::{collections::BTreeMap, time::Duration};

/// The metrics of guards. Labels are names of routes and reasons, never targets.
pub struct GuardMetrics {
    /// `poundcake_held_rows{route,reason}`: rows that guards hold, at the time of the scrape.
    held: IntGaugeVec,
    /// `poundcake_held_oldest_seconds{route,reason}`: age of the oldest of them, since it became pending.
    held_oldest: IntGaugeVec,
    /// `poundcake_places{route}`: dispatches of guarded routes that are started and not finished, at the time of the scrape.
    pub places: IntGaugeVec,
    /// `poundcake_pauses`: pauses in force, at the time of the scrape.
    pub pauses: IntGauge,
    /// `poundcake_pause_oldest_seconds`: age of the oldest of them.
    pub oldest_pause: IntGauge,
    /// `poundcake_brake_on{route}`: 1 while the brake of a route is on, as this dispatcher last saw it.
    pub brakes: IntGaugeVec,
    /// `poundcake_admission_seconds`: duration of an admission.
    pub admission_seconds: Histogram,
    /// `poundcake_admitted_total{result}`: rows that were `started` or `left` their line for a reason of their own.
    pub admitted: IntCounterVec,
    /// `poundcake_held_moved_total{to}`: held rows that moved on: to `pending`, to another guard (`held`), or to their end
    /// (`expired`, `not_approved`).
    pub moved: IntCounterVec,
    /// `poundcake_places_freed_by_deadline_total`: places of executions that had not ended at `POUNDCAKE_EXECUTION_DEADLINE`.
    pub freed_by_deadline: IntCounter,
}

impl GuardMetrics {
    pub(super) fn register(r: &Registering) -> Result<Self, prometheus::Error> {
        let freed = "Places of executions that had not ended at the deadline";
        Ok(Self {
            held: gauges(r, "held_rows", "Rows that guards hold", &["route", "reason"])?,
            held_oldest: gauges(r, "held_oldest_seconds", "Age of the oldest of these rows", &["route", "reason"])?,
            places: gauges(r, "places", "Dispatches of guarded routes that are not finished", &["route"])?,
            pauses: gauge(r, "pauses", "Pauses in force")?,
            oldest_pause: gauge(r, "pause_oldest_seconds", "Age of the oldest of these pauses")?,
            brakes: gauges(r, "brake_on", "1 while the brake of a route is on", &["route"])?,
            admission_seconds: histogram(r, "admission_seconds", "Duration of an admission", 0.001, 2.0, 14)?,
            admitted: counters(r, "admitted_total", "Rows that an admission started or moved", &["result"])?,
            moved: counters(r, "held_moved_total", "Held rows that moved on", &["to"])?,
            freed_by_deadline: counter(r, "places_freed_by_deadline_total", freed)?,
        })
    }

    pub(super) fn start_at_zero(&self) {
        self.moved.with_label_values(&["expired"]);
    }

    /// One admission.
    pub fn observe_admission(&self, duration: Duration, started: usize, left: usize) {
        self.admission_seconds.observe(duration.as_secs_f64());
        for (result, rows) in [("started", started), ("left", left)] {
            self.admitted.with_label_values(&[result]).inc_by(u64::try_from(rows).unwrap_or_default());
        }
    }

    /// What one guard of one route holds, and the age of the oldest.
    pub fn set_held(&self, route: &str, reason: &str, rows: i64, oldest_seconds: i64) {
        self.held.with_label_values(&[route, reason]).set(rows);
        self.held_oldest.with_label_values(&[route, reason]).set(oldest_seconds);
    }

    /// Old figures would look like guards that let nothing go.
    pub fn forget(&self) {
        self.held.reset();
        self.held_oldest.reset();
        self.places.reset();
        self.pauses.set(0);
        self.oldest_pause.set(0);
    }

    /// The routes whose brake is on.
    pub fn set_brakes(&self, routes: &[String]) {
        self.brakes.reset();
        for route in routes {
            self.brakes.with_label_values(&[route]).set(1);
        }
    }

    /// Held rows that moved on, by what happened to them.
    pub fn count_moved(&self, moved: &BTreeMap<&'static str, usize>) {
        for (to, rows) in moved {
            self.moved.with_label_values(&[to]).inc_by(u64::try_from(*rows).unwrap_or_default());
        }
    }
}
