//! Numbers about numbers.

use std::time::Duration;

/// A count as a floating point number; none here comes near 2^53.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts far below 2^53 are exact")]
pub fn float(count: usize) -> f64 {
    count as f64
}

/// Milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle one; 0 of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// A percentile of sorted times, in milliseconds; 0 of none.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().map_or(0.0, millis)
}
