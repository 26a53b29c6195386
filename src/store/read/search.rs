//! Searches by several filters that may be rare only together: no index has them all, so the rows of one filter are walked, newest
//! first, in slices of time. Each slice is as long as all before it; a search that takes too long ends between two slices and says
//! where to go on.

use crate::{database::DatabaseError, store::operate::filter::Filter};
use chrono::{NaiveDateTime, TimeDelta};
use std::time::{Duration, Instant};

/// The first slice: the newest rows are what people look for most.
const FIRST: TimeDelta = TimeDelta::hours(1);

/// A slice of time: from its begin on, and before its end where it has one.
pub(super) type Slice = (NaiveDateTime, Option<NaiveDateTime>);

/// Where a search begins and ends.
pub(super) struct Search {
    /// It goes back from here.
    pub(super) newest: NaiveDateTime,
    /// Before this time there is nothing.
    pub(super) oldest: NaiveDateTime,
    /// Rows that are enough.
    pub(super) rows: usize,
    /// How long it may take, and a slice more at most.
    pub(super) patience: Duration,
}

/// Whether no index answers the filter by itself: two fields that have an index each, or one that has none.
pub(super) fn is_search(filter: &Filter) -> bool {
    if filter.ids.is_some() || filter.request_id.is_some() || filter.fingerprint.is_some() {
        return false;
    }
    let indexed = [
        filter.dispatch_status.is_some(),
        filter.reason.is_some(),
        filter.alert_name.is_some(),
        filter.severity.is_some(),
        filter.instance.is_some(),
        filter.target.is_some(),
    ];
    filter.status.is_some() || filter.route.is_some() || indexed.iter().filter(|given| **given).count() > 1
}

impl Search {
    /// The rows that `read` finds in slice after slice (`read` gets the slice and how many rows are still wanted), and the time back
    /// to which was searched where that is not all.
    pub(super) fn run<T>(
        &self,
        mut read: impl FnMut(Slice, usize) -> Result<Vec<T>, DatabaseError>,
    ) -> Result<(Vec<T>, Option<NaiveDateTime>), DatabaseError> {
        let started = Instant::now();
        let mut rows = Vec::new();
        let (mut end, mut length) = (None, FIRST);
        loop {
            let begin = self.newest - length;
            rows.extend(read((begin, end), self.rows - rows.len())?);
            if begin <= self.oldest || rows.len() >= self.rows {
                return Ok((rows, None));
            }
            if started.elapsed() >= self.patience {
                return Ok((rows, Some(begin)));
            }
            end = Some(begin);
            length = length * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> NaiveDateTime {
        NaiveDateTime::default() + TimeDelta::hours(hours)
    }

    #[test]
    fn slices_touch_each_other_and_the_last_reaches_the_oldest_row() {
        let search = Search { newest: at(100), oldest: at(0), rows: 3, patience: Duration::from_mins(1) };
        let mut seen = Vec::new();
        let found = search.run(|slice, wanted| {
            seen.push(slice);
            assert_eq!(wanted, if seen.len() < 3 { 3 } else { 2 });
            Ok(if seen.len() == 2 { vec!['a'] } else { Vec::new() })
        });
        assert_eq!(found.unwrap(), (vec!['a'], None));
        assert_eq!(seen[..3], [(at(99), None), (at(98), Some(at(99))), (at(96), Some(at(98)))]);
        assert!(seen.last().unwrap().0 <= at(0) && seen.len() == 8, "{seen:?}");
    }

    #[test]
    fn a_search_that_takes_too_long_says_where_it_ended() {
        let search = Search { newest: at(100), oldest: at(0), rows: 3, patience: Duration::ZERO };
        assert_eq!(search.run(|_, _| Ok(vec![1])).unwrap(), (vec![1], Some(at(99))));
        assert_eq!(search.run(|_, wanted| Ok(vec![1; wanted])).unwrap(), (vec![1, 1, 1], None), "enough is enough");
    }
}
