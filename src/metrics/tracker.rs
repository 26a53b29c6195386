//! What the tracker counts.

use super::{counter, counters, gauge, gauges, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

/// The tracker's metrics.
pub struct TrackerMetrics {
    /// `poundcake_tracker_lag_seconds`: from a change of an execution's status, by StackStorm's clock, to its row.
    pub lag_seconds: Histogram,
    /// `poundcake_tracker_updates_total{status}`: changes of status written.
    pub updates: IntCounterVec,
    /// `poundcake_tracker_executions{tracking}`: rows that are `following` or `overdue`.
    pub executions: IntGaugeVec,
    /// `poundcake_tracker_overdue_total`: executions that did not end within `POUNDCAKE_EXECUTION_DEADLINE`.
    pub overdue: IntCounter,
    /// `poundcake_tracker_gone_total`: executions that StackStorm deleted before their end was seen.
    pub gone: IntCounter,
    /// `poundcake_tracker_polls_total{result}`: questions to StackStorm, `answered` or `failed`.
    pub polls: IntCounterVec,
    /// `poundcake_tracker_requests_total{kind}`: requests for executions: lists of `whole` ones, lists of their `status` with
    /// log and tasks, and for `one` by its id.
    pub requests: IntCounterVec,
    /// `poundcake_tracker_stream_connected`: 1 while StackStorm's event stream is read.
    pub stream: IntGauge,
    /// `poundcake_tracker_stream_connects_total`: how often it was opened.
    pub connects: IntCounter,
}

impl TrackerMetrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let lag = "From a change of an execution's status to its row";
        Ok(Self {
            lag_seconds: histogram(r, "tracker_lag_seconds", lag, 0.01, 2.0, 16)?,
            updates: counters(r, "tracker_updates_total", "Changes of status written", &["status"])?,
            executions: gauges(r, "tracker_executions", "Executions not finished", &["tracking"])?,
            overdue: counter(r, "tracker_overdue_total", "Executions beyond the deadline")?,
            gone: counter(r, "tracker_gone_total", "Executions that StackStorm deleted before their end")?,
            polls: counters(r, "tracker_polls_total", "Questions to StackStorm by result", &["result"])?,
            requests: counters(r, "tracker_requests_total", "Requests to StackStorm for executions", &["kind"])?,
            stream: gauge(r, "tracker_stream_connected", "1 while StackStorm's event stream is read")?,
            connects: counter(r, "tracker_stream_connects_total", "How often the event stream was opened")?,
        })
    }
}
