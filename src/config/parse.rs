//! Texts of settings into values, with errors that say what to write.

use std::time::Duration;

/// `35s`, `10m`, `1h 30m`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim())
        .map_err(|error| format!("{error}; write a duration such as 500ms, 35s, 10m, 6h"))
}

/// Long enough for MariaDB's own bounds (a lock wait is 3 s) to come first.
pub(super) fn database_timeout(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(5);
    let timeout = duration(text)?;
    if timeout < SHORTEST { Err("too short; write 5s or more".to_owned()) } else { Ok(timeout) }
}

/// A number of bytes, or with a unit: `33554432`, `32MiB`, `64 KiB`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, usize); 4] = [("", 1), ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30)];
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let value = digits.parse::<usize>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    value
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| format!("{text:?} is no size; write bytes, KiB, MiB or GiB, such as 32MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_binary_units() {
        assert_eq!(bytes("33554432"), Ok(33_554_432));
        assert_eq!(bytes("4 MiB"), Ok(4 << 20));
        assert_eq!(bytes("1kib"), Ok(1024));
        for bad in ["", "0", "MiB", "3MB", "-1", "99999999999999999999", "99999999999999GiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(duration(" 2m "), Ok(Duration::from_mins(2)));
        assert!(duration("35").unwrap_err().contains("35s"));
        assert_eq!(database_timeout("5s"), Ok(Duration::from_secs(5)));
        assert!(database_timeout("4s").unwrap_err().contains("5s"));
    }
}
