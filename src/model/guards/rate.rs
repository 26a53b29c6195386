//! `20/h`: at most so many starts in each window of this length, wherever the window begins.

use super::POST_AFTER_START;
use chrono::{NaiveDateTime, TimeDelta};
use std::{fmt, str::FromStr};

/// Starts of one window at most.
pub const MOST_STARTS: u32 = 10_000;
/// The longest window; `prune` keeps starts a little longer.
pub const LONGEST_WINDOW: TimeDelta = TimeDelta::days(7);

/// At most `starts` in each window of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From 1 to [`MOST_STARTS`].
    pub starts: u32,
    /// Up to [`LONGEST_WINDOW`].
    pub window: TimeDelta,
}

/// A text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a rate; write starts/window, such as 20/h, 3/10m or 7/d (1 to 10,000 starts, windows of 1s to 7d)"
)]
pub struct NotARate(String);

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let parse = || {
            let (starts, window) = text.split_once('/')?;
            let starts = starts.trim().parse().ok().filter(|starts| (1..=MOST_STARTS).contains(starts))?;
            let window = window.trim();
            // `20/h` is `20/1h`.
            let one = if window.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "1" };
            let window = TimeDelta::from_std(humantime::parse_duration(&format!("{one}{window}")).ok()?).ok()?;
            (TimeDelta::seconds(1)..=LONGEST_WINDOW).contains(&window).then_some(Self { starts, window })
        };
        parse().ok_or_else(|| NotARate(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.to_std().map(humantime::format_duration);
        match window.map(|window| window.to_string()) {
            Ok(window) => {
                let unit = window.strip_prefix('1').filter(|rest| matches!(*rest, "s" | "m" | "h" | "day"));
                write!(
                    f,
                    "{}/{}",
                    self.starts,
                    unit.map_or(window.as_str(), |unit| if unit == "day" { "d" } else { unit })
                )
            }
            Err(_) => write!(f, "{}/{}s", self.starts, self.window.num_seconds()),
        }
    }
}

impl Rate {
    /// When the window allows the next start; a time that is not after `now` is now. `starts`: newest first, at least the
    /// newest [`Self::starts`] of them. Starts in the future of this clock count.
    pub fn next(&self, starts: &[NaiveDateTime]) -> Option<NaiveDateTime> {
        let index = usize::try_from(self.starts).ok()?.checked_sub(1)?;
        starts.get(index).map(|start| *start + self.window + POST_AFTER_START)
    }

    /// How many of these starts the window that ends now holds.
    pub fn in_use(&self, starts: &[NaiveDateTime], now: NaiveDateTime) -> usize {
        starts.iter().filter(|start| **start + self.window + POST_AFTER_START > now).count()
    }

    /// The share of the window that one start takes: the distance of those who wait for it.
    pub fn pace(&self) -> TimeDelta {
        i32::try_from(self.starts).map_or(self.window, |starts| self.window / starts.max(1))
    }
}

/// When all of these rates allow the next start; `None`: now.
pub fn next_of(rates: &[Rate], starts: &[NaiveDateTime], now: NaiveDateTime) -> Option<NaiveDateTime> {
    rates.iter().filter_map(|rate| rate.next(starts)).filter(|next| *next > now).max()
}

/// The newest starts that rates need to know, and since when.
pub fn needed(rates: &[Rate]) -> Option<(u32, TimeDelta)> {
    let most = rates.iter().map(|rate| rate.starts).max()?;
    let longest = rates.iter().map(|rate| rate.window).max()?;
    Some((most, longest + POST_AFTER_START))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_printed() {
        for (text, starts, seconds, printed) in [
            ("20/h", 20, 3600, "20/h"),
            ("3/10m", 3, 600, "3/10m"),
            (" 7 / d", 7, 86_400, "7/d"),
            ("1/1h 30m", 1, 5400, "1/1h 30m"),
            ("10000/7d", 10_000, 604_800, "10000/7days"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.starts, rate.window), (starts, TimeDelta::seconds(seconds)), "{text}");
            assert_eq!(rate.to_string(), printed);
            assert_eq!(printed.parse(), Ok(rate));
        }
        for bad in ["", "20", "20/", "/h", "0/h", "10001/h", "3/8d", "3/100ms", "-1/h", "3/x"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_window_counts_ten_seconds_more_and_the_future() {
        let rate: Rate = "2/m".parse().unwrap();
        let now = chrono::DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::days(1);
        let at = |seconds| now - TimeDelta::seconds(seconds);
        assert_eq!(next_of(&[rate], &[at(5)], now), None);
        assert_eq!(next_of(&[rate], &[at(5), at(69)], now), Some(at(-1)));
        assert_eq!(next_of(&[rate], &[at(5), at(70)], now), None);
        assert_eq!(next_of(&[rate], &[at(-30), at(-30)], now), Some(at(-100)));
        assert_eq!(rate.in_use(&[at(-30), at(69), at(70)], now), 2);
    }
}
