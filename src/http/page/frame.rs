//! What every page has around its content: the title, the list of pages, who is signed in, the theme.

use super::{super::context::Caller, super::cookies, assets, words::Moment};
use crate::clock;
use actix_web::{HttpMessage, HttpRequest};

/// Seconds between two refreshes.
const REFRESH: u32 = 5;

/// The frame of one page.
pub(super) struct Frame {
    /// Which entry of the list of pages is this one; empty for none.
    pub(super) page: &'static str,
    pub(super) title: String,
    /// The token's name; `None` where no token is needed.
    pub(super) who: Option<String>,
    /// `light`, `dark`, or empty: as the system prefers.
    pub(super) theme: &'static str,
    pub(super) now: String,
    /// Seconds; 0 for a page that does not change.
    pub(super) refresh: u32,
    pub(super) style: String,
    pub(super) script: String,
}

impl Frame {
    /// The frame of a page for who asks.
    pub(super) fn of(request: &HttpRequest, page: &'static str, title: impl Into<String>) -> Self {
        let theme = match cookies::get(request, cookies::THEME) {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "",
        };
        Self {
            page,
            title: title.into(),
            who: request.extensions().get::<Caller>().and_then(|caller| caller.0.clone()),
            theme,
            now: Moment::iso(clock::utc_now()),
            refresh: REFRESH,
            style: assets::STYLE.address(),
            script: assets::SCRIPT.address(),
        }
    }

    /// The same for a page that stays as it is.
    pub(super) fn still(mut self) -> Self {
        self.refresh = 0;
        self
    }

    /// For `aria-current` in the list of pages.
    pub(super) fn is(&self, page: &str) -> bool {
        self.page == page
    }
}
