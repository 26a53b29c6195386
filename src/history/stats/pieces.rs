//! A range in pieces: whole days, whole hours of the last two days, and what is left at its ends. The counters of whole days and
//! hours are kept, for good once all their executions have ended.

use super::{Range, tally::Tally};
use crate::store::read::rhythm::Step;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A link is written within moments; what is older than this is complete.
const SETTLED: TimeDelta = TimeDelta::minutes(10);
/// Days that are counted by the hour: their executions may still run.
const BY_HOUR: TimeDelta = TimeDelta::days(1);
/// How long counters are kept while an execution among them has not ended.
const CHANGING: Duration = Duration::from_mins(1);
/// Pieces kept at most: years of days.
const MOST: usize = 4_000;

/// A piece of time, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: NaiveDateTime,
    pub(super) to: NaiveDateTime,
    /// A whole day or hour that is over.
    pub(super) is_kept: bool,
}

/// The pieces of a range, oldest first. `first`: before the day of the first link there is nothing to be counted.
pub(super) fn of(range: Range, first: Option<NaiveDateTime>, now: NaiveDateTime) -> Vec<Piece> {
    let Some(first) = first else { return Vec::new() };
    let (mut from, to) = (range.from.naive_utc().max(midnight(first.date())), range.to.naive_utc());
    let mut pieces = Vec::new();
    while from < to {
        let (whole, end) = next(from, now);
        let is_kept = from == whole && end <= to && end <= now - SETTLED;
        // Nothing is there yet; one piece is enough for all of it.
        let end = if end > now { to } else { end.min(to) };
        pieces.push(Piece { from, to: end, is_kept });
        from = end;
    }
    pieces
}

/// Begin and end of the day or hour that holds a time.
fn next(at: NaiveDateTime, now: NaiveDateTime) -> (NaiveDateTime, NaiveDateTime) {
    let day = at.date().and_time(chrono::NaiveTime::MIN);
    let by_hour = midnight(now.date()) - BY_HOUR;
    if day < by_hour {
        return (day, day + TimeDelta::days(1));
    }
    let hour = Step::Hour.begin(at);
    (hour, hour + TimeDelta::hours(1))
}

fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(chrono::NaiveTime::MIN)
}

/// Counters of whole days and hours.
#[derive(Default)]
pub(in crate::history) struct Tallies(Mutex<HashMap<Span, Kept>>);

/// Begin and end.
type Span = (NaiveDateTime, NaiveDateTime);
/// Counters, and until when they are as good as new; `None`: for good.
type Kept = (Arc<Tally>, Option<Instant>);

impl Tallies {
    pub(super) fn get(&self, piece: Piece) -> Option<Arc<Tally>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tally, until) = kept.get(&(piece.from, piece.to)).filter(|_| piece.is_kept)?;
        until.is_none_or(|until| Instant::now() < until).then(|| Arc::clone(tally))
    }

    pub(super) fn keep(&self, piece: Piece, tally: &Arc<Tally>) {
        if !piece.is_kept {
            return;
        }
        let until = (!tally.is_final()).then(|| Instant::now() + CHANGING);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert((piece.from, piece.to), (Arc::clone(tally), until));
    }

    /// What was pruned is counted no longer.
    pub(super) fn forget_before(&self, first: Option<NaiveDateTime>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(from, _), (tally, _)| first.is_some_and(|first| *from >= first) || tally.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    fn range(from: &str, to: &str) -> Range {
        Range::new(Some(at(from).and_utc()), Some(at(to).and_utc())).unwrap()
    }

    #[test]
    fn a_range_is_days_then_hours_and_what_is_left_and_nothing_twice() {
        let now = at("2026-12-10 03:14:15");
        let first = Some(at("2020-01-01 00:00:00"));
        let pieces = of(range("2026-12-07 12:30:00", "2026-12-10 03:14:15"), first, now);
        assert_eq!(
            (pieces[0].from, pieces[0].to, pieces[0].is_kept),
            (at("2026-12-07 12:30:00"), at("2026-12-08 00:00:00"), false)
        );
        assert_eq!(
            (pieces[1].from, pieces[1].to, pieces[1].is_kept),
            (at("2026-12-08 00:00:00"), at("2026-12-09 00:00:00"), true)
        );
        assert_eq!(pieces.len(), 2 + 24 + 4, "hours of yesterday and of today");
        assert!(pieces.windows(2).all(|two| two[0].to == two[1].from));
        let last = pieces.last().unwrap();
        assert_eq!((last.to, last.is_kept), (at("2026-12-10 03:14:15"), false));
        assert_eq!(pieces.iter().filter(|piece| piece.is_kept).count(), 1 + 24 + 3);
    }

    #[test]
    fn the_future_is_one_piece_and_an_hour_that_is_just_over_is_not_kept() {
        let now = at("2026-12-10 03:05:00");
        let first = Some(at("2026-12-10 02:30:00"));
        let pieces = of(range("2000-01-01 00:00:00", "2027-12-10 00:00:00"), first, now);
        assert_eq!(pieces.len(), 4, "from the first link's day on");
        let after = of(range("2026-12-10 02:00:00", "2027-12-10 00:00:00"), first, now);
        assert_eq!(after, pieces[2..]);
        assert!(after.iter().all(|piece| !piece.is_kept));
        assert!(of(range("2000-01-01 00:00:00", "2027-12-10 00:00:00"), None, now).is_empty());
    }

    #[test]
    fn pruned_rows_are_forgotten() {
        let tallies = Tallies::default();
        let piece = Piece { from: at("2026-12-01 00:00:00"), to: at("2026-12-02 00:00:00"), is_kept: true };
        tallies.keep(piece, &Arc::default());
        tallies.forget_before(None);
        assert!(tallies.get(piece).is_some(), "a day without executions stays one");
        assert!(tallies.get(Piece { is_kept: false, ..piece }).is_none());
    }
}
