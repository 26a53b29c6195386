//! What every page has around its content: the title, the list of pages, who is signed in, the theme.

use super::{
    super::context::Caller,
    super::cookies,
    assets,
    notice::Notice,
    strip::{Rail, Strip},
    words::Moment,
};
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
    /// Orders are left out for those who may only read; the server refuses them in any case.
    pub(super) may_order: bool,
    /// Whether all is well; `/` says it itself.
    pub(super) strip: Option<Strip>,
    /// What the list of pages says besides their names.
    pub(super) rail: Rail,
    /// The result of the order that led to this page.
    pub(super) notice: Option<Notice>,
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
        let strip = request.extensions().get::<Strip>().cloned();
        let asked = request.extensions().get::<Caller>().cloned();
        let caller = asked.unwrap_or(Caller { name: None, may_order: false });
        Self {
            page,
            title: title.into(),
            who: caller.name,
            may_order: caller.may_order,
            rail: strip.as_ref().map(|strip| strip.rail.clone()).unwrap_or_default(),
            strip,
            notice: None,
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

    /// The same, with the result of an order.
    pub(super) fn with(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }

    /// The same, with what this page itself has read for the list of pages.
    pub(super) fn with_rail(mut self, rail: Rail) -> Self {
        self.rail = rail;
        self
    }

    /// For `aria-current` in the list of pages.
    pub(super) fn is(&self, page: &str) -> bool {
        self.page == page
    }
}
