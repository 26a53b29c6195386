//! How states, times and durations are written. A state is a shape, a word and a colour; a time is UTC, and the script shows
//! it in the viewer's zone.

pub(super) use crate::history::explain::{age, count};

use crate::{
    clock,
    model::{
        execution_status::ExecutionStatus,
        status::{AlertStatus, DispatchStatus},
    },
};
use askama::{Template, filters::HtmlSafe};
use chrono::NaiveDateTime;
use std::time::Duration;

/// A state as HTML.
#[derive(Debug, Clone, Template)]
#[template(ext = "html", source = r#"<span class="st {{ class }}">{{ word }}</span>"#)]
pub(super) struct State {
    class: &'static str,
    word: String,
}

/// Its template escapes.
impl HtmlSafe for State {}

impl State {
    /// Any word in one of the colours of the stylesheet.
    pub(super) fn new(class: &'static str, word: impl Into<String>) -> Self {
        Self { class, word: word.into() }
    }

    /// Its colour.
    pub(super) fn class(&self) -> &'static str {
        self.class
    }

    /// Where a dispatch stands.
    pub(super) fn dispatch(status: DispatchStatus) -> Self {
        let class = match status {
            DispatchStatus::Pending | DispatchStatus::Queued => "busy wait",
            DispatchStatus::Dispatching | DispatchStatus::AwaitingExecution => "busy half",
            DispatchStatus::Held => "hold",
            DispatchStatus::Dispatched => "ok",
            DispatchStatus::Failed => "bad",
            DispatchStatus::Skipped => "idle",
        };
        Self::new(class, status.as_str())
    }

    /// What Alertmanager said.
    pub(super) fn alert(status: AlertStatus) -> Self {
        Self::new(if status == AlertStatus::Firing { "busy" } else { "idle" }, status.as_str())
    }

    /// Where an execution stands; `None` where StackStorm's tables do not say.
    pub(super) fn execution(status: Option<&str>) -> Self {
        let Some(word) = status.filter(|word| !word.is_empty()) else { return Self::new("idle", "unknown") };
        let class = match word.parse() {
            Ok(ExecutionStatus::Succeeded) => "ok",
            Ok(ExecutionStatus::Failed | ExecutionStatus::Timeout | ExecutionStatus::Abandoned) => "bad",
            Ok(ExecutionStatus::Canceled) => "idle",
            Ok(ExecutionStatus::Requested | ExecutionStatus::Scheduled | ExecutionStatus::Delayed) => "busy wait",
            // Also a word of a StackStorm that is newer than this program.
            Ok(_) | Err(_) => "busy half",
        };
        Self::new(class, word)
    }
}

/// A time as HTML.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ iso }}" title="{{ utc }} UTC" data-show="{{ show }}">{{ text }}</time>"#
)]
pub(super) struct Moment {
    iso: String,
    utc: String,
    text: String,
    show: &'static str,
}

/// Its template escapes.
impl HtmlSafe for Moment {}

impl Moment {
    /// The clock, with the day where it is not today.
    pub(super) fn clock(at: NaiveDateTime) -> Self {
        let today = at.date() == clock::utc_now().date();
        Self::shown(at, "near", at.format(if today { "%H:%M:%S" } else { "%-d %b %H:%M" }).to_string())
    }

    /// The clock to the millisecond.
    pub(super) fn exact(at: NaiveDateTime) -> Self {
        Self::shown(at, "ms", at.format("%H:%M:%S%.3f").to_string())
    }

    /// The clock to the minute.
    pub(super) fn minute(at: NaiveDateTime) -> Self {
        Self::shown(at, "minute", at.format("%H:%M").to_string())
    }

    /// How long ago it is, without the word.
    pub(super) fn age(at: NaiveDateTime) -> Self {
        Self::shown(at, "age", age((clock::utc_now() - at).num_seconds().max(0)))
    }

    fn shown(at: NaiveDateTime, show: &'static str, text: String) -> Self {
        Self { iso: Self::iso(at), utc: at.format("%Y-%m-%d %H:%M:%S%.3f").to_string(), text, show }
    }

    /// RFC 3339 to the millisecond.
    pub(super) fn iso(at: NaiveDateTime) -> String {
        at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

/// A duration: `0.051 s`, `41.0 s`, `2 min 07 s`, and from an hour as an age.
pub(super) fn duration(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default().as_secs();
    let whole = i64::try_from(whole).unwrap_or(i64::MAX);
    match whole {
        ..1 => format!("{seconds:.3} s"),
        1..60 => format!("{seconds:.1} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => age(whole),
    }
}

/// With a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// JSON, indented; anything else as it is.
pub(super) fn pretty(json: &str) -> String {
    let parsed = serde_json::from_str::<serde_json::Value>(json).and_then(|value| serde_json::to_string_pretty(&value));
    parsed.unwrap_or_else(|_no_json| json.to_owned())
}

/// An address that a link may lead to: no `javascript:` out of an alert.
pub(super) fn link(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
