//! `poundcake_alerts.dispatch_log`: what happened to a dispatch besides its success, the last 20 entries as JSON.

use super::any::AnyConnection;
use crate::{clock::rfc3339, model::column::column};
use chrono::NaiveDateTime;
use diesel::{
    dsl::sql,
    expression::{SqlLiteral, UncheckedBind},
    sql_types::{Nullable, Text},
};
use serde::{Deserialize, Serialize};

/// Entries kept per row.
const KEPT: usize = 20;
/// Characters of a detail kept.
const DETAIL: usize = 500;

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
}

impl Entry {
    /// An event at a time.
    pub fn new(at: NaiveDateTime, event: &str) -> Self {
        let at = rfc3339(at);
        Self { at, event: event.to_owned(), detail: None, execution_id: None, by: None, reason: None, from: None }
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

    /// The column's new text.
    pub fn appended_to(&self, log: Option<&str>) -> String {
        append(log, self)
    }
}

/// The column's new text. What is there and cannot be read is dropped, never an error.
pub fn append(log: Option<&str>, entry: &Entry) -> String {
    let mut entries: Vec<Entry> = log.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    entries.push(entry.clone());
    let surplus = entries.len().saturating_sub(KEPT);
    entries.drain(..surplus);
    serde_json::to_string(&entries).unwrap_or_else(|_| "[]".to_owned())
}

/// See [`appended_in_sql`].
pub(super) type AppendedInSql =
    SqlLiteral<Nullable<Text>, UncheckedBind<SqlLiteral<Nullable<Text>>, diesel::dsl::AsExprOf<String, Text>>>;

/// [`append`] as an SQL expression, for one UPDATE of many rows: each row's own log with the entry, whose `from` is that
/// row's status and reason.
pub(super) fn appended_in_sql(conn: &AnyConnection, entry: &Entry) -> AppendedInSql {
    let (length, append) = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => ("JSON_LENGTH", ("JSON_ARRAY_APPEND", "'$'")),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => ("json_array_length", ("json_insert", "'$[#]'")),
    };
    let (function, end) = append;
    let old = format!(
        "CASE WHEN dispatch_log IS NULL OR NOT JSON_VALID(dispatch_log) THEN '[]' \
         WHEN {length}(dispatch_log) >= {KEPT} THEN JSON_REMOVE(dispatch_log, '$[0]') ELSE dispatch_log END"
    );
    let entry = serde_json::to_string(entry).unwrap_or_else(|_| "{}".to_owned());
    sql::<Nullable<Text>>(&format!("{function}({old}, {end}, JSON_SET("))
        .bind::<Text, _>(entry)
        .sql(", '$.from', CONCAT(dispatch_status, '/', COALESCE(dispatch_reason, '-'))))")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_twenty_entries_are_kept_in_order() {
        let at = crate::clock::utc_now();
        let mut log = Some("not json".to_owned());
        for n in 0..25 {
            log = Some(append(log.as_deref(), &Entry::new(at, "attempt_failed").detail(&n.to_string())));
        }
        let entries: Vec<Entry> = serde_json::from_str(&log.unwrap()).unwrap();
        let details: Vec<_> = entries.iter().filter_map(|entry| entry.detail.as_deref()).collect();
        assert_eq!((details.len(), details[0], details[19]), (20, "5", "24"));
    }
}
