//! Metrics of the tracker.

use super::{Registering, counter, counters, gauge, gauges, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// The tracker's metrics.
pub struct TrackerMetrics {
    /// `poundcake_tracker_lag_seconds`: from a change of status, by StackStorm's clock, to its row.
    pub lag_seconds: Histogram,
    /// `poundcake_tracker_updates_total{status}`: changes of status written.
    pub updates: IntCounterVec,
    /// `poundcake_executions_ended_total{action,status}`: executions of alerts that ended, by action and StackStorm's final
    /// status, or `gone`. Not their tasks, so the actions are those that routes and rules name.
    pub ended: IntCounterVec,
    /// `poundcake_tracker_executions{tracking}`: rows that are `following` or `overdue`.
    pub executions: IntGaugeVec,
    /// `poundcake_tracker_overdue_total`: executions that ran longer than `POUNDCAKE_EXECUTION_DEADLINE`.
    pub overdue: IntCounter,
    /// `poundcake_tracker_gone_total`: executions that StackStorm deleted before the tracker saw their end.
    pub gone: IntCounter,
    /// `poundcake_tracker_polls_total{result}`: polls of StackStorm, `answered` or `failed`.
    pub polls: IntCounterVec,
    /// `poundcake_tracker_requests_total{kind}`: HTTP requests for executions: a list of `whole` ones, a list of their `status`
    /// with log and tasks, or `one` by its id.
    pub requests: IntCounterVec,
    /// `poundcake_tracker_stream_connected`: 1 while the tracker reads StackStorm's event stream.
    pub stream: IntGauge,
    /// `poundcake_tracker_stream_connects_total`: connections to the event stream.
    pub connects: IntCounter,
}

impl TrackerMetrics {
    pub(super) fn register(r: &Registering) -> Result<Self, prometheus::Error> {
        let lag = "Time from a change of status to its row";
        Ok(Self {
            lag_seconds: histogram(r, "tracker_lag_seconds", lag, 0.01, 2.0, 16)?,
            updates: counters(r, "tracker_updates_total", "Changes of status written", &["status"])?,
            ended: counters(r, "executions_ended_total", "Executions that ended", &["action", "status"])?,
            executions: gauges(r, "tracker_executions", "Executions that have not ended", &["tracking"])?,
            overdue: counter(r, "tracker_overdue_total", "Executions that ran longer than the deadline")?,
            gone: counter(r, "tracker_gone_total", "Executions that StackStorm deleted before their end")?,
            polls: counters(r, "tracker_polls_total", "Polls of StackStorm, by result", &["result"])?,
            requests: counters(r, "tracker_requests_total", "Requests to StackStorm for executions", &["kind"])?,
            stream: gauge(r, "tracker_stream_connected", "1 while the event stream is connected")?,
            connects: counter(r, "tracker_stream_connects_total", "Connections to the event stream")?,
        })
    }
}
