//! Refuses requests that a foreign web page makes a browser send and that would change something.
//!
//! Without tokens the server listens on loopback, where every page that is open in a browser can reach it; with tokens, a
//! browser may have a Basic password cached. A browser names the page's origin with every POST; programs name none.

use super::problem::Problem;
use actix_web::{
    HttpRequest,
    http::{Method, header, uri::Authority},
};

/// Refuses what would change something and comes from a page of another origin.
pub(super) fn check(request: &HttpRequest) -> Result<(), Problem> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || comes_from_here(request) { Ok(()) } else { Err(Problem::CrossOrigin) }
}

fn comes_from_here(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    // What current browsers say themselves, and no page can change: it holds behind a proxy that sets another Host too.
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else { return true };
    let here = request.uri().authority().map(Authority::as_str).or(text(header::HOST.as_str()));
    origin.split_once("://").is_some_and(|(_, there)| Some(there) == here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn passes(request: TestRequest, headers: &[(&'static str, &'static str)]) -> bool {
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        check(&request.to_http_request()).is_ok()
    }

    #[test]
    fn changes_come_from_programs_or_from_our_own_page() {
        let table: [(bool, &[(&str, &str)]); 8] = [
            (true, &[]),
            (true, &[("host", "127.0.0.1:8000"), ("origin", "http://127.0.0.1:8000")]),
            (
                true,
                &[("host", "inner:8000"), ("origin", "https://poundcake.example"), ("sec-fetch-site", "same-origin")],
            ),
            (false, &[("host", "127.0.0.1:8000"), ("origin", "http://evil.example")]),
            (false, &[("host", "127.0.0.1:8000"), ("origin", "http://127.0.0.1:8001")]),
            (false, &[("host", "127.0.0.1:8000"), ("origin", "null")]),
            (false, &[("host", "127.0.0.1:8000"), ("sec-fetch-site", "cross-site")]),
            (false, &[("origin", "http://evil.example")]),
        ];
        for (expected, headers) in table {
            assert_eq!(passes(TestRequest::post(), headers), expected, "{headers:?}");
            assert!(passes(TestRequest::get(), headers), "{headers:?}");
        }
    }
}
