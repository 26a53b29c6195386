//! Texts of settings into values, with errors that say what to write.

use std::time::Duration;

/// `35s`, `10m`, `1h 30m`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim())
        .map_err(|error| format!("{error}; write a duration such as 500ms, 35s, 10m, 6h"))
}

/// `on` or `off`.
pub(super) fn on_or_off(text: &str) -> Result<bool, String> {
    match text.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("{other:?} is neither; write on or off")),
    }
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

/// The stream is server-sent events over HTTP; `ws://` and `wss://`, which people write, are taken for it.
pub(super) fn stream_url(text: &str) -> Result<url::Url, String> {
    const WANTED: &str = "write http://host:9102/v1/stream, or https://host/stream/v1/stream behind nginx";
    let text = match text.split_once("://") {
        Some(("ws", rest)) => format!("http://{rest}"),
        Some(("wss", rest)) => format!("https://{rest}"),
        _ => text.to_owned(),
    };
    let url = url::Url::parse(&text).map_err(|error| format!("{error}; {WANTED}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("no http(s):// or ws(s):// URL without a password; {WANTED}"));
    }
    Ok(url)
}

/// The operator page links to the web UI, so a password in this URL would be visible to every reader of the page.
pub(super) fn web_url(text: &str) -> Result<url::Url, String> {
    const WANTED: &str = "write https://host/";
    let url = url::Url::parse(text.trim()).map_err(|error| format!("{error}; {WANTED}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("no http(s):// URL without a user and a password; {WANTED}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_for_people_has_no_password() {
        assert_eq!(web_url("https://st2.example/").unwrap().as_str(), "https://st2.example/");
        for bad in
            ["st2.example", "ftp://st2.example/", "https://user:s3cret@st2.example/", "https://s3cret@st2.example/"]
        {
            let error = web_url(bad).unwrap_err();
            assert!(error.contains("write https://host/") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_stream_is_http_however_it_is_written() {
        assert_eq!(stream_url("ws://st2:9102/v1/stream").unwrap().as_str(), "http://st2:9102/v1/stream");
        assert_eq!(stream_url("wss://st2/stream/v1/stream").unwrap().as_str(), "https://st2/stream/v1/stream");
        assert_eq!(stream_url("http://st2/v1/stream").unwrap().as_str(), "http://st2/v1/stream");
        for bad in ["st2:9102", "ftp://st2/", "http://user:s3cret@st2/"] {
            let error = stream_url(bad).unwrap_err();
            assert!(error.contains("9102/v1/stream") && !error.contains("s3cret"), "{error}");
        }
    }

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
