//! Where the bars are.

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
fn an_empty_series_has_no_chart_and_one_in_a_million_is_visible() {
    assert!(Chart::of_days(&[], date(1), date(7)).is_none());
    let chart = Chart::of_days(&[day(1, 1_000_000, 1)], date(1), date(1)).unwrap();
    assert!(chart.bars.iter().all(|bar| bar.height <= HEIGHT));
}
