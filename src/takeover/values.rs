//! Converts old texts to our columns. Nothing here fails: an unreadable value becomes NULL, empty, or a marker text.

use crate::model::{ids::Fingerprint, status::AlertStatus};
use chrono::{DateTime, Datelike, NaiveDateTime};
use std::collections::BTreeMap;

/// `DATETIME`, `TIMESTAMP` and ISO texts; what MariaDB's zero date and other non-times are is `None`.
pub(crate) fn time(text: Option<&str>) -> Option<NaiveDateTime> {
    let text = text?.trim();
    let naive = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = naive
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.naive_utc()))?;
    (1000..=9999).contains(&time.year()).then_some(time)
}

/// A JSON object's members as texts: other values become their JSON. `None` for what is no object.
pub(crate) fn strings(text: Option<&str>) -> Option<BTreeMap<String, String>> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text?).ok()?;
    let string = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Some(object.into_iter().map(|(name, value)| (name, string(value))).collect())
}

/// Labels or annotations for our column: what is no object is kept as the one member `legacy_text`.
pub(crate) fn object(text: Option<&str>) -> String {
    let members = strings(text).unwrap_or_else(|| {
        let kept = text.map(str::trim).filter(|text| !text.is_empty() && *text != "null");
        kept.map(|text| ("legacy_text".to_owned(), text.to_owned())).into_iter().collect()
    });
    serde_json::to_string(&members).unwrap_or_else(|_| "{}".to_owned())
}

/// The old one if it is one, else of the labels as ingest computes it, else none: such an alert belongs to no episode.
pub(crate) fn fingerprint(old: Option<&str>, labels: Option<&str>) -> String {
    let recomputed =
        || strings(labels).filter(|labels| !labels.is_empty()).map(|labels| Fingerprint::of_labels(&labels));
    old.and_then(Fingerprint::parse).or_else(recomputed).map(|found| found.to_string()).unwrap_or_default()
}

/// `resolved`, however it is written; every other row of the older system was made by an alert that fired.
pub(crate) fn status(text: Option<&str>) -> AlertStatus {
    let resolved = text.is_some_and(|text| text.trim().eq_ignore_ascii_case("resolved"));
    if resolved { AlertStatus::Resolved } else { AlertStatus::Firing }
}

/// A request id for a webhook whose own is missing, taken or no id for us: a UUID made of its row's id, the same in every run.
pub(crate) fn request_id(id: i64) -> String {
    // Version 8, "legacy" in its first bytes.
    const BASE: u128 = 0x6c65_6761_6379_8000_8000_0000_0000_0000;
    uuid::Uuid::from_u128(BASE | u128::from(id.unsigned_abs() & 0x0fff_ffff_ffff_ffff)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_and_zero_dates_are_none() {
        let read = |text| time(Some(text)).map(|time| time.to_string());
        assert_eq!(read("2026-01-14 12:00:00").as_deref(), Some("2026-01-14 12:00:00"));
        assert_eq!(read("2026-01-14 12:00:00.250000").as_deref(), Some("2026-01-14 12:00:00.250"));
        assert_eq!(read("2026-01-14T12:00:00+02:00").as_deref(), Some("2026-01-14 10:00:00"));
        for none in ["0000-00-00 00:00:00", "", "soon", "0001-01-01T00:00:00Z"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn labels_of_any_kind_become_an_object_of_texts() {
        assert_eq!(object(Some(r#"{"b":"x","a":1,"c":null}"#)), r#"{"a":"1","b":"x","c":"null"}"#);
        assert_eq!(object(Some("{broken")), r#"{"legacy_text":"{broken"}"#);
        assert_eq!(object(None), "{}");
        assert_eq!(object(Some("null")), "{}");
    }

    #[test]
    fn a_fingerprint_is_kept_recomputed_or_empty() {
        let labels = Some(r#"{"alertname":"HostDown"}"#);
        let recomputed = fingerprint(Some("test123"), labels);
        assert_eq!(recomputed.len(), 16);
        assert_eq!(fingerprint(Some("A040726554FC8521"), labels), recomputed);
        assert_eq!(fingerprint(Some("a040726554fc8521"), labels), "a040726554fc8521");
        assert_eq!(fingerprint(Some("test123"), Some("{broken")), "");
        assert_eq!(fingerprint(None, Some("{}")), "");
    }

    #[test]
    fn made_request_ids_are_uuids_and_differ() {
        assert_eq!(request_id(1), "6c656761-6379-8000-8000-000000000001");
        assert_ne!(request_id(2), request_id(3));
    }
}
