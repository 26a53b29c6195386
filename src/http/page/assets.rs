//! The stylesheet, the script and the icon, from the binary. Their addresses carry a digest of the content, so a browser may
//! keep them for ever and still gets a new version at once.

use actix_web::{HttpRequest, HttpResponse, http::header};
use sha2::{Digest, Sha256};
use std::{fmt::Write, sync::OnceLock};

/// For an address with the digest of this very content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For an address without it.
const ASK_AGAIN: &str = "no-cache";

/// A file in the binary.
pub(super) struct Asset {
    path: &'static str,
    content: &'static str,
    content_type: &'static str,
    digest: OnceLock<String>,
}

/// The stylesheet.
pub(super) static STYLE: Asset = Asset::new("/page/style.css", include_str!("style.css"), "text/css; charset=utf-8");
/// Refresh, keys, times, copying.
pub(super) static SCRIPT: Asset =
    Asset::new("/page/page.js", include_str!("page.js"), "text/javascript; charset=utf-8");
static ICON: Asset = Asset::new("/page/icon.svg", include_str!("icon.svg"), "image/svg+xml");

impl Asset {
    const fn new(path: &'static str, content: &'static str, content_type: &'static str) -> Self {
        Self { path, content, content_type, digest: OnceLock::new() }
    }

    /// Where this version is.
    pub(super) fn address(&self) -> String {
        format!("{}?v={}", self.path, self.digest())
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let digest = Sha256::digest(self.content.as_bytes());
            digest.iter().take(8).fold(String::new(), |mut text, byte| {
                // Writing to a string does not fail.
                _ = write!(text, "{byte:02x}");
                text
            })
        })
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let this_version = request.query_string().strip_prefix("v=") == Some(self.digest());
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, self.content_type))
            .insert_header((header::CACHE_CONTROL, if this_version { FOR_EVER } else { ASK_AGAIN }))
            .body(self.content)
    }
}

/// The stylesheet.
pub(in crate::http) async fn style(request: HttpRequest) -> HttpResponse {
    STYLE.answer(&request)
}

/// The script.
pub(in crate::http) async fn script(request: HttpRequest) -> HttpResponse {
    SCRIPT.answer(&request)
}

/// The icon.
pub(in crate::http) async fn icon(request: HttpRequest) -> HttpResponse {
    ICON.answer(&request)
}
