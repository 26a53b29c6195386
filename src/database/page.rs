//! Keyset paging, newest first by (`created_at`, `id`): a page begins where the last one ended, whatever was inserted since.

use chrono::NaiveDateTime;

/// A place in a list: the row after which the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The row's `created_at`.
    pub at: NaiveDateTime,
    /// The row's `id`, among those of the same time.
    pub id: i64,
}

/// How much of a list, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Rows at most.
    pub limit: u16,
    /// Only rows after this one.
    pub after: Option<Position>,
}

impl Window {
    /// One row more than asked for tells whether there is a next page.
    pub(crate) fn rows(self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many as asked for.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// Makes a page of what a query with [`Window::rows`] found.
    pub(crate) fn cut(mut rows: Vec<T>, window: Window, position: impl Fn(&T) -> Position) -> Self {
        let limit = usize::from(window.limit);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(position);
        Self { rows, next }
    }

    /// An empty last page.
    pub(crate) fn none() -> Self {
        Self { rows: Vec::new(), next: None }
    }
}

/// The condition that begins after a [`Position`], for a table with `created_at` and `id`.
macro_rules! after {
    ($dsl:ident, $position:expr) => {
        $dsl::created_at.le($position.at).and($dsl::created_at.lt($position.at).or($dsl::id.lt($position.id)))
    };
}
pub(crate) use after;
