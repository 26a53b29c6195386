//! Stacked bars as SVG: rectangles in a box that stretches; every word stands beside it as HTML.

mod rhythm;

pub(super) use rhythm::of_rhythm;

use super::words::Moment;
use crate::history::{Counts, Day};
use askama::{Template, filters::HtmlSafe};
use chrono::{NaiveDate, TimeDelta};

/// The box's height, and a bar's width with the space after it.
const HEIGHT: i64 = 64;
const STEP: i64 = 6;
/// A bar with a value is seen.
const LEAST: i64 = 2;
/// Bars at most: a year of days, and some.
const BARS: usize = 400;

/// A chart.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    title: &'static str,
    tall: bool,
    total: i64,
    most: i64,
    width: i64,
    bars: Vec<Bar>,
    /// Below it: texts, or times.
    ends: Vec<String>,
    times: Vec<Moment>,
    legend: Vec<Series>,
}

/// Its template escapes.
impl HtmlSafe for Chart {}

/// The colour of a part, and its word.
type Series = (&'static str, &'static str);

struct Bar {
    class: &'static str,
    x: i64,
    y: i64,
    height: i64,
    title: String,
}

/// One place of the chart: what it is about, and the number of each series.
struct Column {
    name: String,
    parts: Vec<i64>,
}

const BY_DAY: [Series; 4] = [
    ("f-ok", "succeeded"),
    ("f-busy", "not ended"),
    ("f-bad", "failed, timeout, abandoned"),
    ("f-idle", "canceled or unknown"),
];

impl Chart {
    /// Stacks in the order of the series, from below.
    fn new(title: &'static str, legend: &[Series], columns: &[Column]) -> Self {
        let sum = |column: &Column| column.parts.iter().sum::<i64>();
        let most = columns.iter().map(sum).max().unwrap_or(0);
        let places = columns.iter().zip((0..).step_by(usize::try_from(STEP).unwrap_or(1)));
        Self {
            title,
            tall: false,
            total: columns.iter().map(sum).sum(),
            most,
            width: i64::try_from(columns.len()).unwrap_or(1) * STEP - 1,
            bars: places.flat_map(|(column, x)| stack(column, legend, x, most.max(1))).collect(),
            ends: Vec::new(),
            times: Vec::new(),
            legend: legend.to_vec(),
        }
    }

    /// A place for every day from the first to the last; `None` where no day has an execution.
    pub(super) fn of_days(days: &[Day], first: NaiveDate, last: NaiveDate) -> Option<Self> {
        if days.iter().all(|day| day.counts.total == 0) {
            return None;
        }
        let column = |day: NaiveDate| {
            let Counts { succeeded, failed, canceled, unfinished, unknown, .. } =
                days.iter().find(|found| found.day == day).map(|found| found.counts.clone()).unwrap_or_default();
            let parts = [succeeded, unfinished, failed, canceled + unknown].map(i64::from).to_vec();
            Column { name: day.to_string(), parts }
        };
        let columns: Vec<Column> = first.iter_days().take_while(|day| *day <= last).take(BARS).map(column).collect();
        let middle = first + TimeDelta::days((last - first).num_days() / 2);
        let mut ends: Vec<String> = [first, middle, last].iter().map(|day| day.format("%-d %b").to_string()).collect();
        ends.dedup();
        Some(Self { tall: true, ends, ..Self::new("Executions a day", &BY_DAY, &columns) })
    }
}

fn stack(column: &Column, legend: &[Series], x: i64, most: i64) -> Vec<Bar> {
    let mut top = HEIGHT;
    let mut bars = Vec::new();
    for ((class, word), n) in legend.iter().zip(&column.parts).filter(|(_, n)| **n > 0) {
        let height = (n * HEIGHT / most).max(LEAST).min(top);
        top -= height;
        bars.push(Bar { class, x, y: top, height, title: format!("{}: {n} {word}", column.name) });
    }
    bars
}

#[cfg(test)]
mod tests;
