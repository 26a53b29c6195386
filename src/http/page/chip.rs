//! A state as a link above a list.

use super::words::State;

/// One of them.
pub(super) struct Chip {
    /// `None`: all states.
    pub(super) state: Option<State>,
    pub(super) href: String,
    pub(super) current: bool,
    /// How many the list would show; `None` where counting could take long.
    pub(super) rows: Option<String>,
}

impl Chip {
    /// Without a number.
    pub(super) fn new(state: Option<State>, href: String, current: bool) -> Self {
        Self { state, href, current, rows: None }
    }

    /// With a number that stands for itself, or from `most` on for that many or more.
    pub(super) fn counted(self, rows: Option<i64>, most: u16) -> Self {
        let text = |rows: i64| if rows >= i64::from(most) { format!("{most}+") } else { rows.to_string() };
        Self { rows: rows.map(text), ..self }
    }

    /// There is nothing behind it.
    pub(super) fn is_zero(&self) -> bool {
        self.rows.as_deref() == Some("0")
    }
}
