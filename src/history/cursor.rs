//! `next`: a place in a list as an opaque text. It names the list, so that one list's cursor is not taken for another's.

use crate::database::page::Position;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::DateTime;

/// A list that has pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Webhooks.
    Requests,
    /// Alerts.
    Alerts,
    /// Links to executions.
    Executions,
    /// Orders of operators.
    Orders,
}

impl List {
    /// Its name in the path and in the answer.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Alerts => "alerts",
            Self::Executions => "executions",
            Self::Orders => "orders",
        }
    }
}

/// The text for a place.
pub fn encode(list: List, position: Position) -> String {
    let Position { at, id } = position;
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{}/{id}", list.word(), at.and_utc().timestamp_micros()))
}

/// The place, or what is wrong with the text.
pub fn decode(list: List, text: &str) -> Result<Position, &'static str> {
    const UNKNOWN: &str = "not a cursor of this list; pass the `next` of its last page as it is";
    let read = || {
        let plain = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = plain.split('/');
        let (word, micros, id) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let position = Position { at: DateTime::from_timestamp_micros(micros)?.naive_utc(), id };
        // Nothing but what was handed out: no second spelling, no year that a database cannot hold.
        let ours = word == list.word() && id > 0 && micros > 0 && encode(list, position) == text;
        (ours && chrono::Datelike::year(&position.at) < 10_000).then_some(position)
    };
    read().ok_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_only_by_its_own_list() {
        let position = Position { at: crate::clock::utc_now(), id: 42 };
        let text = encode(List::Alerts, position);
        assert_eq!(decode(List::Alerts, &text), Ok(position));
        assert!(decode(List::Requests, &text).is_err());
    }

    #[test]
    fn an_unknown_cursor_is_refused() {
        for text in ["", "42", "alerts/1/1", "YWxlcnRzLzEvMQ==", "YWxlcnRzLy0xLzE", "YWxlcnRzLysxLzE", "\u{1f525}"] {
            assert!(decode(List::Alerts, text).is_err(), "{text}");
        }
        let far = BASE64_URL_SAFE_NO_PAD.encode(format!("alerts/{}/1", i64::MAX));
        assert!(decode(List::Alerts, &far).is_err());
    }
}
