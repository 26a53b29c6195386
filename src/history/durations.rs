//! Durations of many executions in little memory: count, average, and quantiles within 1 %.

use chrono::TimeDelta;
use std::collections::BTreeMap;

/// Bits of a duration's microseconds that are kept: a bucket is at most 1/128 of its value wide.
const BITS: u32 = 8;

/// What is known of durations; as large as there are distinct buckets, about 7,000 between a microsecond and a century.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketch {
    count: u64,
    sum: i128,
    buckets: BTreeMap<i64, u64>,
}

impl Sketch {
    /// Adds one; a negative one (StackStorm's clock was set back) counts as none.
    pub(super) fn add(&mut self, duration: TimeDelta) {
        let micros = duration.num_microseconds().unwrap_or(i64::MAX).max(0);
        self.count += 1;
        self.sum += i128::from(micros);
        let shift = (i64::BITS - micros.leading_zeros()).saturating_sub(BITS);
        *self.buckets.entry(micros >> shift << shift).or_default() += 1;
    }

    /// Adds those of another sketch.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// In seconds; `None` of nothing.
    pub(super) fn average(&self) -> Option<f64> {
        let micros = self.sum.checked_div(i128::from(self.count))?;
        Some(TimeDelta::microseconds(i64::try_from(micros).unwrap_or(i64::MAX)).as_seconds_f64())
    }

    /// The duration, in seconds, that `percent` of 100 do not exceed (nearest rank), at most 1 % too short.
    pub(super) fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        let at_rank = |(_, count): &(&i64, &u64)| {
            seen += **count;
            seen >= rank
        };
        let (micros, _) = self.buckets.iter().find(at_rank)?;
        Some(TimeDelta::microseconds(*micros).as_seconds_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_nothing_is_known() {
        let empty = Sketch::default();
        assert_eq!((empty.average(), empty.percentile(95)), (None, None));
    }

    #[test]
    fn p95_is_within_one_percent_of_the_exact_one() {
        let mut sketch = Sketch::default();
        let durations: Vec<i64> = (1..=20_000).map(|n| n * n % 999_983 * 37 + 11).collect();
        for micros in &durations {
            sketch.add(TimeDelta::microseconds(*micros));
        }
        let mut sorted = durations;
        sorted.sort_unstable();
        let exact = TimeDelta::microseconds(sorted[19_000 - 1]).as_seconds_f64();
        let seen = sketch.percentile(95).unwrap();
        assert!(seen <= exact && seen > exact * 0.99, "{seen} {exact}");
        assert!(sketch.buckets.len() < 7_000);
    }

    #[test]
    fn short_ones_and_a_clock_that_was_set_back_are_exact() {
        let mut sketch = Sketch::default();
        for micros in [3, 1, -5, 200] {
            sketch.add(TimeDelta::microseconds(micros));
        }
        assert_eq!((sketch.average(), sketch.percentile(50)), (Some(0.000_051), Some(0.000_001)));
        assert_eq!(sketch.percentile(100), Some(0.0002));
    }
}
