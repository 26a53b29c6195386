//! Timestamps as StackStorm writes and reads them.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, SubsecRound, Utc};

/// An instant in UTC.
pub(super) type Time = DateTime<Utc>;

/// The present, to the micros that the API shows: what a client reads is what it can ask for.
pub(super) fn now() -> Time {
    Utc::now().trunc_subsecs(6)
}

/// ISO 8601, `Z`, six decimals.
pub(super) fn micros(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The same, cut to milliseconds: `MongoDB` keeps no more of what is not stored as a number.
pub(super) fn millis(at: Time) -> String {
    micros(at.trunc_subsecs(3))
}

/// Six decimals and an offset, as action chains write.
pub(super) fn with_offset(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}

/// Seconds between two instants, with micros.
pub(super) fn seconds_between(from: Time, to: Time) -> f64 {
    (to - from).to_std().map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Reads a filter's timestamp; `Z`, an offset or none, any number of decimals.
pub(super) fn parse(text: &str) -> Option<Time> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|at| at.and_utc())
}
