//! What people have waived for one generation of a dispatch (`poundcake_alerts.dispatch_waived`): a small JSON object.
//!
//! `release` and an operator's replay write it, `approve` too; admission reads it. The dispatcher frees places by it, and moves ages. A
//! new generation begins without any.

use crate::clock::rfc3339;
use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which guards no longer hold this generation. Limits (`max_in_flight`, `rate`, `per_target`) cannot be waived.
///
/// The column `guard_key` looks for `"brake"` in the text, so what is not waived is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waivers {
    /// The brake of its route.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brake: bool,
    /// The cooldown of its fingerprint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cooldown: bool,
    /// The approval, for exactly what has this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Its place: its execution had not begun at `POUNDCAKE_EXECUTION_DEADLINE`, and StackStorm said so. The start that follows
    /// takes a place again.
    ///
    /// The counts of places look for `"overdue"` in the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// Its age counts from this time instead of `pending_at`: the time that it waited for an approval is not its fault.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_time",
        deserialize_with = "read_time"
    )]
    pub age_from: Option<NaiveDateTime>,
}

impl Waivers {
    /// Reads the column. A text that is no such object waives nothing; members that are not known are left out.
    pub fn parse(column: Option<&str>) -> Self {
        column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The column's value; `None` where nothing is waived.
    pub fn print(&self) -> Option<String> {
        (*self != Self::default()).then(|| serde_json::to_string(self).ok())?
    }
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn write_time<S: Serializer>(time: &Option<NaiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(rfc3339).serialize(serializer)
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDateTime>, D::Error> {
    let time: Option<DateTime<chrono::Utc>> = Option::deserialize(deserializer)?;
    Ok(time.map(|time| time.naive_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waived_guards_are_read_back() {
        let age_from = crate::clock::utc_now();
        let all = Waivers {
            brake: true,
            cooldown: true,
            approval: Some("ab".repeat(32)),
            overdue: true,
            age_from: Some(age_from),
        };
        let text = all.print().unwrap();
        assert_eq!(Waivers::parse(Some(&text)), all);
        assert!(text.len() <= 255, "the column's width: {text}");
    }

    #[test]
    fn guards_that_are_not_waived_are_not_written() {
        assert_eq!(Waivers::default().print(), None);
        let cooldown = Waivers { cooldown: true, ..Waivers::default() };
        assert_eq!(cooldown.print().as_deref(), Some(r#"{"cooldown":true}"#));
    }

    #[test]
    fn an_unreadable_waiver_waives_nothing() {
        for text in [None, Some(""), Some("brake"), Some(r#"{"brake":"yes"}"#), Some(r#"{"age_from":"noon"}"#)] {
            assert_eq!(Waivers::parse(text), Waivers::default(), "{text:?}");
        }
        let newer = Waivers::parse(Some(r#"{"brake":true,"newer":1}"#));
        assert_eq!(newer.print().as_deref(), Some(r#"{"brake":true}"#));
    }
}
