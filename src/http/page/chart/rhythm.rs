//! The charts of *Now*: webhooks, alerts by decision and executions by status, a bar a minute or an hour.

use super::{super::words::Moment, Chart, Column, Series};
use crate::{
    history::Charts,
    store::read::rhythm::{Part, Step},
};
use chrono::NaiveDateTime;

const WEBHOOKS: [Series; 1] = [("f-idle", "webhooks")];
const ALERTS: [Series; 5] =
    [("f-ok", "dispatched"), ("f-busy", "on the way"), ("f-hold", "held"), ("f-bad", "failed"), ("f-idle", "skipped")];
const EXECUTIONS: [Series; 4] = [
    ("f-ok", "succeeded"),
    ("f-busy", "running"),
    ("f-bad", "failed, timeout, abandoned"),
    ("f-idle", "canceled or unknown"),
];

/// Three charts; all bars are there, those without a value too.
pub(in crate::http::page) fn of_rhythm(charts: &Charts, step: Step) -> Vec<Chart> {
    let names = match step {
        Step::Minute => ["Webhooks a minute", "Alerts a minute", "Executions a minute"],
        Step::Hour => ["Webhooks an hour", "Alerts an hour", "Executions an hour"],
    };
    let [webhooks, alerts, executions] = names;
    let rhythm = &charts.rhythm;
    vec![
        chart(webhooks, &WEBHOOKS, &rhythm.webhooks, charts.at, step, |_| 0),
        chart(alerts, &ALERTS, &rhythm.alerts, charts.at, step, of_alert),
        chart(executions, &EXECUTIONS, &rhythm.executions, charts.at, step, of_execution),
    ]
}

fn of_alert(status: &str) -> usize {
    match status {
        "dispatched" => 0,
        "held" => 2,
        "failed" => 3,
        "skipped" => 4,
        _ => 1,
    }
}

fn of_execution(status: &str) -> usize {
    match status {
        "succeeded" => 0,
        "running" => 1,
        "failed" | "timeout" | "abandoned" => 2,
        _ => 3,
    }
}

fn chart(
    title: &'static str,
    legend: &[Series],
    parts: &[Part],
    now: NaiveDateTime,
    step: Step,
    series: impl Fn(&str) -> usize,
) -> Chart {
    let last = step.begin(now);
    let begins: Vec<NaiveDateTime> = (0..step.bars()).rev().map(|back| last - step.length() * back).collect();
    let column = |begin: &NaiveDateTime| {
        let name = step.name(*begin);
        let mut numbers = vec![0; legend.len()];
        for part in parts.iter().filter(|part| part.at == name) {
            if let Some(number) = numbers.get_mut(series(&part.status)) {
                *number += part.n;
            }
        }
        Column { name: format!("{} UTC", begin.format("%H:%M")), parts: numbers }
    };
    let columns: Vec<Column> = begins.iter().map(column).collect();
    let middle = begins.get(begins.len() / 2);
    let times = [begins.first(), middle, begins.last()].into_iter().flatten().map(|at| Moment::minute(*at)).collect();
    Chart { times, ..Chart::new(title, legend, &columns) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read::rhythm::Rhythm;

    #[test]
    fn each_bar_is_at_its_minute_and_empty_minutes_are_drawn() {
        let at = chrono::NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(3, 14, 15).unwrap();
        let part = |at: &str, status: &str, n| Part { at: at.to_owned(), status: status.to_owned(), n };
        let alerts = vec![part("2026-12-01 03:14", "held", 3), part("2026-12-01 02:15", "queued", 1)];
        let charts = Charts { at, rhythm: Rhythm { alerts, ..Rhythm::default() } };
        let three = of_rhythm(&charts, Step::Minute);
        let alerts = &three[1];
        assert_eq!((alerts.width, alerts.total, alerts.most), (359, 4, 3));
        let places: Vec<_> = alerts.bars.iter().map(|bar| (bar.class, bar.x)).collect();
        assert_eq!(places, [("f-busy", 0), ("f-hold", 354)]);
        assert!(three[0].bars.is_empty(), "no webhook is a chart without bars");
    }
}
