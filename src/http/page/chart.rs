//! Stacked bars as SVG: rectangles in a box that stretches; every word stands beside it as HTML.

use crate::history::{Counts, Day};
use askama::{Template, filters::HtmlSafe};
use chrono::{NaiveDate, TimeDelta};

/// The box's height, and a bar's width with the space after it.
const HEIGHT: u32 = 64;
const STEP: u32 = 6;
/// A bar with a value is seen.
const LEAST: u32 = 2;
/// Bars at most: a year of days, and some.
const BARS: usize = 400;

/// A chart of executions per day.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    title: &'static str,
    total: u32,
    most: u32,
    width: u32,
    bars: Vec<Bar>,
    ends: Vec<String>,
}

/// Its template escapes.
impl HtmlSafe for Chart {}

struct Bar {
    class: &'static str,
    x: u32,
    y: u32,
    height: u32,
    title: String,
}

impl Chart {
    /// A place for every day from the first to the last; `None` where no day has an execution.
    pub(super) fn of_days(days: &[Day], first: NaiveDate, last: NaiveDate) -> Option<Self> {
        let all: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).take(BARS).collect();
        let most = days.iter().map(|day| day.counts.total).max()?.max(1);
        let mut bars = Vec::new();
        for (day, x) in all.iter().zip((0..).step_by(usize::try_from(STEP).ok()?)) {
            if let Some(found) = days.iter().find(|found| found.day == *day) {
                bars.extend(stack(found, x, most));
            }
        }
        let middle = first + TimeDelta::days((last - first).num_days() / 2);
        let mut ends: Vec<String> = [first, middle, last].iter().map(|day| day.format("%-d %b").to_string()).collect();
        ends.dedup();
        let width = u32::try_from(all.len()).unwrap_or(1) * STEP - 1;
        let total = days.iter().map(|day| day.counts.total).sum();
        Some(Self { title: "Executions a day", total, most, width, bars, ends })
    }
}

/// One day's bars, from below.
fn stack(day: &Day, x: u32, most: u32) -> Vec<Bar> {
    let Counts { succeeded, failed, canceled, unfinished, unknown, .. } = day.counts;
    let parts = [
        ("f-ok", succeeded, "succeeded"),
        ("f-busy", unfinished, "not ended"),
        ("f-bad", failed, "failed"),
        ("f-idle", canceled + unknown, "canceled or unknown"),
    ];
    let mut top = HEIGHT;
    let mut bars = Vec::new();
    for (class, n, word) in parts.into_iter().filter(|(_, n, _)| *n > 0) {
        let height = (n * HEIGHT / most).max(LEAST).min(top);
        top -= height;
        bars.push(Bar { class, x, y: top, height, title: format!("{}: {n} {word}", day.day) });
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32, succeeded: u32, failed: u32) -> Day {
        let counts = Counts { total: succeeded + failed, succeeded, failed, ..Counts::default() };
        Day { day: date(day), counts }
    }

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    #[test]
    fn days_without_executions_leave_a_space_and_the_highest_bar_is_full() {
        let chart = Chart::of_days(&[day(4, 10, 10), day(1, 5, 0)], date(1), date(4)).unwrap();
        assert_eq!((chart.width, chart.most, chart.total), (23, 20, 25));
        let places: Vec<_> = chart.bars.iter().map(|bar| (bar.class, bar.x, bar.y, bar.height)).collect();
        assert_eq!(places, [("f-ok", 0, 48, 16), ("f-ok", 18, 32, 32), ("f-bad", 18, 0, 32)]);
    }

    #[test]
    fn nothing_is_no_chart_and_one_in_a_million_is_seen() {
        assert!(Chart::of_days(&[], date(1), date(7)).is_none());
        let chart = Chart::of_days(&[day(1, 1_000_000, 1)], date(1), date(1)).unwrap();
        assert!(chart.bars.iter().all(|bar| bar.height <= HEIGHT));
    }
}
