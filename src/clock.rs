//! The only place that asks this host for the time of day.
//!
//! Whatever is compared between hosts (due times, leases, ages) uses the database's clock instead (`database::transaction::now`).

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};

/// UTC now, cut to microseconds, which is what both databases keep.
pub fn utc_now() -> NaiveDateTime {
    cut(Utc::now().naive_utc())
}

/// Cuts a time to microseconds.
pub fn cut(time: NaiveDateTime) -> NaiveDateTime {
    time.with_nanosecond(time.nanosecond() / 1_000 * 1_000).unwrap_or(time)
}

/// A time from outside, as the databases can compare it: to the microsecond, no leap second, years 1 to 9999.
pub fn comparable(time: DateTime<Utc>) -> NaiveDateTime {
    let micros = DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time).naive_utc();
    match micros.year() {
        ..1 => DateTime::UNIX_EPOCH.naive_utc(),
        1..=9999 => micros,
        _ => micros.with_year(9999).unwrap_or(NaiveDateTime::MAX),
    }
}

/// RFC 3339 with `Z` and microseconds, for JSON and for people.
pub fn rfc3339(time: NaiveDateTime) -> String {
    time.and_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
