//! RFC 3339 times as monitoring tools write them.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

/// The years a `DATETIME` column holds.
const FIRST_YEAR: i32 = 1000;
const LAST_YEAR: i32 = 9999;

/// A text that is no time we can store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Not RFC 3339.
    #[error("is not an RFC 3339 time")]
    Unreadable,
    /// Beyond 9999-12-31 in UTC.
    #[error("is after the year 9999")]
    TooLate,
}

/// Reads a time into UTC, cut to microseconds.
///
/// Any number of fraction digits, `Z` or an offset, a lower-case `t` and `z`, and a space between date and time are
/// read. "" and what lies before the year 1000, as Go's zero time does, is `None`.
pub fn parse_time(text: &str) -> Result<Option<NaiveDateTime>, BadTime> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = DateTime::parse_from_rfc3339(text).map_err(|_unreadable| BadTime::Unreadable)?.naive_utc();
    match time.year() {
        ..FIRST_YEAR => Ok(None),
        FIRST_YEAR..=LAST_YEAR => Ok(Some(to_microseconds(time))),
        _ => Err(BadTime::TooLate),
    }
}

fn to_microseconds(time: NaiveDateTime) -> NaiveDateTime {
    // A leap second is a nanosecond above 10^9, which no column holds: the end of the second before it.
    let nanoseconds = time.nanosecond().min(999_999_999);
    time.with_nanosecond(nanoseconds - nanoseconds % 1_000).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::{BadTime, parse_time};

    fn read(text: &str) -> String {
        parse_time(text).unwrap().map_or("none".to_owned(), |time| time.to_string())
    }

    #[test]
    fn any_number_of_fraction_digits_is_cut_to_microseconds() {
        assert_eq!(read("2026-11-22T00:00:01Z"), "2026-11-22 00:00:01");
        assert_eq!(read("2026-11-22T00:00:01.81Z"), "2026-11-22 00:00:01.810");
        assert_eq!(read("2026-11-22T00:00:01.123456789Z"), "2026-11-22 00:00:01.123456");
        assert_eq!(read("2026-11-22T00:00:01.9999999999999999999999999999999999Z"), "2026-11-22 00:00:01.999999");
    }

    #[test]
    fn offsets_become_utc_and_spellings_are_tolerated() {
        assert_eq!(read("2026-11-22T02:00:01+02:00"), "2026-11-22 00:00:01");
        assert_eq!(read("2026-11-22T02:00:01.5-00:30"), "2026-11-22 02:30:01.500");
        assert_eq!(read("2026-11-22t00:00:01z"), "2026-11-22 00:00:01");
        assert_eq!(read("2026-11-22 00:00:01Z"), "2026-11-22 00:00:01");
        assert_eq!(read("2016-12-31T23:59:60.5Z"), "2016-12-31 23:59:59.999999");
    }

    #[test]
    fn the_zero_time_is_none() {
        for zero in ["", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0999-12-31T23:59:59Z"] {
            assert_eq!(read(zero), "none");
        }
        assert_eq!(read("1000-01-01T00:00:00Z"), "1000-01-01 00:00:00");
        assert_eq!(read("1000-01-01T00:00:00+00:01"), "none");
    }

    #[test]
    fn a_time_beyond_the_columns_range_is_refused() {
        assert_eq!(read("9999-12-31T23:59:59.999999999Z"), "9999-12-31 23:59:59.999999");
        assert_eq!(parse_time("9999-12-31T23:59:59-00:01"), Err(BadTime::TooLate));
        for text in ["yesterday", "2026-11-22", "2026-11-22T00:00:01", "2026-13-01T00:00:00Z", "1700000000", " "] {
            assert_eq!(parse_time(text), Err(BadTime::Unreadable), "{text}");
        }
    }
}
