//! Times for people: in this machine's zone (`TZ`), with its offset. Programs get UTC (`--output json`).

use chrono::{Local, NaiveDateTime, TimeZone};

/// To the second.
pub(super) fn second(time: NaiveDateTime) -> String {
    Local.from_utc_datetime(&time).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// To the millisecond.
pub(super) fn millisecond(time: NaiveDateTime) -> String {
    Local.from_utc_datetime(&time).format("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// Only the time of day, to the millisecond.
pub(super) fn of_day(time: NaiveDateTime) -> String {
    Local.from_utc_datetime(&time).format("%H:%M:%S%.3f").to_string()
}
