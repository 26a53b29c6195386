//! `poundcake_alerts.dispatch_log`: what happened to a dispatch besides its success, the last 20 entries as JSON.

use crate::{clock::rfc3339, database::connection::AnyConnection, model::truncate::column};
use chrono::{DateTime, NaiveDateTime};
use diesel::{
    dsl::sql,
    expression::{SqlLiteral, UncheckedBind},
    sql_types::{Nullable, Text},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Entries kept per row.
const KEPT: usize = 20;
/// Characters of a detail kept.
const DETAIL: usize = 500;

/// The event of an execution that we cancelled.
pub const CANCELLED: &str = "cancelled";
/// The event of an uncertain webhook that the next claim may post again.
pub const POST_AGAIN: &str = "post_again";

/// The event of a replay.
pub const REPLAYED: &str = "replayed";

/// The event of a row that a restored backup had as not final: what happened to it since then is not known.
pub const RESTORED: &str = "restored";

/// The event of what was read back from StackStorm after a restore.
pub const READ_BACK: &str = "read_back";

/// The event of what is shown instead of sent, for an approval.
pub const SHOWN: &str = "shown";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339, the database's clock.
    pub at: String,
    /// One word: `retried`, `attempt_failed`, `lookup`, `cancelled`, `adopted`, `replayed`, …
    pub event: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The execution it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// The person or program that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Status and reason before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Of a replay: the generation that it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i32>,
    /// Of a replay of what StackStorm may have run: when the last call before it was made, if the generation before made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt: Option<String>,
    /// Of a replay: the person runs it although StackStorm may have deleted what would show that it ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_unknown: bool,
    /// Of a new generation: the times of the one before, whose columns it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Before>>,
    /// Of what was shown for an approval: its digest, unmasked. An approval copies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of what was shown: the parameters, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<serde_json::Value>,
}

/// When the generation before had its last call to StackStorm, and when that was written down; RFC 3339.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The column `attempted_at`.
    pub attempted_at: Option<String>,
    /// The column `dispatched_at`.
    pub dispatched_at: Option<String>,
}

impl Before {
    /// The columns' values.
    pub fn new(attempted_at: Option<NaiveDateTime>, dispatched_at: Option<NaiveDateTime>) -> Self {
        Self { attempted_at: attempted_at.map(rfc3339), dispatched_at: dispatched_at.map(rfc3339) }
    }
}

impl Entry {
    /// An event at a time.
    pub fn new(at: NaiveDateTime, event: &str) -> Self {
        Self::of(rfc3339(at), event)
    }

    fn of(at: String, event: &str) -> Self {
        Self {
            at,
            event: event.to_owned(),
            detail: None,
            execution_id: None,
            by: None,
            reason: None,
            from: None,
            generation: None,
            last_attempt: None,
            accept_unknown: false,
            before: None,
            digest: None,
            parameters: None,
        }
    }

    /// With a text for people, cut.
    #[must_use]
    pub fn detail(mut self, text: &str) -> Self {
        self.detail = Some(column(text, DETAIL).into_owned());
        self
    }

    /// About this execution.
    #[must_use]
    pub fn execution(mut self, id: &str) -> Self {
        self.execution_id = Some(id.to_owned());
        self
    }

    /// Done by a person, for a reason; both cut.
    #[must_use]
    pub fn author(mut self, by: &str, reason: &str) -> Self {
        self.by = Some(column(by, DETAIL).into_owned());
        self.reason = Some(column(reason, DETAIL).into_owned());
        self
    }

    /// Begins a new generation, after one with these times.
    #[must_use]
    pub fn after(mut self, before: Before) -> Self {
        self.before = Some(Box::new(before));
        self
    }

    /// Whether it must be kept: what was cancelled tells our own cancel from an execution that ran, and a replay of what
    /// may have run says what empty lookups prove.
    fn is_kept(&self) -> bool {
        self.event == CANCELLED || self.last_attempt.is_some() || self.accept_unknown
    }

    fn is_again(&self, other: &Self) -> bool {
        // A new generation is another one each time.
        self.before.is_none()
            && (&self.event, &self.detail, &self.execution_id) == (&other.event, &other.detail, &other.execution_id)
    }

    /// At another time: the database's, when it is written.
    #[must_use]
    pub fn at(mut self, time: NaiveDateTime) -> Self {
        self.at = rfc3339(time);
        self
    }
}

/// The column's new text. What is there and cannot be read stays, as the text of an entry; see [`entries`].
///
/// The same event again takes the place of the last one (a lookup every few seconds is one entry), and what must be kept
/// is never pushed out.
pub fn append(log: Option<&str>, entry: &Entry) -> String {
    let mut entries = entries(log);
    if entries.last().is_some_and(|last| last.is_again(entry)) {
        entries.pop();
    }
    entries.push(entry.clone());
    while entries.len() > KEPT {
        let oldest = entries.iter().position(|entry| !entry.is_kept()).unwrap_or_default();
        entries.remove(oldest);
    }
    serde_json::to_string(&entries).unwrap_or_else(|_| "[]".to_owned())
}

/// See [`appended_in_sql`].
pub(crate) type AppendedInSql =
    SqlLiteral<Nullable<Text>, UncheckedBind<SqlLiteral<Nullable<Text>>, diesel::dsl::AsExprOf<String, Text>>>;

/// [`append`] as an SQL expression, for one UPDATE of many rows: each row's own log with the entry, whose `from` is that
/// row's status and reason. Where StackStorm was called and may have run it, `last_attempt` says when; and where the entry
/// begins a generation, its `before` says the times of the row.
pub(crate) fn appended_in_sql(conn: &AnyConnection, entry: &Entry) -> AppendedInSql {
    let [length, value, function, end, time] = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => {
            ["JSON_LENGTH", "JSON_VALUE", "JSON_ARRAY_APPEND", "'$'", "DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%s.%fZ')"]
        }
        // The text that diesel writes.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => {
            ["json_array_length", "json_extract", "json_insert", "'$[#]'", "REPLACE({column}, ' ', 'T') || 'Z'"]
        }
    };
    let set = |column| format!(", '$.before.{column}', {}", time.replace("{column}", column));
    let before = entry.before.as_ref().map(|_| set("attempted_at") + &set("dispatched_at")).unwrap_or_default();
    let old = format!(
        "CASE WHEN dispatch_log IS NULL THEN '[]' WHEN NOT JSON_VALID(dispatch_log) OR UPPER(JSON_TYPE(dispatch_log)) <> 'ARRAY' \
         THEN JSON_ARRAY(JSON_OBJECT('at', '-', 'event', '{UNREADABLE}', 'detail', dispatch_log)) \
         WHEN {length}(dispatch_log) < {KEPT} THEN dispatch_log {} ELSE JSON_REMOVE(dispatch_log, '$[0]') END",
        oldest_that_may_go(value)
    );
    let entry = serde_json::to_string(entry).unwrap_or_else(|_| "{}".to_owned());
    let called = format!("{MAY_HAVE_RUN} AND attempted_at IS NOT NULL");
    let time = time.replace("{column}", "attempted_at");
    sql::<Nullable<Text>>(&format!("{function}({old}, {end}, JSON_SET(")).bind::<Text, _>(entry).sql(&format!(
        ", '$.from', {FROM}, CASE WHEN {called} THEN '$.last_attempt' ELSE '$.from' END, \
             CASE WHEN {called} THEN {time} ELSE {FROM} END{before}))"
    ))
}

const FROM: &str = "CONCAT(dispatch_status, '/', COALESCE(dispatch_reason, '-'))";
/// Of a row: StackStorm may have run it; it is unknown.
pub(crate) const MAY_HAVE_RUN: &str = "(dispatch_uncertain OR COALESCE(dispatch_reason, '') = 'uncertain')";

/// As in [`append`], what must be kept stays.
fn oldest_that_may_go(value: &str) -> String {
    let when = |n: usize| {
        format!(
            "WHEN COALESCE({value}(dispatch_log, '$[{n}].event'), '') <> '{CANCELLED}' \
             AND {value}(dispatch_log, '$[{n}].last_attempt') IS NULL AND {value}(dispatch_log, '$[{n}].accept_unknown') IS NULL \
             THEN JSON_REMOVE(dispatch_log, '$[{n}]') "
        )
    };
    (0..KEPT).map(when).collect()
}

/// The event of what is in the column and cannot be read, such as an entry of a newer version.
const UNREADABLE: &str = "unreadable";

/// The entries, oldest first. What cannot be read is an entry too, whose detail is the text as it is.
pub fn entries(log: Option<&str>) -> Vec<Entry> {
    let Some(text) = log else { return Vec::new() };
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(entries) => entries.into_iter().map(|entry| entry_of(entry.get())).collect(),
        Err(_) => vec![unreadable(text)],
    }
}

fn entry_of(text: &str) -> Entry {
    serde_json::from_str(text).unwrap_or_else(|_| unreadable(text))
}

fn unreadable(text: &str) -> Entry {
    // The time of an entry is the time of its event, which is not known.
    Entry::of("-".to_owned(), UNREADABLE).detail(text)
}

/// True when nothing was written after the last event of this kind.
pub fn ends_with(log: Option<&str>, event: &str) -> bool {
    entries(log).last().is_some_and(|last| last.event == event)
}

/// The executions that entries of this event are about.
pub fn executions(log: Option<&str>, event: &str) -> Vec<String> {
    entries(log).into_iter().filter(|entry| entry.event == event).filter_map(|entry| entry.execution_id).collect()
}

/// Whether the replay that began this generation runs it although StackStorm may have deleted what would show that it ran.
pub fn accepts_unknown(log: Option<&str>, generation: i32) -> bool {
    entries(log).iter().any(|entry| entry.accept_unknown && entry.generation == Some(generation))
}

/// When generations before this one called StackStorm last, as far as their replays say.
pub fn last_attempt(log: Option<&str>) -> Option<NaiveDateTime> {
    let read = |entry: &Entry| DateTime::parse_from_rfc3339(entry.last_attempt.as_deref()?).ok();
    entries(log).iter().filter_map(read).max().map(|time| time.naive_utc())
}

/// When `poundcake restored` looked at the row: until then a process that the backup does not know may have called StackStorm.
pub fn restored_at(log: Option<&str>) -> Option<NaiveDateTime> {
    let read = |entry: &Entry| DateTime::parse_from_rfc3339(&entry.at).ok();
    let restored = entries(log).into_iter().filter(|entry| entry.event == RESTORED);
    restored.filter_map(|entry| read(&entry)).max().map(|time| time.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_replay_of_an_uncertain_dispatch() {
        let at = crate::clock::utc_now();
        let mut replayed = Entry::new(at, REPLAYED);
        replayed.last_attempt = Some("2026-11-22T01:00:00.000000Z".to_owned());
        (replayed.accept_unknown, replayed.generation) = (true, Some(3));
        let mut log = append(None, &replayed);
        for n in 0..50 {
            log = append(Some(&log), &Entry::new(at, "lookup").detail(&n.to_string()));
        }
        assert!(accepts_unknown(Some(&log), 3));
        assert!(!accepts_unknown(Some(&log), 4), "it holds for one generation");
        assert_eq!(last_attempt(Some(&log)).map(rfc3339).as_deref(), Some("2026-11-22T01:00:00.000000Z"));
    }

    #[test]
    fn the_last_twenty_entries_are_kept_in_order() {
        let at = crate::clock::utc_now();
        let mut log = None;
        for n in 0..25 {
            log = Some(append(log.as_deref(), &Entry::new(at, "attempt_failed").detail(&n.to_string())));
        }
        let again = append(log.as_deref(), &Entry::new(at, "attempt_failed").detail("24"));
        assert_eq!(Some(&again), log.as_ref(), "the same event again");
        let entries: Vec<Entry> = serde_json::from_str(&again).unwrap();
        let details: Vec<_> = entries.iter().filter_map(|entry| entry.detail.as_deref()).collect();
        assert_eq!((details.len(), details[0], details[19]), (20, "5", "24"));
    }

    #[test]
    fn an_unreadable_row_stays_and_is_shown() {
        let at = crate::clock::utc_now();
        for (there, shown) in [("not json", "not json"), (r#"[{"at":7}]"#, r#"{"at":7}"#), (r#"{"a":1}"#, r#"{"a":1}"#)]
        {
            let log = append(Some(there), &Entry::new(at, "lookup"));
            let log = append(Some(&log), &Entry::new(at, "adopted"));
            let entries = entries(Some(&log));
            assert_eq!(
                entries.iter().map(|entry| entry.event.as_str()).collect::<Vec<_>>(),
                ["unreadable", "lookup", "adopted"]
            );
            assert_eq!((entries[0].at.as_str(), entries[0].detail.as_deref()), ("-", Some(shown)));
        }
        let newer = r#"[{"at":"t","event":"cancelled","execution_id":"6b02"},{"event":7}]"#;
        assert_eq!(executions(Some(newer), CANCELLED), ["6b02"], "one entry does not hide the others");
    }

    #[test]
    fn the_log_keeps_every_cancelled_execution() {
        let at = crate::clock::utc_now();
        let mut log = append(None, &Entry::new(at, CANCELLED).execution("6b02"));
        for n in 0..50 {
            log = append(Some(&log), &Entry::new(at, "lookup").detail(&n.to_string()));
        }
        assert_eq!(executions(Some(&log), CANCELLED), ["6b02"]);
    }
}
